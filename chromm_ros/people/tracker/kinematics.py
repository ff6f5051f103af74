"""Where people are, how they move, and how each view errs about their distance: one Gaussian for each person.

The state of a person is x = (head [m], velocity [m/s], rise [m], one error of the log distance for each of V views).
A view that puts somebody too far away does so for many seconds, so its error is estimated with the place instead of
being averaged away: where two views meet they learn each other's errors, and these hold when one view is left. The
rise is the same for the floor: how much higher the head is than that of a body of this posture that stands there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.tables import HeadDetections

MOTION = 6
"""Numbers of head and velocity, which come before what lasts: the rise and the errors of the views."""

HEIGHT, CLIMB, RISE = 2, 5, MOTION
"""Indices in the state of the height of the head, of its vertical velocity, and of the rise."""

VIEWS, REDUCED_VIEWS = 7, 4
"""Index of the error of the first view in the state, and in the reduced one (head, rise, errors)."""

PLACE = slice(0, 3)

ANYWHERE = 50.0
"""Standard deviation of the place of somebody before the first detection [m]."""

LEAST_VARIANCE = 1e-7
"""Eigenvalue [m^2] below which no covariance of the state falls."""


@dataclass(frozen=True)
class WalkingModel:
    """A velocity that is forgotten (Ornstein-Uhlenbeck): motion goes on for a moment, then may have gone anywhere."""

    speed: float = 0.75
    """Stationary standard deviation of each horizontal component of the velocity [m/s]."""
    climb: float = 0.2
    """The same of the vertical one."""
    persistence: float = 0.8
    """Time after which a velocity is forgotten [s]."""

    @property
    def velocity_variance(self) -> np.ndarray:
        """(3,) [m^2/s^2]"""
        return np.array([self.speed, self.speed, self.climb]) ** 2

    @property
    def isotropic(self) -> WalkingModel:
        """For a world that is not level: people may walk along any of its axes."""
        return replace(self, climb=self.speed)

    def spread_after(self, seconds: np.ndarray) -> np.ndarray:
        """Variance [m^2] of each horizontal coordinate of somebody not seen for so long."""
        return 2 * self.speed**2 * self.persistence * seconds


def forgetful_step(seconds: float, variance: np.ndarray, persistence: float) -> tuple[np.ndarray, np.ndarray]:
    """Transition (6, 6) and noise (6, 6) of a value (3,) whose rate is forgotten.

    Args:
        variance: (3,) stationary variance of the rate.
        persistence: time in which it is forgotten [s].
    """
    keep = np.exp(-seconds / persistence)
    transition = np.kron(np.array([[1.0, persistence * (1 - keep)], [0.0, keep]]), np.eye(3))
    crossed = persistence * (1 - keep) ** 2
    travelled = persistence**2 * (2 * seconds / persistence - 3 + 4 * keep - keep**2)
    noise = np.kron(np.array([[travelled, crossed], [crossed, 1 - keep**2]]), np.diag(variance))
    return transition, noise


def predict(
    mean: np.ndarray, covariance: np.ndarray, seconds: float, walking: WalkingModel, errors: EstimateErrors
) -> tuple[np.ndarray, np.ndarray]:
    """States (T, D) and covariances (T, D, D) of T people so many seconds later."""
    size = mean.shape[-1]
    keep = np.exp(-seconds / errors.detection.memory)
    transition, noise = keep * np.eye(size), np.zeros((size, size))
    moving, lasting = slice(0, MOTION), slice(MOTION, size)
    noise[lasting, lasting] = (1 - keep**2) * np.diag(_lasting_variance(size - VIEWS, errors))
    transition[moving, moving], noise[moving, moving] = forgetful_step(
        seconds, walking.velocity_variance, walking.persistence
    )
    return mean @ transition.T, transition @ covariance @ transition.T + noise


def unknown(count: int, views: int, walking: WalkingModel, errors: EstimateErrors) -> tuple[np.ndarray, np.ndarray]:
    """State (count, D) and covariance (count, D, D) of people of whom nothing is known."""
    place = np.full(3, ANYWHERE**2)
    variance = np.concatenate([place, walking.velocity_variance, _lasting_variance(views, errors)])
    return np.zeros((count, VIEWS + views)), np.tile(np.diag(variance), (count, 1, 1))


def _lasting_variance(views: int, errors: EstimateErrors) -> np.ndarray:
    """(1 + V,) stationary variances of the rise and of the errors of V views."""
    return np.append(errors.detection.rise**2, np.full(views, errors.depth_bias**2))


@dataclass(frozen=True)
class Measurements:
    """N detections as measurements of a reduced state (head, rise, errors of V views), usual and of the tail."""

    along: np.ndarray  # (N, 3) derivative of the detected point by the error of its view [m]
    noise: np.ndarray  # (2, N, 3, 3) covariance of the detected points [m^2]
    information: np.ndarray  # (2, N, 4 + V, 4 + V)
    vector: np.ndarray  # (2, N, 4 + V) information times measurement

    @staticmethod
    def of(
        detections: HeadDetections, position_error: np.ndarray, freshness: float, errors: EstimateErrors
    ) -> Measurements:
        """
        Args:
            position_error: (V,) standard deviation of the camera positions [m].
            freshness: share of the noise that is new since the last image; less than 1 makes each image count less.
        """
        count, views = len(detections), len(position_error)
        ray, distance = detections.ray, detections.distance[:, None, None]
        outer = ray[:, :, None] * ray[:, None, :]
        camera = position_error[detections.view, None, None] ** 2
        wide = np.array([1.0, errors.detection.tail_factor])[:, None, None, None]
        across = (errors.direction * wide * distance) ** 2 / freshness + camera
        along = (errors.depth_noise * wide * distance) ** 2 / freshness + camera
        rest = np.eye(3) - outer
        inverse = rest / across + outer / along
        jacobian = np.zeros((count, 3, REDUCED_VIEWS + views))
        jacobian[:, :, :3] = np.eye(3)
        jacobian[np.arange(count), :, REDUCED_VIEWS + detections.view] = detections.distance[:, None] * ray
        weighted = jacobian.swapaxes(-1, -2) @ inverse  # (2, N, D, 3)
        return Measurements(
            along=detections.distance[:, None] * ray,
            noise=across * rest + along * outer,
            information=weighted @ jacobian,
            vector=(weighted @ detections.point[:, :, None])[..., 0],
        )

    def take(self, rows: np.ndarray) -> Measurements:
        """Those of some detections."""
        return Measurements(self.along[rows], self.noise[:, rows], self.information[:, rows], self.vector[:, rows])

    def mixed(self, usual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Information (N, D, D) and vector (N, D) of detections that are usual with these probabilities (N,)."""
        share = np.stack([usual, 1 - usual])
        return (
            np.einsum('kn,knij->nij', share, self.information),
            np.einsum('kn,kni->ni', share, self.vector),
        )


