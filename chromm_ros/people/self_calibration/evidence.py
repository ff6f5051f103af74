"""What a rig that people gave is measured by: halves that agree, motion, who is seen, when."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import roma
import torch

from chromm_ros.geometry.cameras import invert_rigid, transform
from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.people.self_calibration.bundle import adjust
from chromm_ros.people.self_calibration.estimate import CameraPrior, RigEstimate, estimate
from chromm_ros.people.self_calibration.sightings import HIPS, SHOULDERS, PlacedPeople, Sighting

APART = 0.25
"""Seconds between two times that both count."""

BLOCK = 3
"""Sightings in a row that belong to the same half."""

DEPTHS = (0.8, 1.0, 1.25)
"""Parts of its depth by size at which somebody may be whom one camera alone sees."""

NEAREST = 0.2
"""[m] from a camera at which it may be asked whether it sees somebody."""

MOST_ODD, LONGEST_ODD = 0.3, 2
"""Part of the times at which a camera may see others than it should, and how many of them in a row: people are
mistaken for each other now and then, but a camera that was moved sees the wrong ones from then on."""

MOST_MISSED = 0.025
"""Median angle by which a camera may miss the landmarks of somebody who is matched with whom others see [rad]."""

EXACT = 1e-3
"""Standard deviation that is always added [m, rad]."""

LOOSE = 0.5
"""Standard deviation of the logarithm of a focal length that is put to the test."""

LAST_UNSEEN, LAST_ALONE = 3, 5
"""The last times with somebody due, of which a camera must see one, and those at which it sees somebody while others
do, of which one must be the same person: nothing else shows that it was turned away."""

PARTS, LEAST_PART, VAGUE = 3, 20, 0.04
"""In how many parts of the time a camera is placed anew, how many landmarks a part must have of it, and the standard
deviation of its angles from which a part says nothing [rad]."""

SCALE_TOLERANCE = 0.1
"""By how much the sizes of the two halves may differ (logarithm)."""


def half_differences(
    whole: RigEstimate, sightings: Sequence[Sighting], priors: Mapping[str, CameraPrior], limbs: float
) -> dict[str, tuple[float, float]]:
    """By how much (m, rad) two disjoint halves of the sightings differ about each camera: the larger of two trials.

    Halves of blocks that take turns are estimated from nothing: they show a rig that fits its times by accident. The
    earlier and the later half begin with the whole rig, and show cameras that move.
    """
    turns = [n // BLOCK % 2 == 1 for n in range(len(sightings))]
    late = [n >= len(sightings) // 2 for n in range(len(sightings))]
    found = []
    for chosen, start in ((turns, None), (late, whole.poses)):
        one, other = ([s for s, is_second in zip(sightings, chosen) if is_second is half] for half in (False, True))
        found.append(_differences(estimate(one, priors, limbs, start), estimate(other, priors, limbs, start)))
    by_accident, moving = found
    return {
        view: (max(apart, moving.get(view, (0, 0))[0]), max(turn, moving.get(view, (0, 0))[1]))
        for view, (apart, turn) in by_accident.items()
    }


def _differences(one: RigEstimate | None, other: RigEstimate | None) -> dict[str, tuple[float, float]]:
    """(m, rad) between two estimates of the same rig, for the cameras that both place."""
    if one is None or other is None:
        return {}
    views = [view for view in one.views if view in other.views]
    if len(views) < 2:
        return {}
    source, target = (np.stack([half.poses[view] for view in views]) for half in (one, other))
    grown = 0.0
    if not one.cameras.known.any():
        tie = align_rigs(source, target)
        source = tie.apply_poses(source)
        # other people, other sizes; but a pair of cameras would always agree if any size were right
        grown = max(0.0, abs(math.log(tie.scale)) - SCALE_TOLERANCE)
    apart, turns = rig_distances(source, target)
    apart += grown * np.linalg.norm(target[:, :3, 3] - target[:, :3, 3].mean(0), axis=-1)
    return {view: (float(distance), float(turn)) for view, distance, turn in zip(views, apart, turns)}


def rig_distances(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V,) distances [m] and angles [rad] between poses (V, 4, 4) and others."""
    traces = np.einsum('vij,vij->v', first[:, :3, :3], second[:, :3, :3])
    turns = np.arccos(np.clip((traces - 1) / 2, -1, 1))
    return np.linalg.norm(first[:, :3, 3] - second[:, :3, 3], axis=-1), turns


