"""Is somebody there: what every view says about it, by what it sees and by what it should see and does not."""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.detectability import WEIGHTS, Detectability, crowding, detectability
from chromm_ros.people.tracker.kinematics import PLACE, with_marginal
from chromm_ros.people.tracker.tables import CameraViews, HeadDetections
from chromm_ros.people.tracker.tracks import Tracks
from chromm_ros.people.tracker.twins import Separateness

FURTHER_VIEW = 4.1
"""Log odds that each further view adds which sees somebody at the same place: furniture looks like a person from one
side."""

SEEN = 0.5
"""Log odds of being a person that lie in being detected at all."""

SCORE = (0.83, -2.5, 2.0)
"""Weight of the log odds of a score, and their limits."""

HUMAN_EVIDENCE, HUMAN_LIMITS = (-2.5, 4.1), (-1.5, 5.0)
"""Least and most evidence of one time on whether it is a person, and limits of the sum."""

HUMAN_MEMORY = 6.0
"""Time after which that evidence is forgotten [s]."""

SURELY = 3.5
"""Log odds of being a person from which furniture is out of the question for good."""

STAYS = 20.0
"""Mean time for which an unseen person stays in the room [s]."""

BACK = 2.5
"""Log odds of being there that a detection gives."""

PRESENT_LIMITS = (-6.0, 3.0)

SHIFT = 0.75
"""Weight of the views that do not see somebody on where it is, as a part of their weight on whether it is there."""

MOVES = 0.05
"""Evidence of absence from which it moves the place."""


def weigh(
    tracks: Tracks,
    detections: HeadDetections,
    owner: np.ndarray,
    cameras: CameraViews,
    elapsed: float,
    fresh: float,
    errors: EstimateErrors,
) -> None:
    """Move the belief in everybody, and their places, by one image set that they already explain.

    Args:
        owner: (N,) row of the track that each detection belongs to.
        elapsed: time since the last image set [s].
        fresh: share of an independent image set that this one is worth.
    """
    if not len(tracks):
        return
    seen = tracks.owned >= 0
    place = tracks.mean[:, PLACE], tracks.covariance[:, PLACE, PLACE]
    where = detectability(*place, tracks.posture, cameras, errors)
    missed = fresh * _missed(where, seen, cameras, errors)  # (T, S)
    absence = np.log(np.exp(missed) @ WEIGHTS)
    _move_away(tracks, where, missed, absence)
    observed = seen.any(1)
    separate = Separateness.of(tracks, where.pixels, cameras.sizes[:, 0], errors)
    twin = fresh * np.log(separate.place)
    evidence = absence + fresh * _human_evidence(detections, owner, separate.views, errors)
    evidence = np.clip(evidence, fresh * HUMAN_EVIDENCE[0], fresh * HUMAN_EVIDENCE[1])
    evidence = np.minimum(evidence, separate.place * evidence) + twin
    human = np.clip(tracks.human * np.exp(-elapsed / HUMAN_MEMORY) + evidence, *HUMAN_LIMITS)
    tracks.human = np.where(observed, human, tracks.human)
    tracks.known = tracks.known | (observed & (human >= SURELY))
    there = np.maximum(tracks.present, 0.0) + BACK * fresh
    gone = absence + twin - elapsed / STAYS
    seen_alone = (separate.views.max(1, initial=0.0) > 0.5) & (separate.place > 0.5)
    present = np.where(seen_alone, there, tracks.present + gone)
    tracks.present = np.clip(present, *PRESENT_LIMITS)


def _missed(where: Detectability, seen: np.ndarray, cameras: CameraViews, errors: EstimateErrors) -> np.ndarray:
    """(T, S) log probability that all views which do not see a person miss it, if it is at each of the S points."""
    near = crowding(where.pixels, seen, cameras.sizes[:, 0], errors)
    rate = np.clip(where.rate * (near * ~seen)[:, None], 0.0, 0.97)
    return np.log1p(-rate).sum(-1)


def _move_away(tracks: Tracks, where: Detectability, missed: np.ndarray, absence: np.ndarray) -> None:
    """Nobody is where views see that there is nobody: move the places to where that is no surprise."""
    moved = np.flatnonzero((absence < -MOVES) & (np.ptp(missed, 1) > 2 * MOVES))
    if not len(moved):
        return
    points = where.points[moved]
    weight = WEIGHTS * np.exp(SHIFT * missed[moved])
    weight /= weight.sum(1, keepdims=True)
    before, spread_before = _moments(points, np.broadcast_to(WEIGHTS, weight.shape))
    after, spread_after = _moments(points, weight)
    index = np.arange(3)
    place = tracks.mean[moved][:, index] + after - before
    covariance = tracks.covariance[moved][:, index[:, None], index] + spread_after - spread_before
    tracks.mean[moved], tracks.covariance[moved] = with_marginal(
        tracks.mean[moved], tracks.covariance[moved], index, place, covariance
    )


def _moments(points: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (T, 3) and covariance (T, 3, 3) of points (T, S, 3) with weights (T, S)."""
    mean = np.einsum('ts,tsi->ti', weight, points)
    offset = points - mean[:, None]
    return mean, np.einsum('ts,tsi,tsj->tij', weight, offset, offset)


def _human_evidence(
    detections: HeadDetections, owner: np.ndarray, witness: np.ndarray, errors: EstimateErrors
) -> np.ndarray:
    """(T,) log odds of being a person from the detections: their scores, and how many views agree.

    Args:
        witness: (T, V) weight of each view.
    """
    factor, low, high = SCORE
    score = np.clip(detections.score, 1e-3, 1 - 1e-3)
    sure = factor * np.clip(np.log(score / (1 - score)) - errors.detection.score_even, low, high)
    rows = np.flatnonzero(owner >= 0)
    weight = witness[owner[rows], detections.view[rows]]
    total = np.bincount(owner[rows], weight * (sure[rows] + SEEN), len(witness))
    number = witness.sum(1)
    return total / np.maximum(number, 1) + FURTHER_VIEW * np.maximum(number - 1, 0)
