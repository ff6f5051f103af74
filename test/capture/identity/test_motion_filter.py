"""The constant-velocity filter: it follows, it knows how well, and it stops extrapolating."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.identity.motion_filter import Motion, begin, correct, pelvis_covariance, predict
from chromm_ros.capture.settings import IdentitySettings

SETTINGS = IdentitySettings()
SECOND = 10**9


def followed(steps: int, velocity: np.ndarray, turn: np.ndarray, noise: float = 0.0, seed: int = 0) -> Motion:
    """A filter that watched somebody move evenly at 5 Hz."""
    random = np.random.default_rng(seed)
    motion = None
    for step in range(steps):
        time = 0.2 * step
        head = np.array([1.0, 2.0, 1.6]) + velocity * time + noise * random.normal(size=3)
        rotation = Rotation.from_rotvec(turn * time).as_matrix()
        covariance = (noise**2 + 1e-6) * np.eye(3)
        if motion is None:
            motion = begin(0, head, covariance, rotation, SETTINGS)
        else:
            later = predict(motion, round(time * SECOND), SETTINGS)
            motion = correct(later, head, covariance, rotation, SETTINGS)
    return motion


def test_an_even_motion_is_learned():
    velocity, turn = np.array([0.8, -0.3, 0.0]), np.array([0.0, 0.0, 0.7])
    motion = followed(30, velocity, turn)
    np.testing.assert_allclose(motion.velocity, velocity, atol=0.02)
    np.testing.assert_allclose(motion.angular_velocity, turn, atol=0.05)
    later = predict(motion, motion.stamp + SECOND // 2, SETTINGS)
    np.testing.assert_allclose(later.head, motion.head + 0.5 * velocity, atol=0.02)
    expected = Rotation.from_rotvec(turn * (29 * 0.2 + 0.5)).as_matrix()
    np.testing.assert_allclose(later.rotation, expected, atol=0.05)


def test_the_covariance_tells_the_error():
    errors, sigmas = [], []
    for seed in range(40):
        motion = followed(20, np.array([0.5, 0.0, 0.0]), np.zeros(3), noise=0.1, seed=seed)
        errors.append(motion.head - [1.0 + 0.5 * 19 * 0.2, 2.0, 1.6])
        sigmas.append(np.sqrt(np.diag(motion.covariance)[:3]))
    ratio = np.sqrt((np.square(errors) / np.square(sigmas)).mean())
    assert 0.5 < ratio < 1.2


def test_prediction_in_two_steps_equals_one():
    motion = followed(10, np.array([0.5, 0.2, 0.0]), np.array([0.0, 0.0, 0.4]))
    once = predict(motion, motion.stamp + 800_000_000, SETTINGS)
    twice = predict(predict(motion, motion.stamp + 300_000_000, SETTINGS), motion.stamp + 800_000_000, SETTINGS)
    np.testing.assert_allclose(once.head, twice.head, atol=1e-9)
    np.testing.assert_allclose(once.rotation, twice.rotation, atol=1e-9)


def test_beyond_the_horizon_the_person_stands_and_grows_uncertain():
    motion = followed(10, np.array([1.0, 0.0, 0.0]), np.zeros(3))
    horizon = round(SETTINGS.prediction_horizon * SECOND)
    at, after, long_after = (predict(motion, motion.stamp + n * horizon, SETTINGS) for n in (1, 2, 10))
    np.testing.assert_allclose(after.head, at.head)
    np.testing.assert_allclose(after.velocity, 0)
    traces = [np.trace(m.covariance[:3, :3]) for m in (motion, at, after, long_after)]
    assert traces == sorted(traces)
    assert np.sqrt(traces[-1]) < 100  # wide, not absurd


def test_the_past_changes_nothing():
    motion = followed(10, np.array([1.0, 0.0, 0.0]), np.zeros(3))
    assert predict(motion, motion.stamp - SECOND, SETTINGS) is motion


def test_hours_of_updates_keep_the_covariance_sound():
    motion = followed(3000, np.zeros(3), np.zeros(3), noise=0.02)
    for covariance in (motion.covariance, motion.rotation_covariance):
        np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)
        assert np.linalg.eigvalsh(covariance).min() > 0
    np.testing.assert_allclose(motion.rotation @ motion.rotation.T, np.eye(3), atol=1e-9)


def test_pelvis_covariance_against_samples():
    random = np.random.default_rng(0)
    motion = followed(10, np.array([0.5, 0.0, 0.0]), np.zeros(3), noise=0.05)
    arm = np.array([0.1, -0.05, -0.6])
    head = random.multivariate_normal(np.zeros(3), motion.covariance[:3, :3], 20000)
    error = random.multivariate_normal(np.zeros(3), motion.rotation_covariance[:3, :3], 20000)
    pelvis = head + Rotation.from_rotvec(error).apply(arm) - arm
    sampled = np.cov(np.concatenate([pelvis, error], 1).T)
    value, rate = pelvis_covariance(motion, arm)
    np.testing.assert_allclose(value, sampled, atol=0.05 * np.abs(value).max())
    assert np.linalg.eigvalsh(rate).min() > -1e-12


@pytest.mark.parametrize('distance', [0.1, 5.0])
def test_a_surprise_is_followed(distance):
    motion = followed(20, np.zeros(3), np.zeros(3))
    there = motion.head + np.array([distance, 0, 0])
    for _ in range(5):
        later = predict(motion, motion.stamp + SECOND // 5, SETTINGS)
        motion = correct(later, there, 1e-4 * np.eye(3), motion.rotation, SETTINGS)
    assert np.linalg.norm(motion.head - there) < 0.2 * distance
