"""The history of one child frame in its parent."""

from __future__ import annotations

import bisect
from typing import NamedTuple

from tf2_ros.exceptions import ExtrapolationException
from tf2_ros.rigid import Rigid, interpolate


class Sample(NamedTuple):
    """One transform that was received."""

    stamp: int
    """Nanoseconds since the epoch of its clock."""
    parent: str
    parent_from_child: Rigid


def seconds(stamp: int) -> str:
    return f'{stamp / 1e9:.6f}'


class StaticCache:
    """A transform that holds at every time; the last one received counts."""

    def __init__(self) -> None:
        self._sample: Sample | None = None

    def insert(self, sample: Sample) -> str | None:
        self._sample = sample
        return None

    def at(self, stamp: int) -> Sample | None:
        return self._sample

    def latest_stamp(self) -> int:
        """Zero: a static transform never limits the newest time that a chain has in common."""
        return 0

    def clear(self) -> None:
        """Nothing: it stays true whatever the clock does."""

    def stamps(self) -> list[int]:
        return []


class TimeCache:
    """The transforms of the last ``span`` nanoseconds, ordered by stamp."""

    def __init__(self, span: int) -> None:
        self._span = span
        self._samples: list[Sample] = []

    def insert(self, sample: Sample) -> str | None:
        """Keeps the sample, and returns None; or the reason why it is ignored."""
        # As tf2 does: what is too old for the newest sample so far goes first, whatever becomes of the new one.
        oldest = self.latest_stamp() - self._span
        del self._samples[: self._index(oldest)]
        if self._samples and sample.stamp < oldest:
            return 'TF_OLD_DATA ignoring data from the past'
        if sample not in self._samples[self._index(sample.stamp) : self._behind(sample.stamp)]:
            self._samples.insert(self._behind(sample.stamp), sample)
        return None

    def at(self, stamp: int) -> Sample | None:
        """The transform at ``stamp`` (0: the newest), interpolated between its neighbours; None when there is none.

        Raises:
            ExtrapolationException: ``stamp`` lies outside the history.
        """
        if not self._samples:
            return None
        first, last = self._samples[0], self._samples[-1]
        if stamp in (0, last.stamp):
            return last
        if stamp == first.stamp:
            return first
        if len(self._samples) == 1:
            raise ExtrapolationException(
                f'Lookup would require extrapolation at time {seconds(stamp)}, '
                f'but only time {seconds(last.stamp)} is in the buffer'
            )
        if stamp > last.stamp:
            raise ExtrapolationException(
                'Lookup would require extrapolation into the future.  '
                f'Requested time {seconds(stamp)} but the latest data is at time {seconds(last.stamp)}'
            )
        if stamp < first.stamp:
            raise ExtrapolationException(
                'Lookup would require extrapolation into the past.  '
                f'Requested time {seconds(stamp)} but the earliest data is at time {seconds(first.stamp)}'
            )
        after = self._behind(stamp)
        before = self._samples[after - 1]
        return before if before.stamp == stamp else self._between(after, stamp)

    def _between(self, after: int, stamp: int) -> Sample:
        before, behind = self._samples[after - 1], self._samples[after]
        if before.parent != behind.parent:
            return before  # the frame changed its parent in between; there is nothing to blend
        ratio = (stamp - before.stamp) / (behind.stamp - before.stamp)
        return Sample(stamp, before.parent, interpolate(before.parent_from_child, behind.parent_from_child, ratio))

    def _index(self, stamp: int) -> int:
        """Where the first sample at or after ``stamp`` is."""
        return bisect.bisect_left(self._samples, stamp, key=lambda sample: sample.stamp)

    def _behind(self, stamp: int) -> int:
        """Where the first sample after ``stamp`` is."""
        return bisect.bisect_right(self._samples, stamp, key=lambda sample: sample.stamp)

    def latest_stamp(self) -> int:
        return self._samples[-1].stamp if self._samples else 0

    def clear(self) -> None:
        self._samples.clear()

    def stamps(self) -> list[int]:
        return [sample.stamp for sample in self._samples]
