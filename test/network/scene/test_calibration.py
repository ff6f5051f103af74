import numpy as np
import pytest
import torch

from chromm_ros.geometry.cameras import pixel_rays, scale_intrinsics
from chromm_ros.network.scene.calibration import Calibration, conditions, on_known_rays

SIZES = ((480, 640), (240, 320), (480, 640))
MATRIX = np.array([[500.0, 0, 320], [0, 510.0, 240], [0, 0, 1]])
CPU = torch.device('cpu')


def poses(*along):
    matrices = np.stack([np.eye(4)] * len(along))
    matrices[:, 0, 3] = along
    return matrices


def test_unknown_rows_are_filled_with_known_ones_in_turn():
    known = poses(0.0, 1.0, 2.0, 3.0)
    known[[1, 2]] = np.nan
    filled, has = Calibration(world_from_camera=known).known_poses(4)
    assert has.tolist() == [True, False, False, True]
    assert filled[:, 0, 3].tolist() == [0, 0, 3, 3]


def test_nothing_known_is_no_condition():
    empty, poses_only = Calibration(np.full((3, 3, 3), np.nan)), Calibration(world_from_camera=poses(0, 1, 2))
    for calibration in (Calibration(), empty, poses_only):
        assert conditions(calibration, SIZES, (144, 192), CPU, intrinsics=True, poses=False) is None
    rays_only = Calibration(np.stack([MATRIX] * 3))
    assert conditions(rays_only, SIZES, (144, 192), CPU, intrinsics=False, poses=True) is None


def test_one_pose_alone_says_nothing():
    calibration = Calibration(world_from_camera=poses(0, 1, 2), has_pose=np.array([True, False, False]))
    assert conditions(calibration, SIZES, (144, 192), CPU, intrinsics=True, poses=True) is None


def test_rays_are_those_of_the_camera_whatever_the_size_of_its_image():
    smaller = scale_intrinsics(MATRIX, 0.5, 0.5)
    calibration = Calibration(np.stack([MATRIX, smaller, MATRIX]), np.array([True, True, False]))
    given = conditions(calibration, SIZES, (144, 192), CPU, intrinsics=True, poses=True)
    torch.testing.assert_close(given.rays[0, 0], given.rays[0, 1])
    expected = pixel_rays(torch.from_numpy(scale_intrinsics(MATRIX, 192 / 640, 144 / 480)).float(), 144, 192)
    torch.testing.assert_close(given.rays[0, 0], expected.movedim(-1, 0), atol=1e-5, rtol=1e-5)
    assert given.use_rays.views[0].tolist() == [0, 1]
    assert not given.use_rays.all


def test_points_move_to_the_known_rays_at_their_depth():
    tangents = pixel_rays(torch.tensor([[[80.0, 0, 40], [0, 80.0, 30], [0, 0, 1]]]), 60, 80)
    depth = torch.rand(1, 60, 80, 1) + 1
    points = torch.cat([tangents * depth, depth], -1)
    scale = torch.tensor([[8.0, 8.0]])
    same, recovered = on_known_rays(points, scale, Calibration(), [2], 3)
    assert torch.equal(same, points)
    torch.testing.assert_close(recovered[0], torch.tensor([[640.0, 0, 320], [0, 640.0, 240], [0, 0, 1]]))

    moved, given = on_known_rays(points, scale, Calibration(np.stack([MATRIX] * 3)), [2], 3)
    torch.testing.assert_close(given[0], torch.from_numpy(MATRIX).float())
    torch.testing.assert_close(moved[..., 2:], depth)
    ratio = moved[0, 5, 70, 0] / points[0, 5, 70, 0]
    assert float(ratio) == pytest.approx(640 / 500, rel=1e-4)


def test_measured_depth_is_a_condition_where_the_network_takes_it():
    depth = np.full((48, 64), 2.0, np.float32)
    depth[:, :32] = np.nan
    known = Calibration(depths=[depth, None])
    sizes, device = [(48, 64), (48, 64)], torch.device('cpu')
    assert conditions(known, sizes, (24, 32), device, intrinsics=True, poses=True) is None
    given = conditions(known, sizes, (24, 32), device, intrinsics=True, poses=True, depths=True)
    assert given.depth.shape == (1, 2, 2, 24, 32)
    assert given.depth[0, 0, 1, :, 16:].all()
    assert not given.depth[0, 0, 1, :, :16].any()
    assert not given.depth[0, 1, 1].any()
    nothing = Calibration(depths=[None, None])
    assert conditions(nothing, sizes, (24, 32), device, intrinsics=True, poses=True, depths=True) is None
