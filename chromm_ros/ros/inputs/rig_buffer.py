"""Image sets out of single images: which images of the cameras of a rig belong to one time.

Pure Python without ROS, so that its properties can be tested fast. The rule is greedy over the oldest waiting image
of every camera, and looks at nothing but stamps; therefore the sets do not depend on the order in which the
cameras' images arrive. Work per image is proportional to the number of cameras.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar('Item')

LATE = 'late'
DUPLICATE = 'duplicate'
FUTURE = 'future'
UNMATCHED = 'unmatched'
OVERFLOW = 'overflow'
TOO_FEW_VIEWS = 'too_few_views'
TIME_JUMP = 'time_jump'
EXCLUDED = 'excluded'

REWOUND_IMAGES = 2
"""A camera's clock counts as set back after this many images in a row from its past; one may be a stray."""

INTERVAL_SMOOTHING = 0.1


@dataclass(frozen=True)
class SyncLimits:
    """All times in nanoseconds."""

    slop: int
    """Images of one set differ by at most this."""
    timeout: int
    """A camera that is this far behind the newest image of the rig is not waited for."""
    max_out_of_order: int
    """A step back in time beyond this is a jump of the clock, below it jitter; also how far ahead stamps may be."""
    min_views: int
    queue_size: int
    """Images that wait per camera."""


@dataclass(frozen=True)
class MatchedSet(Generic[Item]):
    """Images of one time."""

    stamp: int
    """The newest stamp of the set [ns]."""
    items: dict[str, Item]
    """In the order of the rig; cameras that gave nothing are missing."""
    stamps: dict[str, int]


