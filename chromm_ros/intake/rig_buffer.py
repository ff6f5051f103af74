"""Image sets out of single images: which images of the cameras of a rig belong to one time.

Pure Python without ROS, so that its properties can be tested fast. The rule is greedy over the oldest waiting image
of every camera, and looks at nothing but stamps; therefore the sets do not depend on the order in which the
cameras' images arrive. Work per image is proportional to the number of cameras.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic

from chromm_ros.intake.camera_queue import CameraQueue, Item

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

MISFITS = 5
"""Images in a row that were of no set, from which a camera that sends counts as out of sync."""

PATIENCE = 2.5
"""A slow camera is waited for this many of its own intervals, where that is longer than the timeout."""

LAST = 0.9
"""After its last image a camera of a recording counts as there for this many intervals."""


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
    out_of_sync: frozenset[str] = frozenset()
    """Cameras that send images, of which none of the newest was near enough to those of the others."""


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
        self.coming: Mapping[str, int | None] | None = None
        """Stamp of the next image of each camera, None where it has ended. Who reads files knows it, and then
        cameras are waited for exactly as long as they can contribute; None as a whole: live, nobody knows."""

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
            queue.drop(reason)
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

    def flush(self) -> list[MatchedSet[Item]]:
        """The sets of what still waits at the end of a recording, when no camera has to be waited for."""
        self.coming = dict.fromkeys(self.queues)
        sets = self._matched()
        for queue in self.queues.values():
            while queue.stamps:
                queue.drop_head(UNMATCHED)
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
        """Cameras that are waited for: those whose newest image is at most ``timeout`` behind the rig's newest; of a
        recording those that can still contribute to the oldest waiting image."""
        if self.coming is not None:
            return self._able_to_contribute(self.coming)
        newest = self.newest
        if newest is None or self.first is None:
            return []
        return [
            queue
            for queue in self.queues.values()
            if not queue.excluded
            and newest - (self.first if queue.newest is None else queue.newest)
            <= max(self.limits.timeout, PATIENCE * queue.interval)
        ]

    def _able_to_contribute(self, coming: Mapping[str, int | None]) -> list[CameraQueue[Item]]:
        queues = [queue for queue in self.queues.values() if not queue.excluded]
        last = min((queue.stamps[0] for queue in queues if queue.stamps), default=0) + self.limits.slop
        next_stamps = {queue.name: coming.get(queue.name) for queue in queues}
        return [
            queue
            for queue in queues
            if queue.stamps or ((stamp := next_stamps[queue.name]) is not None and stamp <= last)
        ]

    def _present(self, stamp: int, coming: Mapping[str, int | None]) -> list[CameraQueue[Item]]:
        """Cameras of a recording that send around a time, whether they have an image of it or not."""
        found = []
        for queue in self.queues.values():
            ended = coming.get(queue.name) is None and not queue.stamps
            patience = LAST * queue.interval if ended else max(self.limits.timeout, PATIENCE * queue.interval)
            times = (*queue.stamps[:1], queue.passed, coming.get(queue.name))
            if not queue.excluded and any(t is not None and abs(t - stamp) <= patience for t in times):
                found.append(queue)
        return found

    def spread(self) -> float | None:
        """How far apart the images of one moment are [ns]: the median over the newest images of the slowest live
        camera, with the nearest image of every other; at its end, of all. None: too few to say."""
        live = [queue for queue in self.live() or self.queues.values() if len(queue.recent) > 2]
        if len(live) < 2:
            return None
        stamps = [sorted(queue.recent.copy()) for queue in sorted(live, key=lambda queue: -queue.interval)]
        first, last = max(own[0] for own in stamps), min(own[-1] for own in stamps)
        spreads = []
        for stamp in stamps[0]:
            if first <= stamp <= last:
                nearest = [stamp, *(min(own, key=lambda other: abs(other - stamp)) for own in stamps[1:])]
                spreads.append(max(nearest) - min(nearest))
        return statistics.median(spreads) if spreads else None

    def lost_share(self) -> float:
        """Share of the newest images of the slowest live camera that are in no set; 0 while too few are known."""
        live = [queue for queue in self.live() if len(queue.outcomes) > 2]
        if not live:
            return 0.0
        outcomes = max(live, key=lambda queue: queue.interval).outcomes.copy()
        return sum(map(bool, outcomes)) / len(outcomes)

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
        while (live := self.live()) and all(queue.stamps for queue in live):
            oldest = min(live, key=lambda queue: queue.stamps[0])
            self._drop_before(oldest.stamps[0] - self.limits.slop, UNMATCHED)
            last = oldest.stamps[0] + self.limits.slop
            group = [queue for queue in self.queues.values() if queue.stamps and queue.stamps[0] <= last]
            present = live if self.coming is None else self._present(oldest.stamps[0], self.coming)
            whole = all(queue in group for queue in present)
            if not whole and 2 * len(group) <= len(present):
                oldest.drop_head(UNMATCHED)
                continue
            if len(group) < self.limits.min_views:
                oldest.drop_head(TOO_FEW_VIEWS)
                continue
            pivot = max(queue.stamps[0] for queue in group)
            unsettled = [queue for queue in group if self._next_may_be_nearer(queue, pivot)]
            if any(len(queue.stamps) < 2 and self._may_send(queue, live) for queue in unsettled):
                break
            nearer = [q for q in unsettled if len(q.stamps) > 1 and abs(q.stamps[1] - pivot) < pivot - q.stamps[0]]
            if nearer:
                nearer[0].drop_head(UNMATCHED)
                continue
            sets.append(self._taken(group, pivot))
        return sets

    def _next_may_be_nearer(self, queue: CameraQueue[Item], pivot: int) -> bool:
        """Whether the image after the head is nearer to ``pivot`` [ns]: certain for a recording, expected live.

        Live, it does not matter whether that image is here already: the sets must not depend on it.
        """
        if self.coming is None:
            return queue.next_expected_nearer(pivot)
        following = queue.stamps[1] if len(queue.stamps) > 1 else self.coming.get(queue.name)
        return following is not None and abs(following - pivot) < pivot - queue.stamps[0]

    def _may_send(self, queue: CameraQueue[Item], live: list[CameraQueue[Item]]) -> bool:
        """Whether another image of a camera is worth waiting for."""
        return queue in live if self.coming is None else self.coming.get(queue.name) is not None

    def _taken(self, group: list[CameraQueue[Item]], pivot: int) -> MatchedSet[Item]:
        items: dict[str, Item] = {}
        stamps: dict[str, int] = {}
        for queue in group:
            stamps[queue.name], items[queue.name] = queue.pop()
            queue.used += 1
            queue.outcomes.append('')
        self.handed_out = pivot
        self._drop_before(pivot + 1, UNMATCHED)
        out_of_sync = frozenset(queue.name for queue in self.live() if queue.misfits >= MISFITS)
        return MatchedSet(pivot, items, stamps, out_of_sync)

    def _drop_before(self, stamp: int, reason: str) -> None:
        for queue in self.queues.values():
            while queue.stamps and queue.stamps[0] < stamp:
                queue.drop_head(reason)
