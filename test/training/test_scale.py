import pytest
import torch

from chromm_ros.training.scale import head_pelvis_ratio, optimal_scale


def cost(scale: float, estimate: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> float:
    return float((weight[..., None] * (scale * estimate - target).abs()).sum())


def test_no_other_scale_is_better() -> None:
    estimate, target, weight = torch.randn(1, 40, 3), torch.randn(1, 40, 3), torch.rand(1, 40)
    best = float(optimal_scale(estimate, target, weight))
    around = torch.linspace(-5, 5, 2001)
    assert (
        cost(best, estimate, target, weight) <= min(cost(float(s), estimate, target, weight) for s in around) + 1e-4
    )


def test_outliers_do_not_move_it() -> None:
    estimate = torch.rand(2, 100) + 1
    target = estimate * torch.tensor([[2.0], [0.5]])
    target[:, :40] *= 10  # people, sky: up to half may be wrong
    torch.testing.assert_close(optimal_scale(estimate, target, torch.ones(2, 100)), torch.tensor([2.0, 0.5]))


@pytest.mark.parametrize('broken', [float('nan'), float('inf')])
def test_unknown_depth_does_not_count(broken: float) -> None:
    estimate, target = torch.full((1, 4), 2.0), torch.tensor([[6.0, 6.0, broken, 1.0]])
    weight = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert optimal_scale(estimate, target, weight).item() == 3.0


def test_nothing_known_leaves_the_scale_alone() -> None:
    assert optimal_scale(torch.ones(3, 5), torch.ones(3, 5) * 7, torch.zeros(3, 5)).tolist() == [1.0, 1.0, 1.0]


def people(ratio: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    head, pelvis = torch.tensor([[50.0, 20.0]]), torch.tensor([[50.0, 50.0]])
    joints = torch.stack([head, head + ratio * (pelvis - head)], 1)
    return head, pelvis, joints


def test_ratio_is_projected_over_seen_length_by_sequence() -> None:
    parts = [people(1.2), people(1.4), people(0.9)]
    head, pelvis, joints = (torch.cat(values) for values in zip(*parts))
    group = torch.tensor([0, 0, 2])
    ratio = head_pelvis_ratio(head, pelvis, joints, group, 3, long_side=192)
    torch.testing.assert_close(ratio, torch.tensor([1.3, 1.0, 0.9]))


def test_absurd_votes_do_not_count() -> None:
    parts = [people(1.1), people(5.0), people(0.1)]
    head, pelvis, joints = (torch.cat(values) for values in zip(*parts))
    ratio = head_pelvis_ratio(head, pelvis, joints, torch.zeros(3, dtype=torch.long), 1, long_side=192)
    torch.testing.assert_close(ratio, torch.tensor([1.1]))


def test_a_longer_pelvis_lowers_the_ratio() -> None:
    head, pelvis, joints = people(1.0)
    pelvis.requires_grad_()
    head_pelvis_ratio(head, pelvis, joints, torch.zeros(1, dtype=torch.long), 1, 192).sum().backward()
    assert pelvis.grad is not None
    assert pelvis.grad[0, 1] < 0
