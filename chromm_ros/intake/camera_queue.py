"""The waiting images of one camera, and what became of the others."""

from __future__ import annotations

import bisect
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar('Item')

INTERVAL_SMOOTHING = 0.1

PAUSE = 4.0
"""A step of more intervals than this is a pause, not the rate of the camera."""

REMEMBERED = 32
"""Newest images of a camera that are remembered for saying how well the rig is synchronised."""


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
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Newest stamps [ns]."""
    outcomes: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """What became of the newest images: empty for used ones, else the reason."""

    @property
    def misfits(self) -> int:
        """Newest images in a row that left without having been of a set."""
        return next(
            (count for count, outcome in enumerate(reversed(self.outcomes)) if not outcome), len(self.outcomes)
        )

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
            step = float(stamp - self.newest)
            if self.interval:
                step = self.interval + INTERVAL_SMOOTHING * (min(step, PAUSE * self.interval) - self.interval)
            self.interval = step
        self.recent.append(stamp)
        self.newest = stamp if self.newest is None else max(self.newest, stamp)
        self.rewound = 0

    def pop(self) -> tuple[int, Item]:
        self.passed = self.stamps[0]
        return self.stamps.pop(0), self.items.pop(0)

    def drop(self, reason: str) -> None:
        """Count an image that is left out."""
        self.dropped[reason] += 1
        self.outcomes.append(reason)

    def drop_head(self, reason: str) -> None:
        self.pop()
        self.drop(reason)

    def clear(self, reason: str) -> None:
        """Forget images and stamps; the counts stay."""
        for _ in self.stamps:
            self.drop(reason)
        self.recent.clear()
        self.stamps.clear()
        self.items.clear()
        self.newest = self.passed = None
        self.interval = 0.0
        self.rewound = 0

    def next_expected_nearer(self, pivot: int) -> bool:
        """Whether the next image is expected nearer to ``pivot`` than the head, judged by the last interval."""
        head = self.stamps[0]
        if self.passed is None or head >= pivot:
            return False
        return abs(2 * head - self.passed - pivot) < pivot - head
