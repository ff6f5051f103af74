"""The height of the floor is found in a level world, and kept while the world moves."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.scene.ground import EVERY, Ground
from chromm_ros.geometry.similarity import Similarity


def room(height, seed=0, tilt=0.0):
    """Points of a floor, of a wall and of a table in a room."""
    rng = np.random.default_rng(seed)
    floor = np.column_stack([rng.uniform(-3, 3, (600, 2)), rng.normal(0, 0.01, 600)])
    wall = np.column_stack([np.full(300, 3.0), rng.uniform(-3, 3, 300), rng.uniform(0, 2.5, 300)])
    table = np.column_stack([rng.uniform(0, 1, (100, 2)), np.full(100, 0.75)])
    points = np.concatenate([floor, wall, table]) + np.array([0, 0, height])
    return points @ Rotation.from_rotvec([tilt, 0, 0]).as_matrix().T


@pytest.mark.parametrize('height', [0.0, -1.3, 4.0])
def test_the_height_of_the_floor_is_found(height):
    ground = Ground()
    assert math.isnan(ground.height)
    ground.look(room(height), 0.05)
    assert ground.height == pytest.approx(height, abs=0.01)


def test_a_ramp_is_no_floor():
    ground = Ground()
    ground.look(room(0.0, tilt=math.radians(12)), 0.05)
    assert math.isnan(ground.height)


def test_nothing_is_found_in_nothing():
    ground = Ground()
    ground.look(np.zeros((0, 3)), 0.05)
    assert math.isnan(ground.height)


def test_one_wrong_look_does_not_move_the_floor():
    ground = Ground()
    for k in range(5 * EVERY):
        ground.look(room(0.0 if k != 2 * EVERY else 0.7, seed=k), 0.05)
    assert ground.height == pytest.approx(0.0, abs=0.01)


def test_it_follows_the_world_unless_that_is_tilted():
    ground = Ground()
    ground.look(room(-1.0), 0.05)
    ground.move(Similarity(2.0, Rotation.from_rotvec([0, 0, 1.0]).as_matrix(), np.array([1.0, 2.0, 3.0])))
    assert ground.height == pytest.approx(1.0, abs=0.02)
    ground.move(Similarity(1.0, Rotation.from_rotvec([0.5, 0, 0]).as_matrix(), np.zeros(3)))
    assert math.isnan(ground.height)


def test_what_it_knows_can_be_written_down():
    ground, other = Ground(), Ground()
    ground.look(room(0.3), 0.05)
    other.load_state_dict(ground.state_dict())
    assert other.state_dict() == ground.state_dict()
    assert other.height == ground.height


SECOND = 1_000_000_000


def walked(ground, soles, seconds=20, start=0):
    """People with these heights of their soles are seen ten times a second."""
    for step in range(10 * seconds):
        ground.stand(np.array(soles, float), (start + step * SECOND // 10))


def test_feet_tell_where_the_floor_is_when_nothing_is_seen_of_it():
    ground = Ground()
    ground.stand(np.array([0.02]), 0)
    assert math.isnan(ground.height), 'one foot is no floor'
    walked(ground, [0.48, 0.52])
    assert ground.height == pytest.approx(0.5, abs=0.03)


def test_feet_count_by_time_and_not_by_image():
    ground = Ground()
    for step in range(100):
        ground.stand(np.array([0.0, 0.1]), step * SECOND // 100)
    assert math.isnan(ground.height), 'a second of two people is not enough'


def test_feet_correct_a_floor_that_the_network_guesses_and_hardly_one_that_was_measured():
    heights = {}
    for measured in (False, True):
        ground = Ground()
        ground.look(room(-0.15), 0.05, measured)
        walked(ground, [0.0, 0.01])
        heights[measured] = ground.height
    assert heights[False] == pytest.approx(-0.03, abs=0.02)
    assert heights[True] == pytest.approx(-0.13, abs=0.02)


def test_people_on_stairs_do_not_lift_the_floor():
    ground = Ground()
    ground.look(room(0.0), 0.05)
    walked(ground, [0.0, 0.6, 0.9, 1.2])
    assert ground.height == pytest.approx(0.0, abs=0.02)
    ground = Ground()
    ground.look(room(0.0), 0.05)
    walked(ground, [0.6, 0.9, 1.2])
    assert ground.height == pytest.approx(0.0, abs=0.02)


def test_a_world_that_is_not_z_up_has_no_floor_under_the_feet():
    """Given poses in a frame with z forward: people walk along z, and their feet with them."""
    ground, rng = Ground(), np.random.default_rng(0)
    for step in range(100):
        ground.stand(rng.uniform(-2, 2, 3), step * SECOND)
    assert math.isnan(ground.height)


def test_feet_that_are_not_known_and_clocks_that_go_back_do_no_harm():
    ground = Ground()
    walked(ground, [math.nan, 0.0, math.inf])
    walked(ground, [0.0], start=-1000 * SECOND)
    assert ground.height == pytest.approx(0.0, abs=0.01)


def test_feet_follow_the_world_and_are_written_down():
    ground, other = Ground(), Ground()
    walked(ground, [0.0])
    ground.move(Similarity(2.0, np.eye(3), np.array([0.0, 0.0, 1.0])))
    assert ground.height == pytest.approx(1.0, abs=0.01)
    other.load_state_dict(ground.state_dict())
    assert other.height == ground.height
    ground.move(Similarity(1.0, Rotation.from_rotvec([0.5, 0, 0]).as_matrix(), np.zeros(3)))
    assert math.isnan(ground.height)
