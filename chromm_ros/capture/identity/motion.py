"""How a person moves, with covariance: what a snapshot is extrapolated by.

The head is what the cameras measure (CHROMM triangulates it), so the tracker follows the head and the pelvis is
derived from it; :func:`pelvis_covariance` carries the uncertainty over. The root rotation has a Kalman filter of its
own in the tangent space of its estimate, errors in the world frame: ``R_true = exp(error) R``. Both rates are
forgotten in time: a motion goes on for a moment, then the person may be anywhere near and face anywhere.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from chromm_ros.geometry.rotations import rotation_of, vector_of
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.tracker.kinematics import WalkingModel, forgetful_step

EYE = np.eye(3)

TURNING = 2.0
"""Stationary standard deviation of the angular velocity of a person [rad/s]."""

ROTATION_NOISE = 0.12
"""Standard deviation of an observed root rotation [rad]."""


@dataclass(frozen=True)
class Turn:
    """Root rotation of a person, how it changes, and how well that is known."""

    rotation: np.ndarray  # (3, 3) world from body
    angular_velocity: np.ndarray  # (3,) [rad/s]
    covariance: np.ndarray  # (6, 6) of rotation error and angular velocity

    @staticmethod
    def begin(rotation: np.ndarray) -> Turn:
        """Of a person seen for the first time."""
        return Turn(rotation, np.zeros(3), np.diag([ROTATION_NOISE**2] * 3 + [TURNING**2] * 3))

    def after(self, seconds: float, persistence: float) -> Turn:
        """So many seconds later."""
        step, noise = forgetful_step(seconds, np.full(3, TURNING**2), persistence)
        turned = step[0, 3] * self.angular_velocity
        return Turn(
            rotation_of(turned) @ self.rotation,
            step[3, 3] * self.angular_velocity,
            step @ self.covariance @ step.T + noise,
        )

    def observed(self, rotation: np.ndarray) -> Turn:
        """Corrected by an observed root rotation (3, 3)."""
        error = vector_of(rotation @ self.rotation.T)
        gain = np.linalg.solve(self.covariance[:3, :3] + ROTATION_NOISE**2 * EYE, self.covariance[:3, :]).T  # (6, 3)
        keep = np.eye(6)
        keep[:, :3] -= gain
        shift = gain @ error
        # Joseph form: stays symmetric and positive over hours of updates
        covariance = keep @ self.covariance @ keep.T + ROTATION_NOISE**2 * gain @ gain.T
        return Turn(rotation_of(shift[:3]) @ self.rotation, self.angular_velocity + shift[3:], covariance)

    def moved(self, change: Similarity) -> Turn:
        """The same in the frame that ``change`` maps the world to."""
        both = np.kron(np.eye(2), change.rotation)
        return Turn(
            change.rotation @ self.rotation, change.rotation @ self.angular_velocity, both @ self.covariance @ both.T
        )


@dataclass(frozen=True)
class Motion:
    """Where a person is and how it moves at ``stamp``, in the world frame."""

    stamp: int  # [ns]
    head: np.ndarray  # (3,) [m]
    velocity: np.ndarray  # (3,) of the head [m/s]
    covariance: np.ndarray  # (6, 6) of head and velocity
    turn: Turn


def predict(motion: Motion, stamp: int, walking: WalkingModel) -> Motion:
    """The motion extrapolated to ``stamp``; a stamp in the past changes nothing."""
    seconds = (stamp - motion.stamp) * 1e-9
    if seconds <= 0:
        return motion
    step, noise = forgetful_step(seconds, walking.velocity_variance, walking.persistence)
    return Motion(
        stamp,
        motion.head + step[0, 3] * motion.velocity,
        step[3, 3] * motion.velocity,
        step @ motion.covariance @ step.T + noise,
        motion.turn.after(seconds, walking.persistence),
    )


def at_rest(motion: Motion, stamp: int, walking: WalkingModel, head: np.ndarray) -> Motion:
    """The motion at ``stamp`` of somebody who cannot have gone on beyond ``head`` (3,) [m]."""
    return dataclasses.replace(predict(motion, stamp, walking), head=head, velocity=np.zeros(3))


def pelvis_covariance(motion: Motion, pelvis_from_head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariances (6, 6) of (pelvis, orientation) and of (pelvis velocity, angular velocity).

    With the arm ``a = pelvis_from_head`` (3,) in world axes: ``pelvis = head + exp(e) a``, hence
    ``d pelvis = d head - [a]x e``, and the same for the rates.
    """
    arm = -_cross_matrix(pelvis_from_head)
    jacobian = np.eye(6)
    jacobian[:3, 3:] = arm
    value, rate = np.zeros((6, 6)), np.zeros((6, 6))
    value[:3, :3], value[3:, 3:] = motion.covariance[:3, :3], motion.turn.covariance[:3, :3]
    rate[:3, :3], rate[3:, 3:] = motion.covariance[3:, 3:], motion.turn.covariance[3:, 3:]
    return jacobian @ value @ jacobian.T, jacobian @ rate @ jacobian.T


def _cross_matrix(vector: np.ndarray) -> np.ndarray:
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=float)
