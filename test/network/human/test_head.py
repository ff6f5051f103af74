from dataclasses import replace

import pytest
import torch

from chromm_ros.network.human.head import HumanHead, viewing_rotation
from chromm_ros.network.presets import HumanHeadConfig

PAPER = HumanHeadConfig(scene_dim=32, human_dim=16, fusion_hidden=64, dim=16, decoder_hidden=64)
TINY = replace(PAPER, camera_features=True, allocentric=True, depth='gated')


def inputs(people=5):
    torch.manual_seed(1)
    ray = torch.rand(people, 2) - 0.5
    return (
        torch.randn(people, 32),
        torch.randn(people, 16),
        ray,
        torch.randn(people) * 0.1,
        torch.rand(people) * 4 + 1,
    )


def moved(head):
    """Away from the zero output layers."""
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return head


@pytest.mark.parametrize('config', [PAPER, TINY])
@torch.no_grad()
def test_starts_from_a_standing_person_who_faces_the_camera(config):
    people = HumanHead(config)(*inputs())
    torch.testing.assert_close(people.pose, torch.eye(3).expand(5, 52, 3, 3))
    torch.testing.assert_close(people.root_from_view, torch.diag(torch.tensor([1.0, -1, -1])).expand(5, 3, 3))
    assert people.betas.abs().max() == 0


@torch.no_grad()
def test_the_paper_adds_a_residual_to_the_sampled_depth():
    head = HumanHead(PAPER)
    arguments = inputs()
    torch.testing.assert_close(head(*arguments).depth, arguments[-1])
    head.decode_depth[-1].bias.fill_(0.25)
    torch.testing.assert_close(head(*arguments).depth, arguments[-1] + 0.25)
    head.decode_depth[-1].bias.fill_(-100.0)
    torch.testing.assert_close(head(*arguments).depth, torch.full((5,), 0.1))


@torch.no_grad()
def test_the_gate_can_trust_either_depth():
    head = HumanHead(TINY)
    arguments = inputs()
    for logit, expected in ((30.0, arguments[-1]), (-30.0, head(*arguments).own_depth)):
        head.decode_trust[-1].bias[0] = logit
        torch.testing.assert_close(head(*arguments).depth, expected)


@torch.no_grad()
def test_own_depth_grows_with_the_focal_length():
    head = HumanHead(replace(TINY, camera_features=False))
    scene, human, ray, log_focal, depth = inputs()
    near = head(scene, human, ray, log_focal, depth).own_depth
    far = head(scene, human, ray, log_focal + torch.log(torch.tensor(2.0)), depth).own_depth
    torch.testing.assert_close(far, 2 * near)


@torch.no_grad()
def test_rotations_are_rotations_and_allocentric_ones_turn_with_the_ray():
    head = moved(HumanHead(TINY))
    people = head(*inputs())
    torch.testing.assert_close(people.pose @ people.pose.mT, torch.eye(3).expand(5, 52, 3, 3), atol=1e-5, rtol=0)
    expected = viewing_rotation(inputs()[2]) @ people.root_from_view
    torch.testing.assert_close(people.root_rotation, expected)


@pytest.mark.parametrize('config', [PAPER, TINY])
@torch.no_grad()
def test_people_do_not_depend_on_each_other(config):
    head = moved(HumanHead(config))
    together = head(*inputs())
    alone = head(*(part[2:3] for part in inputs()))
    torch.testing.assert_close(together.pose[2:3], alone.pose, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together.depth[2:3], alone.depth, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('config', [PAPER, TINY])
def test_gradients_reach_every_parameter(config):
    head = moved(HumanHead(config))
    people = head(*inputs())
    parts = (people.pose, people.betas, people.root_rotation, people.depth, people.own_depth)
    sum((part * torch.randn_like(part)).sum() for part in parts).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in head.parameters())
    assert all(parameter.grad.abs().max() > 0 for parameter in head.parameters())


def test_viewing_rotation_puts_z_on_the_ray():
    ray = torch.rand(20, 2, dtype=torch.float64) * 2 - 1
    rotation = viewing_rotation(ray)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64).expand(20, 3, 3))
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(20, dtype=torch.float64))
    torch.testing.assert_close(rotation[:, :2, 2] / rotation[:, 2:, 2], ray)
    torch.testing.assert_close(rotation[:, 1, 0], torch.zeros(20, dtype=torch.float64))
    torch.testing.assert_close(viewing_rotation(torch.zeros(2)), torch.eye(3))


@pytest.mark.parametrize('form', ['direct', 'translation'])
@torch.no_grad()
def test_the_alternatives_of_table_7_do_not_look_at_the_depth_of_the_scene(form):
    head = moved(HumanHead(replace(PAPER, depth=form)))
    scene, human, ray, focal, sampled = inputs()
    people = head(scene, human, ray, focal, sampled)
    torch.testing.assert_close(people.depth, head(scene, human, ray, focal, 3 * sampled).depth)
    assert (people.depth > 0).all()


@torch.no_grad()
def test_a_predicted_translation_is_the_place_whatever_the_pixel_says():
    head = moved(HumanHead(replace(PAPER, depth='translation')))
    people = head(*inputs())
    intrinsics = torch.eye(3).expand(5, 3, 3)
    places = people.head(torch.zeros(5, 2), intrinsics)
    torch.testing.assert_close(places, people.head(torch.ones(5, 2), intrinsics))
    torch.testing.assert_close(places[:, 2], people.depth)
    twice = people.farther(torch.full((5,), 2.0))
    torch.testing.assert_close(twice.head(torch.zeros(5, 2), intrinsics), 2 * places)


@torch.no_grad()
def test_a_depth_puts_the_head_on_the_ray_of_its_pixel():
    people = HumanHead(PAPER)(*inputs())
    pixels = torch.rand(5, 2)
    places = people.head(pixels, torch.eye(3).expand(5, 3, 3))
    torch.testing.assert_close(places[:, :2] / places[:, 2:], pixels)
    torch.testing.assert_close(places[:, 2], people.depth)
