"""What each script promises, seen by the truth of its world."""

import numpy as np
import pytest

from chromm_ros.synthetic.in_sight import heads_in_sight
from chromm_ros.synthetic.scripts import SCRIPTS, scripted

STEP = 0.5
SEEDS = (11, 12)


def watched(script: str, seed: int, views: int = 4):
    """Truth over one round of the script, and the number of cameras (T, K) that see each head."""
    world = scripted(script, seed, views)
    frames = world.render(np.arange(0, world.cast[0].route.duration, STEP))
    return frames.truth, heads_in_sight(frames)[0].sum(0)


def longest(flags: np.ndarray) -> float:
    """Seconds of the longest run of True."""
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best * STEP


@pytest.mark.parametrize('seed', SEEDS)
def test_somebody_walks_where_cameras_see_it(seed):
    truth, cameras = watched('walks', seed)
    assert truth.present.all()
    assert cameras.min() >= 2
    assert np.ptp(truth.head[:, 0, :2], axis=0).max() > 1.0


@pytest.mark.parametrize('seed', SEEDS)
def test_somebody_leaves_the_room_and_comes_back(seed):
    truth, _ = watched('leaves_and_returns', seed)
    assert truth.present[0, 0]
    assert truth.present[-1, 0]
    assert longest(~truth.present[:, 0]) >= 8.0
    assert truth.present[:, 1].all()


@pytest.mark.parametrize('seed', SEEDS)
def test_two_people_change_places_close_to_each_other(seed):
    truth, cameras = watched('crossing', seed)
    apart = truth.pelvis[:, 0, :2] - truth.pelvis[:, 1, :2]
    distance = np.linalg.norm(apart, axis=-1)
    assert 0.4 < distance.min() < 1.0
    middle = len(apart) // 2
    assert apart[0] @ apart[middle] < 0 < apart[0] @ apart[-1]
    assert cameras.min() >= 1


@pytest.mark.parametrize('seed', SEEDS)
def test_somebody_hides_from_all_cameras_but_one(seed):
    _, cameras = watched('hidden', seed)
    assert longest(cameras[:, 0] == 1) >= 5.0
    assert cameras[0, 0] >= 3
    assert cameras[-1, 0] >= 3


@pytest.mark.parametrize('script', SCRIPTS)
def test_everybody_begins_again_together_where_they_began(script):
    world = scripted(script, 11)
    assert len({actor.route.duration for actor in world.cast}) == 1
    duration = world.cast[0].route.duration
    first, last = (world.people(time).pelvis[0, :, :2] for time in (0.0, duration - 1e-3))
    np.testing.assert_allclose(first, last, atol=0.05)


def test_a_seed_gives_one_world():
    first, again, other = (scripted('crossing', seed).people(2.0).head for seed in (11, 11, 12))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_unknown_scripts_and_impossible_rigs_are_named():
    with pytest.raises(ValueError, match=r'unknown script .dance.; known are walks, leaves_and_returns'):
        scripted('dance', 0)
    with pytest.raises(ValueError, match='no room of 500 with 1 cameras'):
        scripted('crossing', 0, views=1)
