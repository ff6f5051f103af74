"""Two rigs in two worlds are compared by what no rigid motion explains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.world.rig_errors import rig_errors
from chromm_ros.geometry.similarity import Similarity

VIEWS = 'abcd'


def rig() -> np.ndarray:
    """(4, 4, 4) cameras in a room."""
    poses = np.tile(np.eye(4), (4, 1, 1))
    poses[:, :3, :3] = Rotation.random(4, random_state=1).as_matrix()
    poses[:, :3, 3] = np.random.default_rng(1).uniform(-3, 3, (4, 3))
    return poses


def elsewhere(poses: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """The same rig in another world."""
    turn = Rotation.from_rotvec([0.3, -1.0, 0.5]).as_matrix()
    return Similarity(np.asarray(scale), turn, np.array([5.0, 1.0, -2.0])).apply_poses(poses)


def named(poses: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(VIEWS, poses))


def test_a_right_estimate_has_no_error_in_whatever_world():
    errors = rig_errors(named(elsewhere(rig())), named(rig()))
    assert list(errors) == list(VIEWS)
    np.testing.assert_allclose(list(errors.values()), 0.0, atol=1e-6)


def test_a_wrong_scale_shows_in_metres():
    errors = rig_errors(named(elsewhere(rig(), scale=1.1)), named(rig()))
    offsets = np.linalg.norm(rig()[:, :3, 3] - rig()[:, :3, 3].mean(0), axis=1)
    np.testing.assert_allclose([metres for metres, _ in errors.values()], 0.1 * offsets, atol=1e-6)


def test_the_camera_that_is_wrong_has_the_largest_error():
    wrong = rig()
    wrong[2, :3, 3] += [0.8, 0.0, 0.0]
    wrong[2, :3, :3] = wrong[2, :3, :3] @ Rotation.from_rotvec([0.0, 0.4, 0.0]).as_matrix()
    errors = rig_errors(named(elsewhere(wrong)), named(rig()))
    assert max(errors, key=lambda view: errors[view][0]) == 'c'
    assert max(errors, key=lambda view: errors[view][1]) == 'c'
    assert errors['c'][0] == pytest.approx(0.6, abs=0.15)  # the fit shares it among the four


def test_cameras_that_only_one_side_knows_are_left_out():
    estimated, given = named(elsewhere(rig())), named(rig())
    estimated['a'], given['d'] = None, None
    assert list(rig_errors(estimated, given)) == ['b', 'c']
    del given['c']
    assert rig_errors(estimated, given) == {}
