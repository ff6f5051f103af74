"""When an image was taken: its stamp, checked against the time of its arrival and the stamps of the other cameras."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chromm_ros import conditions
from chromm_ros.conditions import Finding

NANO = 1_000_000_000
REMEMBERED = 30
"""Images over which a camera's clock is judged."""

STANDING = 3
"""Images in a row with one stamp that are no accident."""

OTHER_CLOCK = 1.0
"""Seconds between two cameras, on top of their delays, from which their clocks are said to differ."""

STEP_BACK = 50_000_000
"""Nanoseconds by which a stamp may be before the last one because images overtook each other."""

FORGOTTEN = 300
"""Images after which a step back is no longer reported live."""

AHEAD = 0.5
"""Seconds by which stamps may be ahead of the node, which waits for nothing that long."""

NODE_CLOCK = 10.0
"""The same between the cameras together and the node: delays of seconds are reported as such."""


@dataclass
class CameraClock:
    """What the stamps of one camera were like."""

    undated: int = 0
    """Images in a row whose stamp is zero."""
    standing: int = 0
    """Images in a row with the same stamp, after the first."""
    backward: int = 0
    """How often a stamp was before the last one."""
    most_backward: int = 0  # [ns]
    since_backward: int = 0
    """Images since then."""
    last: int | None = None
    """Stamp in the header of the newest image [ns]."""
    lags: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Arrival minus stamp of the newest images [ns]."""


class Dating:
    """Gives every image the time by which it is matched.

    Args:
        cameras: names.
        stamps: ``header`` (zero means undated: the arrival counts) or ``arrival``.
        offsets: camera -> seconds to add, for clocks that are known to differ.
    """

    def __init__(
        self, cameras: Iterable[str], stamps: str = 'header', offsets: Mapping[str, float] | None = None
    ) -> None:
        self.clocks = {camera: CameraClock() for camera in cameras}
        self._arrival = stamps == 'arrival'
        self._offsets = {camera: round(NANO * seconds) for camera, seconds in (offsets or {}).items()}

    def __call__(self, camera: str, stamp: int, arrival: int) -> int:
        """Time of an image [ns].

        Args:
            stamp: in its header [ns].
            arrival: when it was received or recorded [ns]; 0: not known.
        """
        clock = self.clocks[camera]
        self._watch(clock, stamp, arrival)
        chosen = arrival if arrival and (self._arrival or stamp <= 0) else stamp
        return chosen + self._offsets.get(camera, 0)

    def findings(self, camera: str, live: bool = True) -> list[Finding]:
        """What is wrong with the stamps of a camera now.

        Args:
            live: the node's clock is what stamps should be of, and what passed long ago is over. A bag may be
                recorded at another time than the one it shows, and all of it counts.
        """
        clock = self.clocks[camera]
        found: list[Finding] = []
        if self._arrival:
            return found
        if clock.undated:
            return [conditions.UNDATED.found()]
        if clock.standing >= STANDING:
            stamp = (clock.last or 0) / NANO
            found.append(conditions.STAMPS_STAND_STILL.found(count=clock.standing + 1, stamp=stamp))
        difference = self._difference(camera)
        if difference is not None:
            found.append(conditions.OTHER_CLOCK.found(difference=difference, against='the other cameras'))
        elif live and clock.lags and not -AHEAD <= (lag := statistics.median(clock.lags) / NANO) <= NODE_CLOCK:
            found.append(conditions.OTHER_CLOCK.found(difference=-lag, against='the clock of this node'))
        if clock.backward and not (live and clock.since_backward > FORGOTTEN):
            most = clock.most_backward / NANO
            found.append(conditions.STAMPS_GO_BACK.found(count=clock.backward, most=most))
        return found

    def _watch(self, clock: CameraClock, stamp: int, arrival: int) -> None:
        clock.undated = clock.undated + 1 if stamp <= 0 and arrival else 0
        clock.standing = clock.standing + 1 if stamp == clock.last and stamp > 0 else 0
        clock.since_backward += 1
        if clock.last is not None and 0 < stamp < clock.last - STEP_BACK:
            clock.backward += 1
            clock.since_backward = 0
            clock.most_backward = max(clock.most_backward, clock.last - stamp)
        clock.last = stamp
        if arrival and stamp > 0:
            clock.lags.append(arrival - stamp)

    def _difference(self, camera: str) -> float | None:
        """Seconds by which the clock of a camera is ahead of that of most others; None where it agrees with them.

        Of two cameras the one is blamed that is farther from the time of arrival.
        """
        lags = {name: statistics.median(clock.lags) for name, clock in self.clocks.items() if clock.lags}
        if camera not in lags or len(lags) < 2:
            return None
        others = [lag for name, lag in lags.items() if name != camera]
        usual = min(others, key=abs) if len(others) == 1 else statistics.median(others)
        difference = (usual - lags[camera]) / NANO
        if abs(difference) <= OTHER_CLOCK or (len(others) == 1 and abs(lags[camera]) < abs(others[0])):
            return None
        return difference
