"""How well detections fit people: logarithms of likelihood ratios from one model of the errors.

A detection is compared by its place (eq. 4's distance of positions, weighed by what the view knows well and badly),
by posture and facing (eq. 4's second term, in world axes, where it tells people apart) and by shape.
"""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors, LogNormal
from chromm_ros.people.tracker.kinematics import REDUCED_VIEWS, Measurements

LOG_2PI_3 = 3 * np.log(2 * np.pi)

DEPENDENCE = 0.7
"""Weight of posture and shape: they are no evidence independent of place."""

MOMENT = 0.6
"""Time for which the posture that a view saw is compared with what the same view sees next [s]."""

POSTURE_MEMORY = 1.5
"""Time after which a posture says nothing about the next one [s]."""

TRUST = 0.9
"""Share of detections whose posture is estimated sensibly."""


def log_gauss(error: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(...) log density of ``error`` (..., 3) under zero-mean Gaussians of symmetric ``covariance`` (..., 3, 3)."""
    a, b, c = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 0, 2]
    d, e, f = covariance[..., 1, 1], covariance[..., 1, 2], covariance[..., 2, 2]
    aa, bb, cc = d * f - e * e, c * e - b * f, b * e - c * d  # cofactors
    determinant = a * aa + b * bb + c * cc
    x, y, z = error[..., 0], error[..., 1], error[..., 2]
    square = aa * x * x + (a * f - c * c) * y * y + (a * d - b * b) * z * z
    square += 2 * (bb * x * y + cc * x * z + (b * c - a * e) * y * z)
    return -0.5 * (square / determinant + np.log(determinant) + LOG_2PI_3)


def place_evidence(
    mean: np.ndarray,
    covariance: np.ndarray,
    points: np.ndarray,
    measurements: Measurements,
    views: np.ndarray,
    tail: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Log densities (T, N) of N detections if they are of each of T people, and the shares (T, N) of the usual noise.

    Args:
        mean, covariance: (T, 4 + V), (T, 4 + V, 4 + V) reduced states.
        points: (N, 3) detected heads, world [m].
        views: (N,)
        tail: share of detections with the wide noise.
    """
    own, along = REDUCED_VIEWS + views, measurements.along
    error = points - mean[:, None, :3] - mean[:, own, None] * along
    cross = covariance[:, :3][:, :, own].swapaxes(1, 2)[..., None] * along[:, None, :]  # (T, N, 3, 3)
    bias = covariance[:, own, own][..., None, None] * (along[:, :, None] * along[:, None, :])
    spread = covariance[:, None, :3, :3] + cross + cross.swapaxes(-1, -2) + bias
    usual = np.log1p(-tail) + log_gauss(error, spread + measurements.noise[0])
    wide = np.log(tail) + log_gauss(error, spread + measurements.noise[1])
    both = np.logaddexp(usual, wide)
    return both, np.exp(usual - both)


def log_ratio(distance: np.ndarray, same: LogNormal, other: LogNormal, low: float = 0.5) -> np.ndarray:
    """Log likelihood ratio (...) of distances (...) between the same and between different people.

    A distance below ``low`` of what is usual is no better than that; one above what is usual between others never
    speaks for the same person, however heavy the tail of its law.
    """
    distance = np.maximum(distance, low * same.median)
    near, far = np.log(distance / same.median) / same.spread, np.log(distance / other.median) / other.spread
    ratio = 0.5 * (far**2 - near**2) + np.log(other.spread / same.spread)
    return np.where(distance >= other.median, np.minimum(ratio, 0.0), ratio)


def trusted(ratio: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Log likelihood ratio of evidence that is worth something only with the probability ``share``."""
    share = np.clip(share, 1e-9, 1 - 1e-9)
    return np.logaddexp(np.log(share) + np.clip(ratio, -30, 30), np.log1p(-share))


def mean_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(...) mean distance of joints (..., J, 3) [m]."""
    apart = first - second
    return np.sqrt(np.einsum('...i,...i->...', apart, apart)).mean(-1)


def posture_evidence(
    posture: np.ndarray,
    view_posture: np.ndarray,
    view_age: np.ndarray,
    age: np.ndarray,
    detected: np.ndarray,
    views: np.ndarray,
    errors: EstimateErrors,
) -> np.ndarray:
    """(T, N) log likelihood ratios that the detections have the posture and facing of each person.

    Args:
        posture: (T, 22, 3) of the newest observation, mean over the views [m].
        view_posture: (T, V, 22, 3) as each view saw it last.
        view_age: (T, V) time since then [s]; infinite: never.
        age: (T,) time since anybody saw the person [s].
        detected: (N, 22, 3); ``views`` (N,).
    """
    lately = view_age[:, views] < MOMENT
    before = np.where(lately[..., None, None], view_posture[:, views], posture[:, None])
    distance = mean_distance(detected, before)
    same_view = log_ratio(distance, errors.detection.posture_same_view, errors.detection.posture_other_person)
    other_view = log_ratio(distance, errors.detection.posture_other_view, errors.detection.posture_other_person)
    passed = np.where(lately, view_age[:, views], age[:, None])
    share = TRUST * np.exp(-passed / POSTURE_MEMORY)
    return DEPENDENCE * trusted(np.where(lately, same_view, other_view), share)


def shape_evidence(betas: np.ndarray, detected: np.ndarray, errors: EstimateErrors) -> np.ndarray:
    """(T, N) log likelihood ratios that ``detected`` (N, 10) betas are those of people with ``betas`` (T, 10)."""
    distance = np.linalg.norm(detected - betas[:, None], axis=-1)
    return DEPENDENCE * log_ratio(distance, errors.detection.shape_same, errors.detection.shape_other)
