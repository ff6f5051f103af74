import math

import pytest
import torch

from chromm_ros.training import people_losses
from chromm_ros.training.people_losses import PersonState

LENS = torch.tensor([[[150.0, 0, 96], [0, 150.0, 72], [0, 0, 1]]])


def person(shift: float = 0.0) -> PersonState:
    eye = torch.eye(3)
    joints = torch.randn(1, 55, 3, generator=torch.Generator().manual_seed(1)) * 0.3 + torch.tensor([0.0, 0.0, 4.0])
    return PersonState(
        pose=eye.expand(1, 52, 3, 3),
        betas=torch.zeros(1, 10),
        root_rotation=eye[None],
        head=torch.tensor([[0.0, 0.0, 4.0]]) + shift,
        joints=joints + shift,
        vertices=joints + shift,
    )


def all_terms(estimate: PersonState, scale: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
    geometric = people_losses.geometric_losses(estimate, person(), LENS, 192, scale)
    return geometric | people_losses.parametric_losses(estimate, person(), scale)


def test_the_truth_costs_nothing() -> None:
    terms = all_terms(person())
    assert set(terms) == {'v3d', 'j3d', 'v2d', 'j2d', 'theta', 'beta', 'tau'}
    assert all(float(value) == 0 for value in terms.values())


def test_a_shift_costs_its_length_in_space() -> None:
    terms = all_terms(person(0.1))
    for name in ('v3d', 'j3d', 'tau'):
        assert float(terms[name]) == pytest.approx(0.1, rel=1e-4)
    assert float(terms['theta']) == 0


def test_the_optimal_scale_is_applied_to_positions_only() -> None:
    half = person().scaled(torch.tensor([0.5]))
    terms = all_terms(half, scale=torch.tensor([2.0]))
    assert all(float(terms[name]) == pytest.approx(0, abs=1e-6) for name in ('v3d', 'j3d', 'tau'))
    assert float(terms['j2d']) == pytest.approx(0, abs=1e-5)  # the picture of a scaled world is the same


def test_reprojection_is_in_long_sides() -> None:
    truth = torch.tensor([[[0.0, 0.0, 3.0]]])
    estimate = truth + torch.tensor([0.02, 0.0, 0.0])  # 1 pixel
    loss = people_losses.reprojection_loss(estimate, truth, LENS, 192)
    assert float(loss) == pytest.approx(0.5 / 192, rel=1e-4)  # mean over x and y


def test_points_behind_the_camera_say_nothing() -> None:
    truth = torch.tensor([[[0.0, 0.0, -1.0]]])
    assert float(people_losses.reprojection_loss(truth + 1, truth, LENS, 192)) == 0


def test_focal_loss_by_hand() -> None:
    probability, positive = torch.tensor([0.9, 0.2]), torch.tensor([1.0, 0.0])
    expected = -(math.log(0.9) * 0.1**2 + math.log(0.8) * 0.2**2)
    assert float(people_losses.focal_loss(probability, positive)) == pytest.approx(expected, rel=1e-5)
    two_heads = people_losses.focal_loss(probability.repeat(2), positive.repeat(2))
    assert float(two_heads) == pytest.approx(expected, rel=1e-5)  # per head
    empty = people_losses.focal_loss(probability, torch.zeros(2))
    assert float(empty) == pytest.approx(-(math.log(0.1) * 0.81 + math.log(0.8) * 0.04), rel=1e-5)


def test_a_missed_head_costs_more_than_a_false_one() -> None:
    weight = torch.ones(2)
    missed = people_losses.head_bce_loss(torch.tensor([-4.0, -4.0]), torch.tensor([1.0, 0.0]), weight)
    false = people_losses.head_bce_loss(torch.tensor([4.0, 4.0]), torch.tensor([1.0, 0.0]), weight)
    assert missed > 2 * false


def test_masks_are_compared_where_the_truth_is_known() -> None:
    people = torch.zeros(1, 2, 2, dtype=torch.bool)
    people[0, 0, 1] = True
    logits = torch.full((1, 4, 4), -9.0)
    logits[0, 0, 2] = 9.0
    assert float(people_losses.mask_loss(logits, people)) < 1e-3


@pytest.mark.parametrize('loss', [people_losses.l1, people_losses.rotation_loss, people_losses.joints_loss])
def test_nobody_costs_nothing_and_keeps_the_graph(loss) -> None:
    estimate = torch.zeros(0, 3, 3, requires_grad=True)
    value = loss(estimate, torch.zeros(0, 3, 3))
    value.backward()
    assert float(value) == 0


@pytest.mark.parametrize('angle', [0.1, 1.0, 3.0])
def test_rotation_loss_grows_with_the_angle(angle: float) -> None:
    c, s = math.cos(angle), math.sin(angle)
    turned = torch.tensor([[[c, -s, 0], [s, c, 0], [0, 0, 1]]])
    expected = 2 * math.sqrt(2) * math.sin(angle / 2)
    assert float(people_losses.rotation_loss(turned, torch.eye(3)[None])) == pytest.approx(expected, rel=1e-3)
