"""The voxel map: it averages, forgets, never grows, and moves with the world."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from chromm_ros.capture.scene.scene_map import CARVED_PER_WINDOW, SceneMap
from chromm_ros.capture.settings import SceneSettings
from chromm_ros.flow import Cloud
from chromm_ros.geometry.similarity import Similarity

SECOND = 10**9


def cloud(points: np.ndarray, color: int = 100, confidence: float = 1.0) -> Cloud:
    count = len(points)
    colors = np.full((count, 3), color, np.uint8)
    return Cloud(points.astype(np.float32), colors, np.full(count, confidence, np.float32))


def plane(random: np.random.Generator, count: int = 5000) -> np.ndarray:
    return random.uniform([-2, -2, 0.01], [2, 2, 0.04], (count, 3))


def test_a_voxel_is_the_mean_of_what_was_seen():
    scene = SceneMap(SceneSettings(voxel=0.1, min_hits=2))
    scene.add(cloud(np.array([[0.02, 0.02, 0.02], [0.06, 0.06, 0.06]]), color=80), SECOND)
    assert len(scene.cloud().points) == 0  # seen by one window only
    scene.add(cloud(np.array([[0.08, 0.08, 0.08]]), color=120, confidence=0.5), 2 * SECOND)
    found = scene.cloud()
    np.testing.assert_allclose(found.points, [[0.06, 0.06, 0.06]], atol=1e-6)
    assert found.colors.tolist() == [[100, 100, 100]]
    assert 0 < found.confidence[0] < 1


def test_the_same_points_do_not_fill_it():
    random = np.random.default_rng(0)
    scene = SceneMap(SceneSettings())
    points = plane(random)
    for window in range(20):
        scene.add(cloud(points), window * SECOND)
    assert len(scene) == len(np.unique(np.floor(points.astype(np.float32) / 0.05), axis=0))


def test_it_never_grows_beyond_its_cap_and_keeps_the_newest():
    random = np.random.default_rng(0)
    scene = SceneMap(SceneSettings(capacity=2000, min_hits=1))
    held = scene._keys.size
    for window in range(60):
        scene.add(cloud(plane(random, 400) + np.array([10.0 * window, 0, 0])), window * SECOND)
    assert scene._keys.size == held
    assert len(scene) <= held
    newest = scene.cloud().points
    assert (newest[:, 0] > 560).sum() > 300  # of about 390 voxels of the last window
    assert not (newest[:, 0] < 100).any()


def test_every_key_lies_once():
    random = np.random.default_rng(0)
    scene = SceneMap(SceneSettings(capacity=5000))
    for window in range(30):
        scene.add(cloud(random.uniform(-1.5, 1.5, (1500, 3))), window)
        slots, _ = scene.candidates(window)
        scene.weaken(slots[:: 1 + window % 3])
        keys = scene._keys[scene._keys >= 0]
        assert len(np.unique(keys)) == len(keys)


def test_voxels_that_are_looked_through_vanish():
    scene = SceneMap(SceneSettings(min_hits=1, max_age=0))
    points = plane(np.random.default_rng(0), 500)
    for window in range(4):
        scene.add(cloud(points), window)
    turns = -(-scene._keys.size // CARVED_PER_WINDOW)
    for _ in range(3 * turns):
        slots, where = scene.candidates(10)
        scene.weaken(slots[where[:, 0] > 0])
    left = scene.cloud().points
    assert (left[:, 0] <= 0).all()
    assert len(left) > 100


def test_the_old_are_forgotten():
    scene = SceneMap(SceneSettings(min_hits=1, max_age=10, capacity=2000))
    scene.add(cloud(plane(np.random.default_rng(0), 300)), 0)
    for _ in range(-(-scene._keys.size // CARVED_PER_WINDOW)):
        scene.candidates(11 * SECOND)
    assert len(scene) == 0


def test_it_moves_with_the_world():
    scene = SceneMap(SceneSettings(min_hits=2))
    points = plane(np.random.default_rng(0))
    for window in range(3):
        scene.add(cloud(points), window)
    before = scene.cloud()
    change = Similarity(np.asarray(1.02), np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]]), np.array([1.0, 2, 3]))
    scene.move(change)
    after = scene.cloud()
    # where the grid lies otherwise, neighbours may fall into one voxel
    assert 0.8 * len(before.points) < len(after.points) <= len(before.points)
    distance, _ = cKDTree(change.apply(before.points)).query(after.points)
    assert distance.max() < 1e-5


def test_nothing_and_far_away():
    scene = SceneMap(SceneSettings())
    scene.add(cloud(np.zeros((0, 3))), 0)
    assert len(scene.cloud().points) == 0
    scene.add(cloud(np.array([[1e9, -1e9, 0.0]])), 0)
    assert len(scene) == 1
    scene.clear()
    assert len(scene) == 0


@pytest.mark.parametrize('seed', range(3))
def test_adding_in_two_parts_places_the_same_voxels(seed):
    random = np.random.default_rng(seed)
    points = random.uniform(-1, 1, (3000, 3))
    whole, parts = SceneMap(SceneSettings(min_hits=1)), SceneMap(SceneSettings(min_hits=1))
    whole.add(cloud(points), 1)
    parts.add(cloud(points[:1000]), 1)
    parts.add(cloud(points[1000:]), 1)
    assert sorted(whole._keys[whole._keys >= 0]) == sorted(parts._keys[parts._keys >= 0])