def drifts(whole: RigEstimate) -> np.ndarray:
    """(V,) standard deviations by which each camera is, in some part of the time, from where it is on the whole, when
    the others stay there: a camera that moves slowly fits all times a little, but none well."""
    time = np.array([person.sighting for person in whole.shared])[whole.observed.person[whole.observed.point]]
    found = np.zeros(len(whole.views))
    for v, part in itertools.product(range(len(whole.views)), np.array_split(np.unique(time), PARTS)):
        kept = np.isin(time, part)
        if (kept & (whole.observed.view == v)).sum() < LEAST_PART:
            continue
        known = np.arange(len(whole.views)) != v
        alone = adjust(whole.observed.take(kept), replace(whole.cameras, known=known))
        covariance = alone.covariance[v][:6, :6] + EXACT**2 * np.eye(6)
        if covariance[:3, :3].diagonal().max() > VAGUE**2:
            continue
        pose, there = whole.cameras.poses[v], alone.cameras.poses[v]
        shift = there[:3, 3] - pose[:3, 3]
        if len(known) == 2:  # one camera sets no scale: nobody knows how far apart the two are
            apart = pose[:3, 3] - whole.cameras.poses[1 - v, :3, 3]
            shift = shift - (shift @ apart) / max(apart @ apart, 1e-9) * apart
        turn = roma.rotmat_to_rotvec(torch.from_numpy(there[:3, :3] @ pose[:3, :3].T)).numpy()
        moved = np.concatenate([turn, shift])
        found[v] = max(found[v], math.sqrt(moved @ np.linalg.solve(covariance, moved) / len(moved)))
    return found


def fitting_lenses(whole: RigEstimate) -> np.ndarray:
    """(V, 2) logarithms of the focal lengths that fit over those that are used, and their standard deviations."""
    count = len(whole.views)
    loose = replace(
        whole.cameras,
        intrinsics=whole.cameras.adjusted_intrinsics,
        zoom=np.zeros(count),
        focal_precision=np.eye(count) / LOOSE**2,
    )
    found = adjust(whole.observed, loose)
    return np.stack([found.cameras.zoom, np.sqrt(found.covariance[:, 6, 6])], -1)


def motion(whole: RigEstimate, v: int) -> float:
    """By how much the people whom a camera shares differ between times [m]: that of most pairs of times."""
    times: dict[int, list[np.ndarray]] = {}
    for person, marks in zip(whole.shared, whole.landmarks):
        if v in person.views:
            times.setdefault(person.sighting, []).append(marks)
    moved = []
    for one, other in itertools.combinations(times.values(), 2):
        apart = np.linalg.norm(np.stack(one)[:, None] - np.stack(other)[None], axis=-1)  # (A, B, L)
        known = np.isfinite(apart)
        mean = np.where(known, apart, 0.0).sum(-1) / np.maximum(known.sum(-1), 1)
        nearest = np.where(known.any(-1), mean, np.inf).min(1)
        moved += list(nearest[np.isfinite(nearest)])
    return float(np.percentile(moved, 75)) if moved else 0.0


def distances(whole: RigEstimate) -> np.ndarray:
    """(V,) median distance of each camera from the people that it sees [m]; 0: it shares none with another."""
    far = np.linalg.norm(
        whole.adjusted.points[whole.observed.point] - whole.cameras.poses[whole.observed.view, :3, 3], axis=-1
    )
    own = [whole.observed.view == v for v in range(len(whole.views))]
    return np.array([np.median(far[mine]) if mine.any() else 0.0 for mine in own])


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
        for telling, most in ((self.due[v] > 0, LAST_UNSEEN), (self.company[v], LAST_ALONE)):
            last = np.nonzero(telling)[0][-most:]
            if len(last) == most and not self.met[v, last].any():
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


def spaced_times(stamps: Iterable[int]) -> int:
    """How many of these stamps [ns] are far enough apart to count."""
    count, last = 0, -math.inf
    for stamp in sorted(stamps):
        if stamp - last >= 1e9 * APART:
            count, last = count + 1, stamp
    return count
