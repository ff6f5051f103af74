"""The world: one seed gives one world, and its truth is that of the body model."""

import numpy as np
import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.synthetic.world import World, embody


@pytest.fixture(scope='module')
def world():
    return World.sample(6, people=(3, 3), duration=60.0)


def test_the_same_seed_gives_the_same_pictures():
    times = np.array([0.3, 1.0])
    first, second, other = (World.sample(seed, views=2, duration=4.0).render(times) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.truth.joints, second.truth.joints)
    assert not np.array_equal(first.images, other.images)


def test_a_time_is_drawn_alike_whatever_else_is_drawn(world):
    together = world.render(np.array([2.0, 7.0]))
    alone = world.render(7.0)
    # bodies are posed in one batch, whose last bits depend on its size: a pixel on an edge may change
    assert (np.abs(together.images[:, 1:].astype(int) - alone.images) > 1).mean() < 1e-4
    assert (together.instance[:, 1:] != alone.instance).mean() < 1e-4
    np.testing.assert_allclose(together.truth.joints[1:], alone.truth.joints, atol=1e-5)


def test_the_truth_is_that_of_the_body(world):
    truth = world.people(np.array([1.0, 20.0, 41.0]))
    joints = BodyModel.load().joints(
        *(torch.as_tensor(array, dtype=torch.float32) for array in (truth.betas, truth.pose, truth.root_rotation))
    )
    np.testing.assert_allclose(truth.joints, joints.numpy() + truth.pelvis[:, :, None], atol=1e-5)
    assert truth.head.shape == (3, 3, 3)


def test_people_stand_upright_on_the_floor(world):
    times = np.arange(0, 60, 3.0)
    [(truth, skins)] = embody(world.renderer.body, [world.scene(times)], [world.room])
    np.testing.assert_allclose(skins[..., 2].min(-1), 0, atol=1e-5)
    assert (truth.head[..., 2] > truth.pelvis[..., 2] + 0.2).all()
    assert (truth.joints[:, :, [7, 8], 2].min(-1) < 0.35).all()  # one ankle at least is near the floor


def test_people_face_the_way_they_walk(world):
    times = np.arange(0, 60, 0.1)
    scene = world.scene(times)
    moved = np.gradient(scene.places, 0.1, axis=0)
    speed = np.linalg.norm(moved, axis=-1)
    forward = scene.root_rotation[..., :2, 2]  # the body's z axis on the floor
    steady = speed > 0.7
    cosine = (forward * moved).sum(-1)[steady] / speed[steady]
    assert np.median(cosine) > 0.98


def test_who_is_outside_is_not_seen(world):
    times = np.arange(0, 60, 0.5)
    present = world.people(times).present
    gone = times[~present[:, 0]]
    assert len(gone) > 4
    frames = world.render(gone[len(gone) // 2])
    assert not (frames.instance == 1).any()


def test_cameras_of_one_time_and_of_many(world):
    intrinsics, pose = world.cameras(2.0)
    _, poses = world.cameras(np.array([1.0, 2.0]))
    assert (intrinsics.shape, pose.shape, poses.shape) == ((4, 3, 3), (4, 4, 4), (4, 2, 4, 4))
    np.testing.assert_array_equal(poses[:, 1], pose)


def test_a_moving_rig_draws_its_background_anew():
    frames = World.sample(2, views=1, people=(0, 0), moving=True, duration=4.0).render(np.array([0.0, 2.0]))
    assert np.abs(frames.depth[0, 0] - frames.depth[0, 1]).max() > 0.02


@pytest.mark.parametrize('views', [1, 8])
def test_any_rig_and_size(views):
    frames = World.sample(1, views=views, image_size=(80, 60), duration=4.0).render(0.0)
    assert frames.images.shape == (views, 1, 60, 80, 3)
    assert frames.images.std() > 10