@dataclass(frozen=True)
class Prior:
    """Reduced states of T people in information form, to which detections are added."""

    information: np.ndarray  # (T, 4 + V, 4 + V)
    vector: np.ndarray  # (T, 4 + V)

    @staticmethod
    def of(mean: np.ndarray, covariance: np.ndarray) -> Prior:
        """Of states (T, 4 + V) with covariances (T, 4 + V, 4 + V)."""
        information = np.linalg.inv(covariance)
        return Prior(information, np.einsum('tij,tj->ti', information, mean))

    def after(self, person: np.ndarray, information: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """States and covariances after detections (N, D, D), (N, D) of these people (N,)."""
        total, pull = self.information.copy(), self.vector.copy()
        np.add.at(total, person, information)
        np.add.at(pull, person, vector)
        covariance = np.linalg.inv(total)
        return np.einsum('tij,tj->ti', covariance, pull), covariance


def reduced(mean: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The state without the velocity, which no image shows: (T, 4 + V) and (T, 4 + V, 4 + V)."""
    index = observed_part(mean.shape[-1])
    return mean[:, index], covariance[:, index[:, None], index]


def observed_part(size: int) -> np.ndarray:
    """Indices of head, rise and errors in a state of ``size`` numbers."""
    return np.r_[0:3, MOTION:size]


def with_marginal(
    mean: np.ndarray, covariance: np.ndarray, index: np.ndarray, new_mean: np.ndarray, new_covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """States (T, D), (T, D, D) after their components ``index`` (S,) were learned to be (T, S), (T, S, S).

    The other components follow as far as they hang together with those (Rauch's rule).
    """
    part = covariance[:, index[:, None], index]
    gain = np.linalg.solve(part, covariance[:, index]).swapaxes(-1, -2)  # (T, D, S)
    mean = mean + np.einsum('tds,ts->td', gain, new_mean - mean[:, index])
    covariance = covariance + gain @ (new_covariance - part) @ gain.swapaxes(-1, -2)
    return mean, positive(covariance)


def positive(covariance: np.ndarray) -> np.ndarray:
    """The nearest covariances (T, D, D) that are symmetric and no thinner than ``LEAST_VARIANCE``."""
    covariance = 0.5 * (covariance + covariance.swapaxes(-1, -2))
    values, vectors = np.linalg.eigh(covariance)
    thin = values[:, 0] < LEAST_VARIANCE
    if thin.any():
        lifted = np.maximum(values[thin], LEAST_VARIANCE)
        covariance[thin] = (vectors[thin] * lifted[:, None]) @ vectors[thin].swapaxes(-1, -2)
    return covariance
