import pytest
import torch

from chromm_ros.training.chamfer import chamfer_loss, thinned_out, visible_vertices

LENS = torch.tensor([[[100.0, 0, 50], [0, 100.0, 50], [0, 0, 1]]])


def distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Between two sets (A, 3) and (B, 3) that count whole."""
    return chamfer_loss(
        first[None], first.new_ones(1, len(first)).bool(), second[None], second.new_ones(1, len(second)).bool()
    )


def test_equal_sets_have_no_distance_in_any_order() -> None:
    points = torch.rand(20, 3)
    assert float(distance(points, points.flip(0))) == pytest.approx(0, abs=1e-3)


def test_both_directions_count() -> None:
    one = torch.zeros(1, 3)
    two = torch.tensor([[0.0, 0, 0], [0, 0, 2]])
    assert float(distance(one, two)) == pytest.approx(1.0)  # 0 there, (0 + 2) / 2 back
    torch.testing.assert_close(distance(one, two), distance(two, one))


def test_points_that_do_not_count_are_nowhere() -> None:
    skin, points = torch.rand(2, 9, 3), torch.rand(2, 7, 3)
    visible, mask = torch.rand(2, 9) < 0.5, torch.rand(2, 7) < 0.5
    visible[:, 0], mask[:, 0] = True, True
    alone = [distance(skin[n][visible[n]], points[n][mask[n]]) for n in range(2)]
    torch.testing.assert_close(chamfer_loss(skin, visible, points, mask), torch.stack(alone).mean())


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


@pytest.mark.parametrize(('number', 'kept'), [(1000, 250), (300, 300), (301, 151), (10, 10), (0, 0)])
def test_points_are_thinned_to_the_limit_evenly(number: int, kept: int) -> None:
    counts = torch.zeros(1, 2000, dtype=torch.bool)
    counts[0, torch.randperm(2000)[:number]] = True
    points = torch.arange(2000.0)[None, :, None].expand(-1, -1, 3)
    thinned, counted = thinned_out(points, counts, 300)
    assert thinned.shape == (1, 300, 3)
    expected = points[counts][:: max(1, -(-number // 300)), 0]
    assert len(expected) == kept
    assert torch.equal(thinned[counted][:, 0], expected)


def test_loss_pulls_people_to_their_points() -> None:
    skin = torch.rand(1, 30, 3) + torch.tensor([0.0, 0.0, 3.0])
    points = skin + torch.tensor([0.0, 0.0, 0.5])
    scale = torch.ones((), requires_grad=True)
    chamfer_loss(skin * scale, skin.new_ones(1, 30).bool(), points, skin.new_ones(1, 30).bool()).backward()
    assert scale.grad is not None
    assert scale.grad < 0  # farther is better


@pytest.mark.parametrize(('people', 'surface'), [(False, True), (True, False), (False, False)])
def test_images_without_people_or_points_do_not_count(people: bool, surface: bool) -> None:
    skin, points = torch.rand(2, 30, 3), torch.rand(2, 20, 3)
    visible, mask = torch.ones(2, 30, dtype=torch.bool), torch.ones(2, 20, dtype=torch.bool)
    alone = chamfer_loss(skin[:1], visible[:1], points[:1], mask[:1])
    visible[1], mask[1] = people, surface
    skin.requires_grad_()
    loss = chamfer_loss(skin, visible, points, mask)
    loss.backward()
    torch.testing.assert_close(loss, alone)
    assert skin.grad is not None
    assert skin.grad.isfinite().all()
    assert not skin.grad[1].any()
    visible[0] = False
    assert float(chamfer_loss(skin, visible, points, mask).detach()) == 0
