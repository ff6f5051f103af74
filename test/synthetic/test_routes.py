"""Where people go: no jumps, no collisions, out by the door and back."""

import numpy as np
import pytest

from chromm_ros.synthetic.motion import Gait, sample_activity
from chromm_ros.synthetic.routes import curve, stay, walk
from chromm_ros.synthetic.world import World

RNG = np.random.default_rng
STEP = 0.05


@pytest.fixture(scope='module')
def worlds():
    """Worlds of a minute with three people."""
    return [World.sample(seed, people=(3, 3), duration=60.0) for seed in range(4)]


def tracks(world, times):
    """Positions (K, T, 2) and headings (K, T)."""
    routes = [actor.route.at(times)[:2] for actor in world.cast]
    return np.stack([route[0] for route in routes]), np.stack([route[1] for route in routes])


def test_a_walk_goes_from_end_to_end_at_the_speed_of_its_gait():
    gait = Gait(RNG(0))
    path = curve(np.array([-1.0, 0]), np.array([2.0, 1]), 0.2)
    going = walk(3.0, path, 0.0, gait, 0.0)
    times = np.arange(going.start, going.end + STEP, STEP)
    places = going.position(times)
    np.testing.assert_allclose(places[0], path[0], atol=1e-9)
    np.testing.assert_allclose(places[-1], path[-1], atol=1e-6)
    speed = np.hypot(*np.diff(places, axis=0).T) / STEP
    assert speed.max() < 1.01 * gait.speed
    assert speed[0] < 0.3 * gait.speed  # starts from rest
    steady = (times > going.start + 1.2) & (times < going.end - 1)
    direction = np.arctan2(*(going.position(times[steady] + 0.01) - going.position(times[steady] - 0.01)).T[::-1])
    np.testing.assert_allclose(going.facing(times[steady]), direction, atol=0.15)


def test_a_stay_with_a_step_ends_at_its_place():
    seat, stand = np.array([1.0, 1]), np.array([1.0, 0.6])
    sitting = stay(0.0, 5.0, seat, (0.0, 1.0), sample_activity('sit', RNG(0)), 2.0, stand)
    np.testing.assert_allclose(sitting.position(np.array([0.0, 4.0])), [stand, seat])
    assert sitting.speed == 0


def test_nobody_jumps_not_even_when_the_loop_begins_again(worlds):
    times = np.arange(0, 125, STEP)
    for world in worlds:
        places, headings = tracks(world, times)
        assert np.hypot(*np.moveaxis(np.diff(places, axis=1), -1, 0)).max() / STEP < 3.5
        turned = (np.diff(headings, axis=1) + np.pi) % (2 * np.pi) - np.pi
        assert np.abs(turned).max() / STEP < 8
        angles = np.stack([actor.route.at(times)[2] for actor in world.cast])
        assert np.abs(np.diff(angles, axis=1)).max() < 0.9  # radians in a twentieth of a second


def test_people_keep_clear_of_one_another_of_furniture_and_of_cameras(worlds):
    times = np.arange(0, 60, 0.25)
    for world in worlds:
        places, _ = tracks(world, times)
        apart = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(len(places), 1)]
        assert (apart.min(0) < 0.45).mean() < 0.05
        inside = world.room.contains(places)
        assert (world.room.clearance(places, ignore_stools=True)[inside] < 0.1).mean() < 0.02
        from_cameras = np.linalg.norm(places[:, :, None] - world.rig.places[:, :2], axis=-1)
        assert (from_cameras < 0.5).mean() < 0.02


def test_one_leaves_by_the_door_and_returns(worlds):
    times = np.arange(0, 60, STEP)
    for world in worlds:
        places, _ = tracks(world, times)
        inside = world.room.contains(places)
        assert inside[1:].all()
        changes = np.flatnonzero(np.diff(inside[0].astype(int)))
        assert len(changes) == 2  # out, in
        assert 4 < (changes[1] - changes[0]) * STEP < 25
        axis = int(world.room.door[0]) // 2
        for change in changes:  # through the door, not the wall
            assert abs(places[0, change, 1 - axis] - world.room.door[1]) < world.room.door[2]


def test_nobody_leaves_a_short_world():
    for seed in range(3):
        world = World.sample(seed, people=(2, 4), duration=4.0)
        assert world.room.contains(tracks(world, np.arange(0, 4, STEP))[0]).all()


def test_people_walk_and_stay(worlds):
    times = np.arange(0, 60, STEP)
    moved = np.concatenate(
        [np.hypot(*np.moveaxis(np.diff(tracks(world, times)[0], axis=1), -1, 0)) for world in worlds]
    )
    walking = (moved / STEP > 0.3).mean()
    assert 0.15 < walking < 0.7
