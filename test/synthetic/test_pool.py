"""Pools: plain arrays that can be interrupted, resumed and trusted."""

import numpy as np
import pytest

from chromm_ros.synthetic.pool import LAYOUT, Pool, PoolSettings, render_pool, rendering_pool

SETTINGS = PoolSettings(seed=5, views=2, most_people=3, image_size=(64, 48))
SCENES = 10


@pytest.fixture(scope='module')
def pool(tmp_path_factory):
    return render_pool(tmp_path_factory.mktemp('pool') / 'a', SCENES, SETTINGS)


def test_the_layout_is_kept(pool):
    sizes = {'V': 2, 'K': 3, 'H': 48, 'W': 64}
    for name, (dtype, shape) in LAYOUT.items():
        array = getattr(pool, name)
        assert array.shape == (SCENES, *(sizes.get(size, size) for size in shape)), name
        assert array.dtype == dtype
    assert len(pool) == SCENES
    np.testing.assert_array_equal(pool.ready, np.arange(SCENES))


def test_rows_beyond_the_people_are_empty(pool):
    for scene in range(SCENES):
        for frame, count in enumerate(pool.people[scene]):
            assert 1 <= count <= 3
            assert not pool.joints[scene, frame, count:].any()
            assert pool.joints[scene, frame, :count].any()
            assert pool.instance[scene, :, frame].max() <= count


def test_the_frames_are_two_of_one_cast_and_one_of_another(pool):
    np.testing.assert_array_equal(pool.betas[:, 0], pool.betas[:, 1])
    assert not np.array_equal(pool.betas[:, 0], pool.betas[:, 2])
    steps = pool.times[:, 1] - pool.times[:, 0]
    assert ((steps > 0.1) & (steps < 1.1)).all()
    moved = np.linalg.norm(pool.head[:, 1] - pool.head[:, 0], axis=-1)
    assert 0 < moved.max() < 3.5


def test_people_are_drawn_where_the_truth_says(pool):
    hits = total = 0
    for scene in range(SCENES):
        for view in range(2):
            camera = np.linalg.inv(pool.world_from_camera[scene, view])
            for person in range(pool.people[scene, 0]):
                pelvis = camera[:3, :3] @ pool.pelvis[scene, 0, person] + camera[:3, 3]
                x, y = (pool.intrinsics[scene, view] @ pelvis / pelvis[2])[:2]
                mask = pool.instance[scene, view, 0]
                alone = pelvis[2] > 0.5 and 1 <= x < 63 and 1 <= y < 47
                if alone and pool.depth[scene, view, 0, int(y), int(x)] > pelvis[2] - 0.3:
                    total += 1
                    hits += mask[int(y), int(x)] == person + 1
    assert total >= 5
    assert hits / total > 0.8


def test_an_interrupted_pool_goes_on_where_it_stopped(pool, tmp_path):
    path = tmp_path / 'b'
    adding = rendering_pool(path, SCENES, SETTINGS)
    assert next(adding) == 8  # one batch, then the power fails
    assert list(Pool(path).ready) == list(range(8))
    resumed = render_pool(path, SCENES, SETTINGS)
    for name in LAYOUT:
        np.testing.assert_array_equal(getattr(resumed, name), getattr(pool, name), err_msg=name)


def test_another_pool_is_not_mixed_in(pool):
    with pytest.raises(ValueError, match='holds another pool'):
        render_pool(pool.path, SCENES, PoolSettings(seed=6))


def test_no_pool(tmp_path):
    with pytest.raises(FileNotFoundError, match='render_pool'):
        Pool(tmp_path)


def test_a_pool_drawn_by_torch_shows_the_same(pool, tmp_path):
    drawn = render_pool(tmp_path / 'torch', 1, SETTINGS, device='cpu:0')  # any name but cpu means torch
    different = np.abs(drawn.images[0].astype(int) - pool.images[0]).max(-1) > 2
    assert different.mean() < 2e-3
    np.testing.assert_allclose(drawn.joints[0], pool.joints[0], atol=1e-5)
