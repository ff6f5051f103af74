"""Constant-velocity filter of one head and one root rotation, with covariance.

The head is what the cameras measure (CHROMM triangulates it), so the filter follows the head and the pelvis is
derived from it; :func:`pelvis_covariance` carries the uncertainty over. Position and rotation are filtered apart:
each is a Kalman filter with a state of six numbers, (value, rate). The rotation lives in the tangent space of its
estimate, errors in the world frame: ``R_true = exp(error) R``.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from chromm_ros.capture.settings import IdentitySettings

EYE = np.eye(3)

FIRST_SPEED = 1.5
"""Standard deviation of the velocity of a person just met [m/s]."""

FIRST_TURN = 2.0
"""Standard deviation of the angular velocity of a person just met [rad/s]."""


@dataclass(frozen=True)
class Motion:
    """Where a person is and how it moves at ``stamp``, in the world frame."""

    stamp: int  # [ns]
    head: np.ndarray  # (3,) [m]
    velocity: np.ndarray  # (3,) of the head [m/s]
    covariance: np.ndarray  # (6, 6) of head and velocity
    rotation: np.ndarray  # (3, 3) world from body
    angular_velocity: np.ndarray  # (3,) [rad/s]
    rotation_covariance: np.ndarray  # (6, 6) of rotation error and angular velocity


def begin(
    stamp: int, head: np.ndarray, head_covariance: np.ndarray, rotation: np.ndarray, settings: IdentitySettings
) -> Motion:
    """The motion of a person seen for the first time: at rest, with the speed unknown."""
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = _head_noise(head_covariance, settings)
    covariance[3:, 3:] = FIRST_SPEED**2 * EYE
    rotation_covariance = np.diag([settings.rotation_noise**2] * 3 + [FIRST_TURN**2] * 3)
    return Motion(stamp, head, np.zeros(3), covariance, rotation, np.zeros(3), rotation_covariance)


def predict(motion: Motion, stamp: int, settings: IdentitySettings) -> Motion:
    """The motion extrapolated to ``stamp``; a stamp in the past changes nothing.

    The motion goes on for at most ``prediction_horizon``; after that the person is taken to stand, and may have
    walked anywhere at ``walking_speed``.
    """
    elapsed = (stamp - motion.stamp) * 1e-9
    if elapsed <= 0:
        return motion
    moving = min(elapsed, settings.prediction_horizon)
    step = np.eye(6)
    step[:3, 3:] = moving * EYE
    covariance = step @ motion.covariance @ step.T + _process_noise(moving, settings.acceleration)
    turning = step @ motion.rotation_covariance @ step.T + _process_noise(moving, settings.angular_acceleration)
    standing = elapsed - moving
    velocity, angular_velocity = motion.velocity, motion.angular_velocity
    head = motion.head + moving * velocity
    rotation = rotation_of(moving * angular_velocity) @ motion.rotation
    if standing > 0:
        velocity, angular_velocity = np.zeros(3), np.zeros(3)
        covariance[:3, :3] += (settings.walking_speed * standing) ** 2 * EYE
        covariance[3:, 3:] += settings.walking_speed**2 * EYE
        turning[:3, :3] += (FIRST_TURN * standing) ** 2 * EYE
    return Motion(stamp, head, velocity, covariance, rotation, angular_velocity, turning)


def correct(
    motion: Motion, head: np.ndarray, head_covariance: np.ndarray, rotation: np.ndarray, settings: IdentitySettings
) -> Motion:
    """The motion after its head (3,) [m] and root rotation (3, 3) were observed at its stamp."""
    shift, covariance = _update(motion.covariance, head - motion.head, _head_noise(head_covariance, settings))
    error = vector_of(rotation @ motion.rotation.T)
    turn, rotation_covariance = _update(motion.rotation_covariance, error, settings.rotation_noise**2 * EYE)
    return Motion(
        motion.stamp,
        motion.head + shift[:3],
        motion.velocity + shift[3:],
        covariance,
        rotation_of(turn[:3]) @ motion.rotation,
        motion.angular_velocity + turn[3:],
        rotation_covariance,
    )


def pelvis_covariance(motion: Motion, pelvis_from_head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances (6, 6) of (pelvis, orientation) and of (pelvis velocity, angular velocity).

    With the arm ``a = pelvis_from_head`` (3,) in world axes: ``pelvis = head + exp(e) a``, hence
    ``d pelvis = d head - [a]x e``, and the same for the rates.
    """
    arm = -_cross_matrix(pelvis_from_head)
    jacobian = np.eye(6)
    jacobian[:3, 3:] = arm
    value, rate = np.zeros((6, 6)), np.zeros((6, 6))
    value[:3, :3], value[3:, 3:] = motion.covariance[:3, :3], motion.rotation_covariance[:3, :3]
    rate[:3, :3], rate[3:, 3:] = motion.covariance[3:, 3:], motion.rotation_covariance[3:, 3:]
    return jacobian @ value @ jacobian.T, jacobian @ rate @ jacobian.T


def predict_head(motion: Motion, stamp: int, settings: IdentitySettings) -> np.ndarray:
    """(3,) the head of :func:`predict`, without the rest."""
    elapsed = max(0.0, (stamp - motion.stamp) * 1e-9)
    return motion.head + min(elapsed, settings.prediction_horizon) * motion.velocity


def rotation_of(vector: np.ndarray) -> np.ndarray:
    """(3, 3) rotation by a rotation vector (3,); for single small vectors far quicker than the batched libraries."""
    return cv2.Rodrigues(vector)[0]


def vector_of(rotation: np.ndarray) -> np.ndarray:
    """(3,) rotation vector of a rotation (3, 3)."""
    return cv2.Rodrigues(rotation)[0][:, 0]


def _process_noise(elapsed: float, acceleration: float) -> np.ndarray:
    """White acceleration of a standard deviation held over the step (discrete Wiener process)."""
    half = 0.5 * elapsed**2
    noise = np.array([[half * half, half * elapsed], [half * elapsed, elapsed**2]])
    return np.kron(acceleration**2 * noise, EYE)


def _head_noise(covariance: np.ndarray, settings: IdentitySettings) -> np.ndarray:
    return covariance + settings.head_noise**2 * EYE


def _update(covariance: np.ndarray, innovation: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kalman step for a measurement of the first three of six states: (6,) shift and (6, 6) covariance."""
    gain = np.linalg.solve(covariance[:3, :3] + noise, covariance[:3, :]).T  # (6, 3)
    keep = np.eye(6)
    keep[:, :3] -= gain
    # Joseph form: stays symmetric and positive over hours of updates.
    return gain @ innovation, keep @ covariance @ keep.T + gain @ noise @ gain.T


def _cross_matrix(vector: np.ndarray) -> np.ndarray:
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=float)