@dataclass
class CameraQueue(Generic[Item]):
    """Waiting images of one camera, oldest first, and what happened to the others."""

    name: str
    stamps: list[int] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    newest: int | None = None
    """Largest stamp so far; None: no image yet."""
    passed: int | None = None
    """Stamp of the image that left last: whatever is not newer comes too late."""
    interval: float = 0.0
    """Smoothed time between images [ns]; 0: not known."""
    rewound: int = 0
    """Images in a row that are older than ``newest`` by more than jitter."""
    excluded: bool = False
    received: int = 0
    used: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Images per second of acquisition time; 0: not known."""
        return 1e9 / self.interval if self.interval else 0.0

    def insert(self, stamp: int, item: Item) -> None:
        position = bisect.bisect(self.stamps, stamp)
        self.stamps.insert(position, stamp)
        self.items.insert(position, item)
        self.heard(stamp)

    def heard(self, stamp: int) -> None:
        """The camera is alive at this time, whether its image is used or not."""
        if self.newest is not None and stamp > self.newest:
            step = stamp - self.newest
            self.interval = step if not self.interval else self.interval + INTERVAL_SMOOTHING * (step - self.interval)
        self.newest = stamp if self.newest is None else max(self.newest, stamp)
        self.rewound = 0

    def pop(self) -> tuple[int, Item]:
        self.passed = self.stamps[0]
        return self.stamps.pop(0), self.items.pop(0)

    def drop_head(self, reason: str) -> None:
        self.pop()
        self.dropped[reason] += 1

    def clear(self, reason: str) -> None:
        """Forget images and stamps; the counts stay."""
        self.dropped[reason] += len(self.stamps)
        self.stamps.clear()
        self.items.clear()
        self.newest = self.passed = None
        self.interval = 0.0
        self.rewound = 0

    def next_may_be_nearer(self, pivot: int) -> bool:
        """Whether the next image is expected nearer to ``pivot`` than the head, judged by the last interval."""
        head = self.stamps[0]
        if self.passed is None or head >= pivot:
            return False
        return abs(2 * head - self.passed - pivot) < pivot - head


class RigBuffer(Generic[Item]):
    """Collects the images of a rig and hands out sets.

    A set is complete when every live camera has an image within ``slop`` of the oldest waiting one. When some live
    cameras are already past that time they will never deliver; the set is then handed out without them if a majority
    of the live cameras, and at least ``min_views``, are in it. Cameras of a lower rate therefore set the pace
    of a pair, and a single lost image does not cost the set. Of a fast camera the nearest image is taken.
    """

    def __init__(self, cameras: Iterable[str], limits: SyncLimits) -> None:
        self.queues: dict[str, CameraQueue[Item]] = {name: CameraQueue(name) for name in cameras}
        self.limits = limits
        self.first: int | None = None
        """Stamp of the first image of all; a camera that never came is missing from ``timeout`` after it."""
        self.handed_out: int | None = None
        """Stamp of the last set."""
        self.jumps = 0
        """How often the clock of the rig went back."""

    def add(self, camera: str, stamp: int, item: Item, now: int = 0) -> list[MatchedSet[Item]]:
        """Take one image and return the sets that it completes, oldest first.

        Args:
            camera: one of the cameras of the rig.
            stamp: acquisition time [ns].
            item: whatever the sets shall carry.
            now: ROS time [ns], to recognise stamps from the future; 0: not known.
        """
        queue = self.queues[camera]
        queue.received += 1
        reason = self._refusal(queue, stamp, now)
        if reason:
            queue.dropped[reason] += 1
            if self._went_back():
                self.clear(TIME_JUMP)
                self.jumps += 1
            return []
        queue.insert(stamp, item)
        self.first = stamp if self.first is None else min(self.first, stamp)
        sets = self._matched()
        if len(queue.stamps) > self.limits.queue_size:
            queue.drop_head(OVERFLOW)
        return sets

    def clear(self, reason: str) -> None:
        """Drop what waits and forget all stamps: time starts anew."""
        for queue in self.queues.values():
            queue.clear(reason)
        self.first = self.handed_out = None

    def exclude(self, cameras: Iterable[str]) -> None:
        """Ignore these cameras from now on, and no others."""
        out = set(cameras)
        for name, queue in self.queues.items():
            if name in out and not queue.excluded:
                queue.clear(EXCLUDED)
            queue.excluded = name in out

    def live(self) -> list[CameraQueue[Item]]:
        """Cameras that are waited for: those whose newest image is at most ``timeout`` behind the rig's newest."""
        newest = self.newest
        if newest is None or self.first is None:
            return []
        oldest = newest - self.limits.timeout
        return [
            queue
            for queue in self.queues.values()
            if not queue.excluded and (self.first if queue.newest is None else queue.newest) >= oldest
        ]

    @property
    def newest(self) -> int | None:
        """Newest stamp of the rig [ns]."""
        return max((queue.newest for queue in self.queues.values() if queue.newest is not None), default=None)

    @property
    def dropped(self) -> Counter[str]:
        """Images dropped by all cameras together, by reason. May be read while another thread adds images."""
        total: Counter[str] = Counter()
        for queue in self.queues.values():
            total.update(queue.dropped.copy())  # the copy is one step of the interpreter, the sum is not
        return total

    def _refusal(self, queue: CameraQueue[Item], stamp: int, now: int) -> str | None:
        if queue.excluded:
            return EXCLUDED
        if now and stamp > now + self.limits.max_out_of_order:
            return FUTURE
        if queue.newest is not None and stamp < queue.newest - self.limits.max_out_of_order:
            queue.rewound += 1
            return LATE
        if stamp in queue.stamps or stamp == queue.passed:
            return DUPLICATE
        if any(passed is not None and stamp <= passed for passed in (queue.passed, self.handed_out)):
            # A camera that comes back is not waited for and may always be the last to arrive: once heard, it is.
            queue.heard(stamp)
            return LATE
        return None

    def _went_back(self) -> bool:
        """Whether most live cameras send images from their past: a bag that loops, or a clock that was set."""
        live = self.live()
        return 2 * sum(queue.rewound >= REWOUND_IMAGES for queue in live) > len(live)

    def _matched(self) -> list[MatchedSet[Item]]:
        sets: list[MatchedSet[Item]] = []
        live = self.live()
        while live and all(queue.stamps for queue in live):
            oldest = min(live, key=lambda queue: queue.stamps[0])
            self._drop_before(oldest.stamps[0] - self.limits.slop, UNMATCHED)
            last = oldest.stamps[0] + self.limits.slop
            group = [queue for queue in self.queues.values() if queue.stamps and queue.stamps[0] <= last]
            whole = all(queue.stamps[0] <= last for queue in live)
            if not whole and 2 * len(group) <= len(live):
                oldest.drop_head(UNMATCHED)
                continue
            if len(group) < self.limits.min_views:
                oldest.drop_head(TOO_FEW_VIEWS)
                continue
            pivot = max(queue.stamps[0] for queue in group)
            unsettled = [queue for queue in group if queue.next_may_be_nearer(pivot)]
            if any(len(queue.stamps) < 2 and queue in live for queue in unsettled):
                break
            nearer = [q for q in unsettled if len(q.stamps) > 1 and abs(q.stamps[1] - pivot) < pivot - q.stamps[0]]
            if nearer:
                nearer[0].drop_head(UNMATCHED)
                continue
            sets.append(self._taken(group, pivot))
        return sets

    def _taken(self, group: list[CameraQueue[Item]], pivot: int) -> MatchedSet[Item]:
        items: dict[str, Item] = {}
        stamps: dict[str, int] = {}
        for queue in group:
            stamps[queue.name], items[queue.name] = queue.pop()
            queue.used += 1
        self.handed_out = pivot
        self._drop_before(pivot + 1, UNMATCHED)
        return MatchedSet(pivot, items, stamps)

    def _drop_before(self, stamp: int, reason: str) -> None:
        for queue in self.queues.values():
            while queue.stamps and queue.stamps[0] < stamp:
                queue.drop_head(reason)
