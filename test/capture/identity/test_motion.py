"""Extrapolation of heads and rotations, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest
from head_rig import ERRORS, HeadRig
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from chromm_ros.capture.identity.motion import Motion, Turn, at_rest, pelvis_covariance, predict
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.tracker.detectability import clear_view
from chromm_ros.people.tracker.kinematics import WalkingModel

WALKING = WalkingModel()


def motion(velocity=(0.6, 0.0, 0.0), turning=(0.0, 0.0, 0.0)) -> Motion:
    turn = Turn(np.eye(3), np.array(turning, float), 0.01 * np.eye(6))
    return Motion(0, np.array([0.0, 0.0, 1.6]), np.array(velocity), 0.01 * np.eye(6), turn)


def after(seconds: float) -> int:
    return round(seconds * 1e9)


def test_a_motion_goes_on_for_a_moment_and_comes_to_rest():
    soon, late, later = (predict(motion(), after(seconds), WALKING) for seconds in (0.1, 5.0, 20.0))
    assert soon.head[0] == pytest.approx(0.06, abs=0.005)
    assert late.head[0] == pytest.approx(0.6 * WALKING.persistence, abs=0.01)
    np.testing.assert_allclose(late.head, later.head, atol=0.01)
    np.testing.assert_allclose(later.velocity, 0, atol=1e-6)
    traces = [np.trace(one.covariance[:3, :3]) for one in (soon, late, later)]
    assert traces[0] < traces[1] < traces[2]


def test_a_stamp_in_the_past_changes_nothing():
    start = motion()
    assert predict(start, -1, WALKING) is start


@settings(max_examples=30, deadline=None)
@given(st.floats(0.01, 3.0), st.floats(0.01, 3.0))
def test_two_steps_are_one_long_step(first, second):
    """The rate of images must not matter: the motion model is exact for any time step."""
    start = motion()
    once = predict(start, after(first) + after(second), WALKING)
    twice = predict(predict(start, after(first), WALKING), after(first) + after(second), WALKING)
    np.testing.assert_allclose(once.head, twice.head, atol=1e-6)
    np.testing.assert_allclose(once.velocity, twice.velocity, atol=1e-6)
    np.testing.assert_allclose(once.covariance, twice.covariance, atol=1e-6)
    np.testing.assert_allclose(once.turn.covariance, twice.turn.covariance, atol=1e-6)


def test_a_rotation_is_followed():
    turn = Turn.begin(np.eye(3))
    for step in range(1, 25):
        true = Rotation.from_rotvec([0, 0, 0.1 * step]).as_matrix()
        turn = turn.after(0.1, WALKING.persistence).observed(true)
    assert Rotation.from_matrix(turn.rotation.T @ true).magnitude() < 0.1
    assert turn.angular_velocity[2] == pytest.approx(1.0, abs=0.25)
    assert (np.linalg.eigvalsh(turn.covariance) > 0).all()


def test_a_turn_follows_the_world():
    change = Similarity(np.asarray(2.0), Rotation.from_rotvec([0, 0, 1.0]).as_matrix(), np.ones(3))
    turn = Turn(np.eye(3), np.array([1.0, 0, 0]), np.diag([1.0, 2, 3, 4, 5, 6]))
    moved = turn.moved(change)
    np.testing.assert_allclose(moved.rotation, change.rotation)
    np.testing.assert_allclose(moved.angular_velocity, change.rotation[:, 0])
    assert np.trace(moved.covariance) == pytest.approx(np.trace(turn.covariance))


def test_the_covariance_of_the_pelvis_grows_with_the_arm():
    near, _ = pelvis_covariance(motion(), np.zeros(3))
    far, _ = pelvis_covariance(motion(), np.array([0.0, 0.0, -0.7]))
    np.testing.assert_allclose(near[:3, :3], motion().covariance[:3, :3])
    assert np.trace(far[:3, :3]) > np.trace(near[:3, :3])
    assert far[2, 2] == pytest.approx(near[2, 2])  # turning does not lift a pelvis that hangs straight down


def test_a_clear_view_ends_with_the_image_and_behind_things():
    rig = HeadRig()
    way = np.linspace([0.0, 0.0, 1.6], [9.0, 0.0, 1.6], 10)
    watched = clear_view(way, rig.cameras(), ERRORS)
    assert watched[0]
    assert not watched[-1]
    assert not clear_view(way, rig.cameras(walls=dict.fromkeys(range(4), 0.5)), ERRORS).any()


def test_somebody_who_cannot_go_on_stands_and_grows_uncertain():
    stopped = at_rest(motion(), after(1.0), WALKING, np.array([0.1, 0.0, 1.6]))
    np.testing.assert_array_equal(stopped.head, [0.1, 0.0, 1.6])
    np.testing.assert_array_equal(stopped.velocity, 0)
    assert np.trace(stopped.covariance[:3, :3]) > np.trace(motion().covariance[:3, :3])
