"""Whether a newcomer is somebody remembered."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.evidence import DEPENDENCE, log_ratio
from chromm_ros.people.tracker.kinematics import WalkingModel
from chromm_ros.people.tracker.tracks import Tracks

ROOM = 25.0
"""Floor on which a stranger may appear [m^2]."""

ANYWHERE_SHARE = 0.3
"""Probability that somebody comes back at any place of the room, by another door or a way that nobody saw."""

PLACE_ERROR = 0.3
"""Standard deviation of the places that are compared [m]."""


def recall(
    new: Tracks, old: Tracks, now: float, prior: float, walking: WalkingModel, errors: EstimateErrors
) -> np.ndarray:
    """(len(new),) row of ``old`` that each newcomer is, -1: somebody new; nobody twice.

    Args:
        prior: log odds that a newcomer is somebody remembered, before place, time and shape are compared.
    """
    result = np.full(len(new), -1)
    if not len(new) or not len(old):
        return result
    odds = prior + _place_odds(new, old, now, walking) + _shape_odds(new, old, errors)
    rows, columns = linear_sum_assignment(-np.maximum(odds, 0.0))
    good = odds[rows, columns] > 0
    result[rows[good]] = columns[good]
    return result


def _place_odds(new: Tracks, old: Tracks, now: float, walking: WalkingModel) -> np.ndarray:
    """(new, old) log likelihood ratios of the place: where one can have walked since, against anywhere."""
    variance = walking.spread_after(np.maximum(now - old.seen, 0.0)) + PLACE_ERROR**2
    far = ((new.mean[:, None, :2] - old.mean[None, :, :2]) ** 2).sum(-1)
    walked = -0.5 * far / variance - np.log(2 * np.pi * variance)
    return np.logaddexp(walked, np.log(ANYWHERE_SHARE / ROOM)) + np.log(ROOM)


def _shape_odds(new: Tracks, old: Tracks, errors: EstimateErrors) -> np.ndarray:
    distance = np.linalg.norm(new.betas[:, None] - old.betas[None], axis=-1)
    return DEPENDENCE * log_ratio(distance, errors.detection.shape_same, errors.detection.shape_other, low=0.3)
