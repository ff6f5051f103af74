"""Whom each camera should see if a rig is right, and whom it sees, time by time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid, transform
from chromm_ros.people.self_calibration.estimate import RigEstimate
from chromm_ros.people.self_calibration.sightings import HIPS, SHOULDERS, PlacedPeople, Sighting

DEPTHS = (0.8, 1.0, 1.25)
"""Parts of its depth by size at which somebody may be whom one camera alone sees."""

NEAREST = 0.2
"""[m] from a camera at which it may be asked whether it sees somebody."""

MOST_ODD, LONGEST_ODD = 0.3, 2
"""Part of the times at which a camera may see others than it should, and how many of them in a row: people are
mistaken for each other now and then, but a camera that was moved sees the wrong ones from then on."""

MOST_MISSED = 0.025
"""Median angle by which a camera may miss the landmarks of somebody who is matched with whom others see [rad]."""

LAST_UNSEEN, LAST_ODD, LAST_ALONE = 3, 2, 5
"""The last times with somebody due, of which a camera must see one, the same where it sees somebody else instead, and
those at which it sees somebody while others do, of which one must be the same person: nothing else shows that it was
turned away."""


@dataclass(frozen=True)
class Encounters:
    """Whom V cameras should see at S times, and whom they see; all (V, S), numbers of people."""

    due: np.ndarray
    """Seen by two cameras or more, with the trunk inside the image of this one."""
    met: np.ndarray
    """Of them, those whom this camera sees."""
    odd: np.ndarray
    """Others should see whom this one sees, or this one whom they see, but it sees somebody else."""
    company: np.ndarray
    """bool: it sees somebody while another camera sees somebody."""

    @staticmethod
    def of(whole: RigEstimate, sightings: Sequence[Sighting], limbs: float) -> Encounters:
        """
        Args:
            limbs: see :meth:`PlacedPeople.of`.
        """
        shared, alone = _trunks(whole, sightings, limbs)
        shape = (len(whole.views), len(sightings))
        due, met, odd = (np.zeros(shape, int) for _ in range(3))
        for v, view in enumerate(whole.views):
            for s, sighting in enumerate(sightings):
                if view not in sighting.views:
                    continue  # a camera that brought no image is not to blame for it
                size = sighting.views[view].image_size
                should = [v in seers for seers, trunk in shared[s] if _inside(whole, v, trunk, size)]
                due[v, s], met[v, s] = len(should), sum(should)
                others = sum(seer != v and _inside(whole, v, trunk, size) for seer, trunk in alone[s])
                free = sum(seer == v for seer, _ in alone[s])
                odd[v, s] = min(len(should) - sum(should) + others, free)
        busy = np.array([[len(sighting.views.get(view, ())) > 0 for sighting in sightings] for view in whole.views])
        return Encounters(due, met, odd, busy & (busy.sum(0) > 1))

    @property
    def seen(self) -> np.ndarray:
        """(V,) part of the people due in a camera that it sees; NaN: nobody was due."""
        due = self.due.sum(1)
        return np.where(due > 0, self.met.sum(1) / np.maximum(due, 1), np.nan)

    def refuted(self, v: int) -> bool:
        """Whether a camera sees others than it should at many times, at several in a row, or at the last two; or at
        the last times nobody of those who are seen elsewhere."""
        due, odd, always = self.due[v] > 0, self.odd[v] > 0, np.ones(self.due.shape[1], bool)
        rules = ((due, LAST_UNSEEN, always), (due, LAST_ODD, odd), (self.company[v], LAST_ALONE, always))
        for telling, most, suspicious in rules:
            last = np.nonzero(telling)[0][-most:]
            if len(last) == most and suspicious[last].any() and not self.met[v, last].any():
                return True
        telling = (self.met[v] > 0) | (self.odd[v] > 0)
        against = self.odd[v, telling] > self.met[v, telling]
        runs = [len(list(run)) for is_against, run in itertools.groupby(against) if is_against]
        return bool(runs) and (against.mean() > MOST_ODD or max(runs) > LONGEST_ODD or bool(against[-2:].all()))


Seen = tuple[list[list[tuple[set[int], np.ndarray]]], list[list[tuple[int, np.ndarray]]]]


def _trunks(whole: RigEstimate, sightings: Sequence[Sighting], limbs: float) -> Seen:
    """Of each time, the people whom several views see, and those whom one alone sees: by whom, and (N, 3) places of
    their trunks [m], of the latter nearer and farther ones too."""
    trunk = [*SHOULDERS, *HIPS]
    shared: list[list[tuple[set[int], np.ndarray]]] = [[] for _ in sightings]
    alone: list[list[tuple[int, np.ndarray]]] = [[] for _ in sightings]
    matched = set()
    of_person = whole.observed.person[whole.observed.point]
    for n, (person, marks) in enumerate(zip(whole.shared, whole.landmarks[:, trunk])):
        misses = {v: whole.adjusted.miss[(of_person == n) & (whole.observed.view == v)] for v in person.views}
        seers = {v for v, miss in misses.items() if len(miss) and np.median(miss) < MOST_MISSED}
        matched |= {(person.sighting, v, person.views[v]) for v in seers}
        if np.isfinite(marks).all():
            shared[person.sighting].append((seers, marks))
    for v, view in enumerate(whole.views):
        people = PlacedPeople.of(sightings, view, whole.cameras.adjusted_intrinsics[v], limbs)
        for s, i in zip(*np.nonzero(people.valid)):
            if (s, v, i) not in matched:
                near = np.concatenate([factor * people.points[s, i, trunk] for factor in DEPTHS])
                alone[s].append((v, transform(whole.cameras.poses[v], near)))
    return shared, alone


def _inside(whole: RigEstimate, v: int, points: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether a camera has all points (N, 3) in front of it and inside its image of ``size`` (width, height)."""
    local = transform(invert_rigid(whole.cameras.poses[v]), points)
    intrinsics = whole.cameras.adjusted_intrinsics[v]
    pixels = local[:, :2] / np.maximum(local[:, 2:], 1e-6) @ intrinsics[:2, :2].T + intrinsics[:2, 2]
    return bool((local[:, 2] > NEAREST).all() and ((pixels > 0) & (pixels < size)).all())
