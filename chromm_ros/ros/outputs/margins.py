"""How far somebody may be from where the cylinder stands, and from when on that is no place any more."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chromm_ros.flow import Human

WALKING_SPEED = 1.6
"""Speed at which people are taken to walk at most [m/s]: the approach speed of ISO 13855."""
NANO = 1e-9


@dataclass(frozen=True)
class Margin:
    """Inflation of a bounding cylinder."""

    width: float
    """[m]"""
    placed: bool
    """The inflated cylinder is a place to plan around; False: somebody may be in that region."""


def margin_of(human: Human, stamp: int, latency: float, sigma: float, widest: float) -> Margin:
    """The margin of one person's cylinder at the time of publication.

    It is ``sigma`` standard deviations of the horizontal position, in the direction in which that is worst, and the
    way at the present velocity, at most that of somebody who walks, since the stamp. Up to ``widest`` it is a place.
    It is never more than ``widest`` and what somebody who walks reaches since the last observation.

    Args:
        stamp: of the message [ns].
        latency: from the stamp to the publication [s]; 0 where the person was extrapolated to now.
        sigma: 2 holds the person in 86 of 100 cases where errors are normal and as large as the covariance says.
        widest: margin up to which the person counts as placed [m].
    """
    spread = np.nan_to_num(np.asarray(human.covariance, float)[:2, :2], nan=math.inf, posinf=math.inf)
    finite = bool(np.isfinite(spread).all())
    deviation = math.sqrt(max(float(np.linalg.eigvalsh(spread)[-1]), 0.0)) if finite else math.inf
    speed = min(float(np.linalg.norm(human.velocity)), WALKING_SPEED)
    wanted = sigma * deviation + speed * latency
    age = max((stamp - human.last_observed) * NANO, 0.0) + latency
    return Margin(min(wanted, widest + WALKING_SPEED * age), wanted <= widest)
