"""The static scene as a voxel map: coloured points with an age, in memory that never grows.

The map is an open-addressing hash table of numpy columns. A voxel keeps the running mean of its points and colours,
how many windows saw it and when it was last seen. A full neighbourhood gives up its longest unseen voxel, so the cap
needs no clean-up, and a voxel that cameras look through again and again is removed.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from chromm_ros.capture.settings import SceneSettings
from chromm_ros.flow import Cloud
from chromm_ros.geometry.similarity import Similarity

PROBES = 8
"""Places at which a voxel may lie; at the load that the cap allows, nearly all lie within the first three."""

FULL_CONFIDENCE = 10
"""Windows after which more of them say nothing new."""

MEMORY = 20
"""Windows over which the mean of a voxel runs, so that furniture may be moved."""

CARVED_PER_WINDOW = 4096
"""Voxels that are tested against the newest depth in each window, in turns."""

EMPTY = np.iinfo(np.int64).min
_BITS = 21
_OFFSET = 1 << (_BITS - 1)


class SceneMap:
    """Owner of the static scene of one session. Safe for threads."""

    def __init__(self, settings: SceneSettings):
        self.settings = settings
        self._lock = threading.RLock()
        slots = 1 << int(np.ceil(np.log2(settings.capacity * 1.3)))
        self._mask = slots - 1
        self._keys = np.full(slots, EMPTY, np.int64)
        self._points = np.zeros((slots, 3), np.float32)
        self._colors = np.zeros((slots, 3), np.float32)
        self._confidence = np.zeros(slots, np.float32)
        self._hits = np.zeros(slots, np.int32)
        self._seen = np.zeros(slots, np.int64)  # [ns]
        self._carved = 0

    def __len__(self) -> int:
        return int((self._keys != EMPTY).sum())

    def apply(self, settings: SceneSettings) -> None:
        """Take over what may change; the voxels keep their size."""
        self.settings = dataclasses.replace(settings, voxel=self.settings.voxel)

    def clear(self) -> None:
        """Forget the scene."""
        with self._lock:
            self._keys[:] = EMPTY
            self._hits[:] = 0

    def update(self, cloud: Cloud, seen_through: Callable[[np.ndarray], np.ndarray], stamp: int) -> None:
        """Learn from the images of one time.

        Args:
            cloud: what they see of the static scene.
            seen_through: points (N, 3) to (N,) bool: the images see through them.
            stamp: [ns].
        """
        with self._lock:
            self.add(cloud, stamp)
            slots, points = self.candidates(stamp)
            if len(slots):
                self.weaken(slots[seen_through(points)])

    def add(self, cloud: Cloud, stamp: int) -> None:
        """Merge the static points of one window, taken at ``stamp`` [ns]."""
        if not len(cloud.points):
            return
        keys, points, colors, confidence = _voxels(cloud, self.settings.voxel)
        slots = self._place(keys)
        kept = slots >= 0
        slots, points, colors, confidence = slots[kept], points[kept], colors[kept], confidence[kept]
        self._hits[slots] += 1
        share = (1.0 / np.minimum(self._hits[slots], MEMORY)).astype(np.float32)[:, None]
        self._points[slots] += share * (points - self._points[slots])
        self._colors[slots] += share * (colors - self._colors[slots])
        self._confidence[slots] += share[:, 0] * (confidence - self._confidence[slots])
        self._seen[slots] = stamp

    def candidates(self, stamp: int) -> tuple[np.ndarray, np.ndarray]:
        """The next voxels to test for having vanished: slots (N,) and points (N, 3). Forgets the too old ones."""
        start, self._carved = self._carved, (self._carved + CARVED_PER_WINDOW) & self._mask
        slots = np.arange(start, start + CARVED_PER_WINDOW) & self._mask
        slots = slots[self._keys[slots] != EMPTY]
        if self.settings.max_age > 0:
            old = stamp - self._seen[slots] > self.settings.max_age * 1e9
            self.remove(slots[old])
            slots = slots[~old]
        return slots, self._points[slots]

    def weaken(self, slots: np.ndarray) -> None:
        """Cameras looked through these voxels: they lose a fifth of their hits, at least two, and vanish at none."""
        self._hits[slots] -= np.maximum(2, self._hits[slots] // 5)
        self.remove(slots[self._hits[slots] <= 0])

    def remove(self, slots: np.ndarray) -> None:
        self._keys[slots] = EMPTY
        self._hits[slots] = 0

    def cloud(self) -> Cloud:
        """All voxels that enough windows saw."""
        with self._lock:
            used = np.flatnonzero((self._keys != EMPTY) & (self._hits >= self.settings.min_hits))
            certainty = np.minimum(self._hits[used] / FULL_CONFIDENCE, 1.0).astype(np.float32)
            colors = np.clip(self._colors[used], 0, 255).astype(np.uint8)
            return Cloud(self._points[used], colors, self._confidence[used] * certainty)

    def move(self, change: Similarity) -> None:
        """Express the map in the frame that ``change`` maps the world to."""
        with self._lock:
            self._move(change)

    def state_dict(self) -> dict[str, Any]:
        """The voxels that there are, each with its slot, as plain data."""
        with self._lock:
            slots = np.flatnonzero(self._keys != EMPTY)
            return {'slots': slots, 'carved': self._carved, **{name: all_[slots] for name, all_ in self._columns()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict` of a map of the same capacity."""
        with self._lock:
            self.clear()
            self._carved = state['carved']
            for name, column in self._columns():
                column[state['slots']] = state[name]

    def _columns(self) -> list[tuple[str, np.ndarray]]:
        columns = ('keys', 'points', 'colors', 'confidence', 'hits', 'seen')
        return [(name, getattr(self, f'_{name}')) for name in columns]

    def _move(self, change: Similarity) -> None:
        used = np.flatnonzero(self._keys != EMPTY)
        order = used[np.argsort(self._hits[used], kind='stable')]  # of voxels that fall together the surest stays
        points = change.apply(self._points[order]).astype(np.float32)
        columns: tuple[np.ndarray, ...] = (self._colors, self._confidence, self._hits, self._seen)
        moving = [column[order] for column in columns]
        self.clear()
        keys = _keys(points, self.settings.voxel)
        _, last = np.unique(keys[::-1], return_index=True)
        last = len(keys) - 1 - last
        slots = self._place(keys[last])
        kept = slots >= 0
        slots, last = slots[kept], last[kept]
        self._points[slots] = points[last]
        for column, values in zip(columns, moving):
            column[slots] = values[last]

    def _place(self, keys: np.ndarray) -> np.ndarray:
        """Slots (N,) of different keys (N,): theirs, an empty one, or that of a voxel that gives way; -1: no room.

        An older voxel gives way only when all places of a key are taken by others.
        """
        slots = np.full(len(keys), -1, np.int64)
        home = (keys * np.int64(-7046029254386353131)).view(np.uint64) >> np.uint64(32)
        home = home.astype(np.int64)
        waiting = np.arange(len(keys))
        for probe in range(PROBES):  # where a key already lies: holes left by removed voxels are passed
            found = (home[waiting] + probe) & self._mask
            here = self._keys[found] == keys[waiting]
            slots[waiting[here]] = found[here]
            waiting = waiting[~here]
        for probe in range(PROBES):
            waiting = self._claim(slots, keys, waiting, (home[waiting] + probe) & self._mask)
        if len(waiting):
            self._replace_oldest(slots, keys, waiting, home)
        return slots

    def _claim(self, slots: np.ndarray, keys: np.ndarray, waiting: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Give the wanted empty slots to the waiting keys, one each; returns those that wait on."""
        free = self._keys[wanted] == EMPTY
        self._keys[wanted[free]] = keys[waiting[free]]  # of several keys the last one written gets the slot
        won = free.copy()
        won[free] = self._keys[wanted[free]] == keys[waiting[free]]
        slots[waiting[won]] = wanted[won]
        self._hits[wanted[won]] = 0
        return waiting[~won]

    def _replace_oldest(self, slots: np.ndarray, keys: np.ndarray, waiting: np.ndarray, home: np.ndarray) -> None:
        places = (home[waiting, None] + np.arange(PROBES)) & self._mask
        oldest = places[np.arange(len(waiting)), np.argmin(self._seen[places], axis=1)]
        taken = np.isin(oldest, slots)  # already used by this very update
        waiting, oldest = waiting[~taken], oldest[~taken]
        _, first = np.unique(oldest, return_index=True)
        self._keys[oldest[first]] = keys[waiting[first]]
        self._hits[oldest[first]] = 0
        slots[waiting[first]] = oldest[first]


def _keys(points: np.ndarray, voxel: float) -> np.ndarray:
    """(N,) integer keys of the voxels of points (N, 3)."""
    cells = np.floor(points / voxel).astype(np.int64) + _OFFSET
    cells = np.clip(cells, 0, 2 * _OFFSET - 1)
    return (cells[:, 0] << (2 * _BITS)) | (cells[:, 1] << _BITS) | cells[:, 2]


def _voxels(cloud: Cloud, voxel: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Different keys (K,) with the means of their points (K, 3), colours (K, 3) and confidences (K,)."""
    keys, place = np.unique(_keys(cloud.points, voxel), return_inverse=True)
    values = np.concatenate([cloud.points, cloud.colors, cloud.confidence[:, None]], axis=1, dtype=np.float32)
    counts = np.bincount(place, minlength=len(keys))
    means = np.stack([np.bincount(place, column, len(keys)) for column in values.T], axis=1) / counts[:, None]
    means = means.astype(np.float32)
    return keys, means[:, :3], means[:, 3:6], means[:, 6]
