"""People stand, sit or lie on the floor nearly always: what the posture says about the height of the head."""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import People
from chromm_ros.people.tracker.kinematics import CLIMB, HEIGHT, RISE, positive
from chromm_ros.people.tracker.tracks import Tracks
from chromm_ros.skeleton import BODY_JOINTS

SOLE = 0.03
"""Height of the lowest joint, one of the feet, above the floor [m]."""

ON_FLOOR = 0.95
"""Probability that the lowest joint is on the floor: not in the air, on a stair or on a bed."""

STOREY = 2.5
"""Range of heights in which the head of somebody is who stands on something else [m]."""

SETTLED = 0.1
"""Vertical speed of the head of somebody who was not seen for a moment and stands, sits or lies [m/s]."""

PLACED = 0.05
"""Standard deviation of the height of a head up to which the feet tell where the floor is [m]."""


def soles(people: People) -> np.ndarray:
    """(N,) heights of the soles of those of the newest step whose heads two or more views place well, world [m]."""
    several = people.fused[:, -1].sum(0) > 1
    placed = several & (people.head_covariance[-1, :, HEIGHT, HEIGHT] < PLACED**2)
    return people.joints[-1, placed, :BODY_JOINTS, HEIGHT].min(1) - SOLE


def stand(tracks: Tracks, floor: float, fresh: float, errors: EstimateErrors) -> None:
    """Move everybody to where the body, in the posture it had last, stands on the floor, as far as it probably does.

    Where several views know the height of a head, the floor changes nothing and they tell who is in the air or on a
    stair; one view alone learns from it how far away a person is; and those whom no view sees neither rise nor sink.

    Args:
        floor: z of the floor in a level world [m]; NaN: not known.
        fresh: share of an independent image set that this one is worth.
    """
    if not len(tracks) or not np.isfinite(floor):
        return
    size = tracks.mean.shape[1]
    still, contact = np.zeros(size), np.zeros(size)
    still[CLIMB], contact[HEIGHT], contact[RISE] = 1.0, 1.0, -1.0
    expected = floor + SOLE - tracks.posture[..., HEIGHT].min(1)
    noise = errors.detection.rise_noise**2
    variance = np.einsum('i,tij,j->t', contact, tracks.covariance, contact) + noise
    error = expected - tracks.mean @ contact
    stands = ON_FLOOR * np.exp(-0.5 * error**2 / variance) / np.sqrt(2 * np.pi * variance)
    share = fresh * stands / (stands + (1 - ON_FLOOR) / STOREY)
    _learn(tracks, still, np.zeros(len(tracks)), SETTLED**2, share * ~tracks.observed)
    _learn(tracks, contact, expected, noise, share)


def _learn(tracks: Tracks, direction: np.ndarray, value: np.ndarray, noise: float, share: np.ndarray) -> None:
    """Take in that the states along ``direction`` (D,) are ``value`` (T,), as far as ``share`` (T,) says."""
    along = tracks.covariance @ direction  # (T, D)
    gain = along * (share / (share * (along @ direction) + noise))[:, None]
    tracks.mean = tracks.mean + gain * (value - tracks.mean @ direction)[:, None]
    tracks.covariance = positive(tracks.covariance - gain[:, :, None] * along[:, None])
