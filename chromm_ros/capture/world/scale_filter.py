"""A scale filtered over time, and what the people's votes for it are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chromm_ros.people import ScaleEstimate

VOTE_SPREAD, VOTE_BIAS = 0.1, 0.03
"""Least spread of the people's votes, and the error that they share."""


@dataclass
class ScaleFilter:
    """Kalman filter of the logarithm of a scale."""

    log: float = 0.0
    variance: float = 0.3**2

    def drift(self, sigma: float) -> None:
        self.variance += sigma**2

    def observe(self, ratio: float, sigma: float, follow: bool = False) -> None:
        """``follow``: a ratio that is far off means that the scale jumped, not that the measurement is bad."""
        innovation = math.log(ratio) - self.log
        if follow and innovation**2 > 9 * (self.variance + sigma**2):
            self.variance = innovation**2
        gain = self.variance / (self.variance + sigma**2)
        self.log += gain * innovation
        self.variance *= 1 - gain

    def observe_vote(self, vote: ScaleEstimate | None) -> None:
        """Take what people say; None or nobody: nothing."""
        if vote is not None and vote.votes:
            self.observe(vote.ratio, vote_sigma(vote))

    @property
    def scale(self) -> float:
        return math.exp(self.log)


def vote_sigma(vote: ScaleEstimate) -> float:
    """Standard deviation of the logarithm of the people's ratio."""
    spread = max(vote.spread, VOTE_SPREAD) if math.isfinite(vote.spread) else VOTE_SPREAD
    return math.hypot(spread / math.sqrt(vote.votes), VOTE_BIAS)
