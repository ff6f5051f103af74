import pytest
import torch

from chromm_ros.training.chamfer import chamfer_distance, chamfer_loss, thinned_out, visible_vertices

LENS = torch.tensor([[[100.0, 0, 50], [0, 100.0, 50], [0, 0, 1]]])


def test_equal_sets_have_no_distance_in_any_order() -> None:
    points = torch.rand(20, 3)
    assert float(chamfer_distance(points, points.flip(0))) == pytest.approx(0, abs=1e-3)


def test_both_directions_count() -> None:
    one = torch.zeros(1, 3)
    two = torch.tensor([[0.0, 0, 0], [0, 0, 2]])
    assert float(chamfer_distance(one, two)) == pytest.approx(1.0)  # 0 there, (0 + 2) / 2 back
    torch.testing.assert_close(chamfer_distance(one, two), chamfer_distance(two, one))


def test_an_empty_set_costs_nothing() -> None:
    assert float(chamfer_distance(torch.zeros(0, 3), torch.rand(4, 3))) == 0


def test_the_front_of_a_tetrahedron_is_visible() -> None:
    corners = torch.tensor([[0.0, 0, 2], [-1, -1, 3], [1, -1, 3], [0, 1, 3]])
    faces = torch.tensor([[0, 2, 1], [0, 3, 2], [0, 1, 3], [1, 2, 3]])
    outward = torch.linalg.cross(
        corners[faces][:, 1] - corners[faces][:, 0], corners[faces][:, 2] - corners[faces][:, 0]
    )
    centre = corners.mean(0)
    assert ((outward * (corners[faces].mean(1) - centre)).sum(-1) > 0).all()
    visible = visible_vertices(corners[None], faces, LENS, (100, 100))
    assert bool(visible[0, 0])
    beside = visible_vertices(corners[None] + torch.tensor([9.0, 0, 0]), faces, LENS, (100, 100))
    assert not beside.any()


def test_points_are_thinned_to_the_limit() -> None:
    assert len(thinned_out(torch.rand(1000, 3), 300)) <= 300
    assert len(thinned_out(torch.rand(10, 3), 300)) == 10


def test_loss_pulls_people_to_their_points() -> None:
    skin = torch.rand(1, 30, 3) + torch.tensor([0.0, 0.0, 3.0])
    points = (skin + torch.tensor([0.0, 0.0, 0.5])).view(1, 5, 6, 3)
    scale = torch.ones((), requires_grad=True)
    loss = chamfer_loss(
        skin * scale, torch.ones(1, 30, dtype=torch.bool), torch.zeros(1, dtype=torch.long), points,
        torch.ones(1, 5, 6, dtype=torch.bool),
    )  # fmt: skip
    loss.backward()
    assert scale.grad is not None
    assert scale.grad < 0  # farther is better


def test_images_without_people_do_not_count() -> None:
    nobody = torch.zeros(0, 30, 3, requires_grad=True)
    loss = chamfer_loss(
        nobody, torch.zeros(0, 30, dtype=torch.bool), torch.zeros(0, dtype=torch.long), torch.rand(1, 5, 6, 3),
        torch.ones(1, 5, 6, dtype=torch.bool),
    )  # fmt: skip
    loss.backward()
    assert float(loss) == 0
