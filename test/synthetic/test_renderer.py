"""The two renderers give the same pictures, and the pictures agree with the truth."""

import numpy as np
import pytest
import torch

from chromm_ros.synthetic import raster_noise, raster_torch
from chromm_ros.synthetic.torch_renderer import TorchRenderer
from chromm_ros.synthetic.world import World


@pytest.mark.parametrize(
    ('seed', 'domain', 'moving'), [(0, 'studio', False), (1, 'generic', True), (5, 'studio', True)]
)
def test_torch_draws_what_the_cpu_draws(seed, domain, moving):
    options = {'views': 2, 'people': (3, 3), 'domain': domain, 'moving': moving, 'duration': 4.0}
    expected = World.sample(seed, **options).render(1.5)
    drawn = World.sample(seed, **options, renderer=TorchRenderer()).render(1.5)
    difference = np.abs(drawn.images.astype(int) - expected.images).max(-1)
    assert (difference > 2).mean() < 2e-4  # pixels on an edge
    assert (drawn.instance != expected.instance).mean() < 2e-4
    assert (np.abs(drawn.depth - expected.depth) > 1e-3).mean() < 2e-4
    np.testing.assert_allclose(drawn.truth.joints, expected.truth.joints, atol=1e-5)


def test_an_empty_room_has_nobody_in_it():
    for renderer in (None, TorchRenderer()):
        frames = World.sample(2, views=1, people=(0, 0), duration=4.0, renderer=renderer).render(0.0)
        assert not frames.instance.any()
        assert frames.truth.joints.shape == (1, 0, 55, 3)


def test_the_noise_is_the_same_everywhere():
    x, y = np.meshgrid(np.arange(-3, 40), np.arange(5), indexing='ij')
    expected = np.array([[raster_noise.hash32(a, b, 9) for a, b in zip(*rows)] for rows in zip(x, y)])
    found = raster_torch.hash32(torch.as_tensor(x), torch.as_tensor(y), torch.tensor(9))
    np.testing.assert_array_equal(found.numpy(), expected.astype(np.int64))
    assert 0.45 < expected.mean() / 2**32 < 0.55


def test_depth_is_that_of_the_walls_and_the_skin():
    world = World.sample(11, people=(2, 2), duration=4.0)
    frames = world.render(1.0)
    height, width = frames.depth.shape[2:]
    v, u = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing='ij')
    for view in range(4):
        (fx, _, cx), (_, fy, cy), _ = frames.intrinsics[view, 0]
        z = frames.depth[view, 0]
        points = np.stack([(u - cx) / fx * z, (v - cy) / fy * z, z], -1)
        pose = frames.world_from_camera[view, 0]
        points = points @ pose[:3, :3].T + pose[:3, 3]
        assert (np.abs(points[..., :2]) <= world.room.half[:2] + 1e-3).all()
        assert (points[..., 2] >= -1e-3).all()
        assert (points[..., 2] <= world.room.half[2] + 1e-3).all()
        for person in range(2):
            skin = points[frames.instance[view, 0] == person + 1]
            if len(skin):  # every visible point of a person is near one of the joints
                away = np.linalg.norm(skin[:, None] - frames.truth.joints[0, person], axis=-1).min(1)
                assert away.max() < 0.35
                assert np.abs(away).mean() < 0.15


def test_heads_that_nothing_hides_are_drawn_where_they_project():
    seen = 0
    for seed in range(4):
        frames = World.sample(seed, people=(1, 1), duration=4.0).render(0.5)
        for view in range(4):
            camera = np.linalg.inv(frames.world_from_camera[view, 0])
            head = camera[:3, :3] @ frames.truth.head[0, 0] + camera[:3, 3]
            x, y = (frames.intrinsics[view, 0] @ head / head[2])[:2].astype(int)
            if head[2] > 0.5 and 2 <= x < 190 and 2 <= y < 142 and frames.depth[view, 0, y, x] > head[2] - 0.3:
                assert frames.instance[view, 0, y - 1 : y + 2, x - 1 : x + 2].any()
                seen += 1
    assert seen >= 4


def test_noise_and_exposure_change_the_picture_only_a_little():
    world = World.sample(3, views=1, people=(1, 1), duration=4.0)
    noisy = world.render(1.0).images
    world.rig.exposures[:, 2] = 0
    clean = world.render(1.0).images
    spread = (noisy.astype(float) - clean)[(clean > 40) & (clean < 215)].std() / 255
    assert spread < 0.035
    world.rig.exposures[:, 0] = 2.0
    assert world.render(1.0).images.mean() > clean.mean()
