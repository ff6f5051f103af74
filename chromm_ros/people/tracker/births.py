"""Detections that nobody known explains, joined over the views into newcomers."""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.assignment import VOLUME
from chromm_ros.people.tracker.evidence import DEPENDENCE, TRUST, log_gauss, log_ratio, mean_distance, trusted
from chromm_ros.people.tracker.kinematics import Measurements
from chromm_ros.people.tracker.tables import HeadDetections

IMPOSSIBLE = -4.0
"""Log odds below which two detections are not one person, whatever the others of a group say."""


def newcomers(
    detections: HeadDetections, measurements: Measurements, rows: np.ndarray, errors: EstimateErrors
) -> np.ndarray:
    """(len(rows),) number of the newcomer that each left-over detection belongs to, counted from 0.

    Groups are joined best first by the mean of their pairs' log odds, as long as these speak for one person and no
    view has two of it.
    """
    count = len(rows)
    group = np.arange(count)
    if count < 2:
        return group
    odds = pair_odds(detections, measurements, rows, errors)
    view = detections.view[rows]
    total, worst, pairs = odds.copy(), odds.copy(), np.ones((count, count))
    total[view[:, None] == view] = worst[view[:, None] == view] = -np.inf
    np.fill_diagonal(total, -np.inf)
    while True:
        score = np.where(worst > IMPOSSIBLE, total / pairs, -np.inf)
        kept, joined = divmod(int(score.argmax()), count)
        if not score[kept, joined] > 0:
            break
        group[group == joined] = kept
        for sums, join in ((total, np.add), (pairs, np.add), (worst, np.minimum)):
            sums[kept] = sums[:, kept] = join(sums[kept], sums[joined])
        for matrix in (total, worst):
            matrix[joined] = matrix[:, joined] = matrix[kept, kept] = -np.inf
    return np.unique(group, return_inverse=True)[1].reshape(-1)


def pair_odds(
    detections: HeadDetections, measurements: Measurements, rows: np.ndarray, errors: EstimateErrors
) -> np.ndarray:
    """(R, R) log likelihood ratios that two detections are one person, by place and by posture."""
    point, along = detections.point[rows], measurements.along[rows]
    bias = errors.depth_bias**2 * along[:, :, None] * along[:, None, :]
    noise = measurements.noise[:, rows] + bias
    apart = point[:, None] - point[None]
    shares = (1 - errors.detection.tail, errors.detection.tail)
    densities = [
        np.log(one * other) + log_gauss(apart, noise[first][:, None] + noise[second][None])
        for first, one in enumerate(shares)
        for second, other in enumerate(shares)
    ]
    apart = mean_distance(detections.posture[rows][:, None], detections.posture[rows][None])
    laws = errors.detection.posture_other_view, errors.detection.posture_other_person
    alike = trusted(log_ratio(apart, *laws), TRUST)
    return np.logaddexp.reduce(densities) + np.log(VOLUME) + DEPENDENCE * alike
