"""What earlier windows said of the images that the window still holds: whose each detection is, which tracklet."""

from __future__ import annotations

import numpy as np

from chromm_ros.capture.window.window_people import WindowPeople


class ImageLabels:
    """Identities and tracklet numbers of all detections of the newest window, by image."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, int], np.ndarray] = {}  # (view, stamp) -> (M,) identity of each detection
        self._numbers: dict[tuple[str, int], np.ndarray] = {}  # (view, stamp) -> (M,) tracklet number
        self._next_number: dict[str, int] = {}

    def tracklet(self, view: str, stamp: int, detection: int) -> int:
        """Number of a detection's tracklet, which stays the same from window to window; -1: it has none."""
        return int(self._numbers[view, stamp][detection])

    def rename(self, old: int, new: int) -> None:
        """Identity ``old`` is ``new`` from now on."""
        for labels in self._labels.values():
            labels[labels == old] = new

    def known(self, window: WindowPeople) -> np.ndarray:
        """(V, T, M) identities that earlier windows gave; -1 for the new images."""
        labels = np.full(window.view_people.valid.shape, -1)
        for v, view in enumerate(window.views):
            for t, stamp in enumerate(window.stamps[:-1]):
                known = self._labels.get((view, stamp))
                if known is not None:
                    labels[v, t] = known
        return labels

    def write(self, window: WindowPeople, ids: dict[int, int]) -> None:
        """Write down who and which tracklet each new detection is; forget images that left the window."""
        to_id = np.full(window.people.valid.shape[1] + 1, -1)  # the last entry is for "nobody", index -1
        for person, identity in ids.items():
            to_id[person] = identity
        numbers = self._tracklet_numbers(window)
        labels, all_numbers = {}, {}
        for v, view in enumerate(window.views):
            for t, stamp in enumerate(window.stamps):
                if not window.view_people.seen[v, t]:
                    continue
                known = self._labels.get((view, stamp)) if t < len(window.stamps) - 1 else None
                labels[view, stamp] = to_id[window.people.identity[v, t]] if known is None else known
                all_numbers[view, stamp] = numbers[v, t]
        self._labels, self._numbers = labels, all_numbers

    def _tracklet_numbers(self, window: WindowPeople) -> np.ndarray:
        """(V, T, M) numbers that outlive the window: a tracklet keeps the one that its older images had."""
        tracklets = window.tracklets.ids
        numbers = np.full(tracklets.shape, -1)
        for v, view in enumerate(window.views):
            for t, stamp in enumerate(window.stamps[:-1]):
                known = self._numbers.get((view, stamp))
                if known is not None:
                    numbers[v, t] = known
            taken: set[int] = set()
            for tracklet in np.unique(tracklets[v][tracklets[v] >= 0]):
                mine = tracklets[v] == tracklet
                old = numbers[v][mine & (numbers[v] >= 0)]
                number = int(old[-1]) if len(old) and int(old[-1]) not in taken else self._new_number(view)
                taken.add(number)
                numbers[v, -1, mine[-1]] = number
        return numbers

    def _new_number(self, view: str) -> int:
        number = self._next_number.get(view, 0)
        self._next_number[view] = number + 1
        return number
