"""How far somebody may be from where the cylinder stands, and from when on that is no place any more."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chromm_ros.flow import Human

WALKING_SPEED = 1.6
"""Speed up to which people are taken to speed up [m/s]: the approach speed of ISO 13855."""

SPEEDING_UP = 3.0
"""How fast they do [m/s^2]: from standing to that speed in half a second. So somebody who sets off, whose estimated
speed lags behind, stays within the margin (docs/planners.md has the shares)."""

NANO = 1e-9


@dataclass(frozen=True)
class Margin:
    """Inflation of a bounding cylinder."""

    width: float
    """[m]"""
    placed: bool
    """The inflated cylinder is a place to plan around; False: somebody may be in that region."""


def margin_of(
    human: Human, stamp: int, latency: float, sigma: float, widest: float, estimated: Human | None = None
) -> Margin:
    """The margin of one person's cylinder at the time of publication.

    It is ``sigma`` standard deviations of the horizontal position, in the direction in which that is worst, and the
    way that the person can go since the stamp. The first part decides whether there is a place, so that a slow
    machine makes places wider and never makes them regions. It is never more than ``widest`` and what somebody who
    walks reaches since the last observation.

    Args:
        stamp: of the message [ns].
        latency: from the stamp to the publication [s]; 0 where the person was extrapolated to now.
        sigma: standard deviations of the position.
        widest: so many standard deviations of a person who counts as placed, at most [m].
        estimated: the same person at the time of the images, where ``human`` was extrapolated.
    """
    spread = sigma * _deviation(human)
    age = max((stamp - human.last_observed) * NANO, 0.0) + latency
    width = min(spread + way_of(human, latency), widest + WALKING_SPEED * age)
    return Margin(width, (spread if estimated is None else sigma * _deviation(estimated)) <= widest)


def way_of(human: Human, seconds: float) -> float:
    """How far the person may get in so many seconds, who has the present velocity and may speed up [m]."""
    speed = float(np.linalg.norm(human.velocity[:2]))
    speeding = min(max(WALKING_SPEED - speed, 0.0) / SPEEDING_UP, seconds)
    return speed * seconds + SPEEDING_UP * speeding * (seconds - speeding / 2)


def _deviation(human: Human) -> float:
    """Standard deviation of the position in its worst horizontal direction [m]; infinite where it is not known."""
    spread = np.asarray(human.covariance, float)[:2, :2]
    if not np.isfinite(spread).all():
        return math.inf
    return math.sqrt(max(float(np.linalg.eigvalsh(spread)[-1]), 0.0))
