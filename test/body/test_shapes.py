"""Capsules and cylinder hold the skin."""

import numpy as np
import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.body.shapes import BONES, SkinCapsules, _segment_distance
from chromm_ros.synthetic.motion import STANDING, Gait, pose_from_angles, sample_activity


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def people():
    """Betas (N, 10) and poses (N, 52, 3, 3) of people doing all that the synthetic world knows."""
    rng = np.random.default_rng(7)
    here, walked = np.array([1.0, 2.0]), np.array([0.0, 0.7])
    activities = [sample_activity(name, rng) for name in (*STANDING, 'sit')] + [Gait(rng), Gait(rng, run=True)]
    pose = np.concatenate([pose_from_angles(activity(here, walked)) for activity in activities])
    betas = np.clip(rng.normal(0, 1, (len(pose), 10)), -2, 2)
    return torch.as_tensor(betas, dtype=torch.float32), torch.as_tensor(pose)


def test_capsules_hold_the_skin_in_every_pose(body, people):
    betas, pose = people
    radii = body.capsules(betas).radii
    starts, ends = (list(side) for side in zip(*BONES))
    for vertices, joints, radius in zip(*body.skin_and_joints(betas, pose), radii):
        used = (radius > 0).nonzero()[:, 0]
        sides = joints[starts][used], joints[ends][used]
        outside = (_segment_distance(vertices[:, None], *sides) - radius[used]).amin(1)
        assert outside.max() < 1e-4


def test_capsules_are_not_much_larger_than_a_body(body):
    radii = dict(zip(BONES, body.capsules(torch.zeros(10)).radii.tolist()))
    assert radii[1, 4] < 0.15  # a thigh
    assert radii[18, 20] < 0.06  # a forearm
    assert radii[12, 15] < 0.16  # the neck
    assert max(radii.values()) < 0.2


def test_shapes_are_batched(body, people):
    betas = people[0][:6]
    together = body.capsules(betas.view(2, 3, 10)).radii
    one_by_one = torch.stack([body.capsules(row).radii for row in betas])
    torch.testing.assert_close(together.view(6, -1), one_by_one)


def test_a_larger_body_has_larger_capsules(body):
    """Scaling the rest pose scales the radii."""
    betas = torch.zeros(10)
    skin, joints = body.rest_vertices(betas), body.rest_joints(betas)
    capsules = SkinCapsules(skin, joints, body.weights)
    larger = SkinCapsules(1.5 * skin, 1.5 * joints, body.weights)
    torch.testing.assert_close(larger.radii(1.5 * skin, 1.5 * joints), 1.5 * capsules.radii(skin, joints))


def test_the_cylinder_holds_the_skin(body, people):
    betas, pose = people
    upright = torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]).expand(len(betas), 3, 3)  # z up from y up
    place = torch.tensor([3.0, -2, 1])
    vertices, joints = (part + place for part in body.skin_and_joints(betas, pose, upright))
    base, radius, height = body.cylinder(joints, betas)
    away = (vertices[..., :2] - base[:, None, :2]).norm(dim=-1)
    assert (away <= radius[:, None] + 1e-4).all()
    assert (vertices[..., 2] >= base[:, None, 2] - 1e-4).all()
    assert (vertices[..., 2] <= (base[:, 2] + height)[:, None] + 1e-4).all()
    assert (height < 2.6).all()
