"""Nobody is doubled: who is seen only beside somebody else, or stands where somebody else stands.

Now and then a network finds one head twice in one image, or views do not agree on where it is. A second track of one
person is born that way, or somebody who left is taken for it. What tells two people from one is a view that sees them
apart; and no two heads are at one place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.assignment import VOLUME
from chromm_ros.people.tracker.evidence import (
    DEPENDENCE,
    LOG_2PI_3,
    TRUST,
    log_gauss,
    log_ratio,
    mean_distance,
    trusted,
)
from chromm_ros.people.tracker.kinematics import PLACE, with_marginal
from chromm_ros.people.tracker.tracks import Tracks

HEADS_APART = 0.15
"""No two heads are much nearer to each other than this (standard deviation of a soft limit) [m]."""

REACH = 1.0
"""Distance beyond which nobody is compared [m]."""

CONSISTENT = 0.2
"""Agreement of two places, 1 if they are the same, from which a newcomer may be somebody who was there just now."""

SURELY_ONE = 0.95
"""Probability of standing in somebody else's place beyond which one image set says nothing more."""


@dataclass(frozen=True)
class Separateness:
    """How far T people can be told from those who are better known: surely persons, or seen for longer."""

    views: np.ndarray
    """(T, V) weight of each view that sees the person as a witness that there is one more than the others."""
    place: np.ndarray
    """(T,) probability that nobody better known has the same place."""

    @staticmethod
    def of(tracks: Tracks, pixels: np.ndarray, widths: np.ndarray, errors: EstimateErrors) -> Separateness:
        """
        Args:
            pixels: (V, T, 2) heads.
            widths: (V,) of the images [px].
        """
        seen = tracks.owned.T >= 0  # (V, T)
        both = seen[:, :, None] & seen[:, None]
        apart = np.linalg.norm(pixels[:, :, None] - pixels[:, None], axis=-1) / widths[:, None, None]
        told_apart = (both & (apart > errors.detection.crowd[1])).any(0)
        consistent, same = _same_place(tracks, _better_known(tracks) & ~told_apart)
        beside = np.interp(apart, errors.detection.crowd, (1.0, 0.0)) * both
        echo = (beside * consistent).max(-1, initial=0.0)
        return Separateness((seen * (1 - echo)).T, 1 - np.minimum(same.max(1, initial=0.0), SURELY_ONE))


def joined(tracks: Tracks, errors: EstimateErrors) -> Tracks:
    """The same people, without the newcomers whom other views see as somebody better known.

    Two views that disagree about the distance of somebody who comes in begin two tracks; when they come to agree it
    is one person, by the same odds by which detections are joined to a newcomer.
    """
    seen = tracks.owned >= 0
    offset = tracks.mean[:, None, PLACE] - tracks.mean[None, :, PLACE]
    shared = np.asarray((seen[:, None] & seen[None]).any(-1))
    new = tracks.observed & (tracks.id == 0)
    pair = np.nonzero(_better_known(tracks) & new[:, None] & ~shared & (np.abs(offset) < REACH).all(-1))
    if not len(pair[0]):
        return tracks
    spread = tracks.covariance[:, PLACE, PLACE]
    apart = mean_distance(tracks.posture[pair[0]], tracks.posture[pair[1]])
    alike = log_ratio(apart, errors.detection.posture_other_view, errors.detection.posture_other_person)
    odds = log_gauss(offset[pair], spread[pair[0]] + spread[pair[1]]) + np.log(VOLUME)
    odds += DEPENDENCE * trusted(alike, TRUST)
    gone = set[int]()
    for best in np.argsort(-odds):
        one, other = int(pair[0][best]), int(pair[1][best])
        if odds[best] > 0 and not gone & {one, other} and not (tracks.owned[[one, other]] >= 0).all(0).any():
            _absorb(tracks, other, one)
            gone.add(one)
    return tracks.take(np.setdiff1d(np.arange(len(tracks)), list(gone)))


def displaced(tracks: Tracks, new: np.ndarray) -> np.ndarray:
    """(T,) bool: one of the ``new`` (rows) stands where the person is thought to be, and may have its detections."""
    rivals = np.zeros((len(tracks), len(tracks)), bool)
    rivals[:, new] = True
    np.fill_diagonal(rivals, False)
    return np.asarray(_same_place(tracks, rivals)[0].max(1, initial=0.0) > CONSISTENT)


def _absorb(tracks: Tracks, old: int, new: int) -> None:
    """What the views know of ``new``, they know of ``old``."""
    mine, theirs = (np.linalg.inv(tracks.covariance[row, PLACE, PLACE]) for row in (old, new))
    covariance = np.linalg.inv(mine + theirs)
    place = covariance @ (mine @ tracks.mean[old, PLACE] + theirs @ tracks.mean[new, PLACE])
    rows, index = slice(old, old + 1), np.arange(3)
    tracks.mean[rows], tracks.covariance[rows] = with_marginal(
        tracks.mean[rows], tracks.covariance[rows], index, place[None], covariance[None]
    )
    views = tracks.owned[new] >= 0
    for field in (tracks.owned, tracks.view_posture, tracks.view_time):
        field[old, views] = field[new, views]


def _same_place(tracks: Tracks, rivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How well the places of two people agree, and the probability that they are one: (T, T) each, 0..1.

    Args:
        rivals: (T, T) bool, whom to compare with whom.
    """
    consistent, same = np.zeros(rivals.shape), np.zeros(rivals.shape)
    offset = tracks.mean[:, None, PLACE] - tracks.mean[None, :, PLACE]
    pair = np.nonzero(rivals & (np.abs(offset) < REACH).all(-1))
    if len(pair[0]):
        spread = tracks.covariance[:, PLACE, PLACE]
        spread = spread[pair[0]] + spread[pair[1]] + HEADS_APART**2 * np.eye(3)
        density, most = log_gauss(offset[pair], spread), log_gauss(np.zeros(3), spread)
        consistent[pair] = np.exp(density - most)
        same[pair] = np.exp(density + 0.5 * LOG_2PI_3 + 3 * np.log(HEADS_APART))
    return consistent, same


def _better_known(tracks: Tracks) -> np.ndarray:
    """(T, T) bool: the second one is seen now, and is surely a person or is seen for longer than the first."""
    order = np.lexsort((tracks.key, tracks.since, ~tracks.known, ~tracks.observed))
    rank = np.empty(len(tracks), int)
    rank[order] = np.arange(len(tracks))
    return (rank[None, :] < rank[:, None]) & tracks.observed
