"""People stand, sit or lie on the floor nearly always: what the posture says about the height of the head."""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import People
from chromm_ros.people.tracker.kinematics import HEIGHT, RISE, positive
from chromm_ros.people.tracker.tracks import Tracks
from chromm_ros.skeleton import BODY_JOINTS

SOLE = 0.03
"""Height of the lowest joint, one of the feet, above the floor [m]."""

ON_FLOOR = 0.95
"""Probability that the lowest joint is on the floor: not in the air, on a stair or on a bed."""

STOREY = 2.5
"""Range of heights in which the head of somebody is who stands on something else [m]."""

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
    expected = floor + SOLE - tracks.posture[..., HEIGHT].min(1)
    difference = tracks.covariance[:, :, HEIGHT] - tracks.covariance[:, :, RISE]  # (T, D)
    spread = difference[:, HEIGHT] - difference[:, RISE]
    noise = errors.detection.rise_noise**2
    error = expected - (tracks.mean[:, HEIGHT] - tracks.mean[:, RISE])
    variance = spread + noise
    stands = ON_FLOOR * np.exp(-0.5 * error**2 / variance) / np.sqrt(2 * np.pi * variance)
    share = fresh * stands / (stands + (1 - ON_FLOOR) / STOREY)
    gain = difference * (share / (share * spread + noise))[:, None]
    tracks.mean = tracks.mean + gain * error[:, None]
    tracks.covariance = positive(tracks.covariance - gain[:, :, None] * difference[:, None])
