"""Whether image sets follow each other fast enough for people to keep their ids."""

from __future__ import annotations

from collections import deque
from typing import Any

from chromm_ros import conditions
from chromm_ros.capture.notices import Notices
from chromm_ros.conditions import Finding
from chromm_ros.people.tracker.settings import STABLE_RATE

OVER = 10.0
"""Time over which image sets are counted [s]."""

LEAST = 5.0
"""Time from which a rate is known [s]."""

TOLERATED = 0.95
"""Part of the stable rate below which the rate is called too low; it is again stable from the whole of it."""


class Pace:
    """Owner of the rate of the image sets in which people are followed. Says once that it fell too low."""

    def __init__(self) -> None:
        self._stamps: deque[int] = deque()
        self._slow = False

    @property
    def rate(self) -> float | None:
        """Image sets per second; None: not known yet."""
        seconds = 1e-9 * (self._stamps[-1] - self._stamps[0]) if self._stamps else 0.0
        return (len(self._stamps) - 1) / seconds if seconds >= LEAST else None

    def take(self, stamp: int, notices: Notices) -> None:
        """An image set of ``stamp`` [ns] was computed."""
        self._stamps.append(stamp)
        while len(self._stamps) > 2 and stamp - self._stamps[1] >= OVER * 1e9:
            self._stamps.popleft()
        rate, before = self.rate, self._slow
        self._slow = rate is not None and rate < STABLE_RATE * (1.0 if before else TOLERATED)
        if self._slow and not before:
            notices.say(self.findings[0].text)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """That it is too slow now."""
        if not self._slow or self.rate is None:
            return ()
        return (conditions.TOO_FEW_SETS.found(rate=self.rate, least=STABLE_RATE),)

    def state_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {'stamps': list(self._stamps), 'slow': self._slow}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self._stamps, self._slow = deque(state['stamps']), state['slow']
