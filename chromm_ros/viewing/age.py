"""How old the page is: the usual time between windows, the silence since the last one, and what fades with it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

LATE = 2.0
"""Nothing for so many usual intervals is a silence that the page speaks of."""

SHORTEST = 0.25
"""Usual interval at least [s]: what comes faster may pause for half a second unnoticed."""

UNKNOWN = 1.5
"""Usual interval [s] while fewer than three windows came."""

GONE = 10.0
"""Seconds of silence after which nobody is drawn."""

RATE_SPAN = 5.0
"""Seconds over which windows are counted: windows that come in bursts make no spikes."""


@dataclass(frozen=True)
class Sample:
    """A point of the plots."""

    time: float  # [s] on the clock of arrivals
    delay: float | None  # [s]; None: nothing came
    rate: float  # windows per second


@dataclass
class Arrivals:
    """When windows came; times are of a clock that nobody sets [s]."""

    span: float = 60.0
    """Seconds that :attr:`samples` reaches back."""
    samples: deque[Sample] = field(default_factory=deque)
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=200))

    def add(self, now: float, delay: float) -> None:
        """A window came."""
        self._times.append(now)
        self._sample(now, delay)

    def note_silence(self, now: float) -> None:
        """Nothing came: the plots run on."""
        self._sample(now, None)

    def silence(self, now: float) -> float | None:
        """Seconds since the last window; None: none came yet."""
        return now - self._times[-1] if self._times else None

    def usual(self) -> float:
        """What three of four intervals between windows do not exceed [s]."""
        if len(self._times) < 3:
            return UNKNOWN
        intervals = np.diff(list(self._times)[-20:])
        return max(SHORTEST, float(np.percentile(intervals, 75)))

    def late(self, now: float) -> bool:
        """Whether something should have come by now."""
        silence = self.silence(now)
        return silence is not None and silence > LATE * self.usual()

    def freshness(self, now: float) -> float:
        """1 while windows come, then less and less, 0 when the last is so old that it says nothing."""
        silence = self.silence(now)
        if silence is None:
            return 0.0
        late = LATE * self.usual()
        # steps, because every change is a message to every browser
        return round(10 * float(np.clip((late + GONE - silence) / GONE, 0.0, 1.0))) / 10

    def rate(self, now: float) -> float:
        """Windows per second, lately."""
        if len(self._times) < 2:
            return 0.0
        known = now - self._times[0]
        if known < RATE_SPAN:
            return (len(self._times) - 1) / max(known, SHORTEST)
        return sum(now - time < RATE_SPAN for time in self._times) / RATE_SPAN

    def _sample(self, now: float, delay: float | None) -> None:
        self.samples.append(Sample(now, delay, self.rate(now)))
        while now - self.samples[0].time > self.span:
            self.samples.popleft()
