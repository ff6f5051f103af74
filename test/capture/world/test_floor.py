"""The floor is found in rooms and refused where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.world.floor import find_floor, levelling


def room(random: np.random.Generator, floor: int = 3000, noise: float = 0.01) -> np.ndarray:
    """Points of a floor at z = 0, two walls, a table and clutter."""
    parts = [
        random.uniform([-3, -3, 0], [3, 3, 0], (floor, 3)),
        random.uniform([-3, -3, 0], [-3, 3, 2.5], (1500, 3)),
        random.uniform([-3, 3, 0], [3, 3, 2.5], (1500, 3)),
        random.uniform([0, 0, 0.8], [1.5, 1, 0.8], (800, 3)),
        random.uniform([-3, -3, 0], [3, 3, 2.5], (500, 3)),
    ]
    return np.concatenate(parts) + noise * random.normal(size=(sum(map(len, parts)), 3))


@pytest.mark.parametrize('seed', range(5))
def test_the_floor_of_a_room_in_any_frame(seed):
    random = np.random.default_rng(seed)
    points = room(random)
    turn = Rotation.from_rotvec(random.normal(size=3)).as_matrix()
    moved = points @ turn.T + random.normal(size=3)
    hint = turn @ Rotation.from_euler('x', 20, degrees=True).apply([0, 0, 1.0])
    normal, height = find_floor(moved, hint, 0.05)
    assert np.degrees(np.arccos(np.clip(normal @ turn[:, 2], -1, 1))) < 1.0
    level = levelling(normal, height).apply(moved)
    assert np.abs(level[:3000, 2]).mean() < 0.03


def test_noise_of_a_weak_network_is_borne():
    points = room(np.random.default_rng(1), noise=0.06)
    normal, height = find_floor(points, np.array([0.1, 0.2, 1.0]), 0.05)
    assert np.degrees(np.arccos(normal[2])) < 2.0
    assert abs(height) < 0.05


@pytest.mark.parametrize(
    'points',
    [
        np.zeros((0, 3)),
        np.zeros((500, 3)),
        np.random.default_rng(0).uniform(-3, 3, (4000, 3)),  # a cloud
        np.random.default_rng(0).uniform([-3, -3, 0], [-3, 3, 2.5], (4000, 3)),  # a wall
    ],
)
def test_no_floor(points):
    assert find_floor(points, np.array([0, 0, 1.0]), 0.05) is None


def test_a_table_is_not_the_floor():
    random = np.random.default_rng(0)
    table = random.uniform([0, 0, 0.8], [1.5, 1, 0.8], (3000, 3))
    floor = random.uniform([-3, -3, 0], [3, 3, 0], (1500, 3))
    normal, height = find_floor(np.concatenate([table, floor]), np.array([0, 0, 1.0]), 0.05)
    assert abs(height) < 0.05
    assert normal[2] > 0.999


def test_levelling_is_the_smallest_turn():
    normal = np.array([0.3, -0.2, 0.9])
    normal /= np.linalg.norm(normal)
    level = levelling(normal, 1.5)
    np.testing.assert_allclose(level.rotation @ normal, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(level.rotation @ level.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(level.rotation) == pytest.approx(1)
    angle = np.arccos((np.trace(level.rotation) - 1) / 2)
    assert angle == pytest.approx(np.arccos(normal[2]))
    assert level.apply(1.5 * normal)[2] == pytest.approx(0)
    with pytest.raises(ValueError, match='points down'):
        levelling(np.array([0, 0, -1.0]), 0.0)
