import math

import pytest
import torch

from chromm_ros.training import scene_losses


def pose(angle: float = 0.0, x: float = 0.0) -> torch.Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s, 0, x], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def test_depth_is_compared_relatively() -> None:
    truth = torch.tensor([[1.0, 10.0]])
    near_wrong = scene_losses.depth_loss(torch.tensor([[1.1, 10.0]]), truth, torch.ones(1, 2))
    far_wrong = scene_losses.depth_loss(torch.tensor([[1.0, 11.0]]), truth, torch.ones(1, 2))
    torch.testing.assert_close(near_wrong, far_wrong)
    assert float(near_wrong) == pytest.approx(math.log(1.1) / 2, rel=1e-5)


def test_unknown_depth_does_not_count() -> None:
    loss = scene_losses.depth_loss(torch.tensor([[2.0, 9.0]]), torch.tensor([[2.0, 0.0]]), torch.ones(1, 2))
    assert float(loss) == 0


def test_edges_ignore_a_common_factor() -> None:
    truth = torch.rand(1, 4, 4) + 1
    assert float(scene_losses.depth_edge_loss(1.5 * truth, truth)) == pytest.approx(0, abs=1e-6)


def test_camera_loss_separates_turn_and_shift() -> None:
    rotation, translation = scene_losses.camera_loss(pose(0.2, 0.5)[None, None], pose()[None, None])
    assert float(rotation) == pytest.approx(2 * math.sqrt(2) * math.sin(0.1), rel=1e-3)
    assert float(translation) == pytest.approx(0.5, rel=1e-3)


def test_relative_poses_ignore_the_world_frame() -> None:
    rig = torch.stack([pose(0.1, 1), pose(0.7, 2), pose(-1.0, 0)])[None]
    moved = pose(0.4, 5) @ rig
    relative = scene_losses.relative_poses(rig)
    assert relative.shape == (1, 6, 4, 4)
    torch.testing.assert_close(relative, scene_losses.relative_poses(moved), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(relative[0, 0], torch.linalg.inv(rig[0, 0]) @ rig[0, 1])


def test_confidence_learns_the_error_and_moves_no_point() -> None:
    truth = torch.tensor([0.0, 0.0, 2.0]).expand(1, 1, 1, 3)
    points = (truth + 0.06).requires_grad_()
    error = 0.06 / 2
    logits = torch.logit(torch.tensor([[[math.exp(-50 * error)]]])).requires_grad_()
    scene_losses.confidence_loss(logits, points, truth).backward()
    assert points.grad is None
    assert logits.grad is not None
    assert float(logits.grad) == pytest.approx(0, abs=1e-4)
