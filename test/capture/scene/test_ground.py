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
