"""What a rig that people gave is measured by: halves that agree, cameras that stay, lenses that fit, motion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import roma
import torch

from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.people.self_calibration.bundle import adjust, delays
from chromm_ros.people.self_calibration.estimate import CameraPrior, RigEstimate, estimate
from chromm_ros.people.self_calibration.sightings import HIPS, SHOULDERS, Sighting

APART = 0.25
"""Seconds between two times that both count."""

BLOCK = 3
"""Sightings in a row that belong to the same half."""

EXACT = 1e-3
"""Standard deviation that is always added [m, rad]."""

LOOSE = 0.5
"""Standard deviation of the logarithm of a focal length that is put to the test."""

PARTS, LEAST_PART, VAGUE = 3, 20, 0.04
"""In how many parts of the time a camera is placed anew, how many landmarks a part must have of it, and the standard
deviation of its angles from which a part says nothing [rad]."""

TRUNK = (*SHOULDERS, *HIPS)
ANY_DELAY = 0.5
"""Standard deviation of how late a camera may be [s]."""

LONGEST_STEP, FASTEST = 0.8, 2.5
"""Seconds between two places of somebody that tell a velocity, and the largest one [m/s]."""

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
        found[v] = max(found[v], math.sqrt(max(0.0, float(moved @ np.linalg.solve(covariance, moved))) / len(moved)))
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
    return np.stack([found.cameras.zoom, np.sqrt(np.maximum(found.covariance[:, 6, 6], 0.0))], -1)


def lateness(whole: RigEstimate, sightings: Sequence[Sighting]) -> np.ndarray:
    """(V, 2) by how much the images of each camera are older than those of the others say [s], and its standard
    deviation: people who walk are seen where they were."""
    velocity = _velocities(whole, sightings)[whole.observed.person]
    velocity[~np.isin(whole.observed.landmark, TRUNK)] = 0  # between two times a leg has been everywhere
    delay, covariance = delays(whole.observed, whole.adjusted, velocity, ANY_DELAY)
    count = len(delay)
    against = (np.eye(count) * count - 1) / (count - 1)  # each, and the mean of the others
    spread = np.sqrt(np.maximum(np.diagonal(against @ covariance @ against.T), 0.0))
    return np.stack([against @ delay, spread], -1)


def _velocities(whole: RigEstimate, sightings: Sequence[Sighting]) -> np.ndarray:
    """(P, 3) of the trunks of the shared people [m/s], from where they are at the times around; 0 where unknown."""
    middle = whole.landmarks[:, list(TRUNK)].mean(1)  # NaN where not all of it is seen: near to nobody
    time = np.array([sightings[person.sighting].stamp for person in whole.shared]) * 1e-9
    velocity = np.zeros((len(middle), 3))
    for n, here in enumerate(middle):
        moved = []
        for side in (-1, 1):
            since = side * (time - time[n])
            apart = np.linalg.norm(middle - here, axis=-1)
            near = np.flatnonzero((since > 0) & (since < LONGEST_STEP) & (apart < FASTEST * since))
            if len(near):
                step = near[np.lexsort((apart[near], since[near]))[0]]
                moved.append((middle[step] - here) / (time[step] - time[n]))
        if len(moved) == 2:
            velocity[n] = np.mean(moved, 0)
    return velocity


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


def spaced_times(stamps: Iterable[int]) -> int:
    """How many of these stamps [ns] are far enough apart to count."""
    count, last = 0, -math.inf
    for stamp in sorted(stamps):
        if stamp - last >= 1e9 * APART:
            count, last = count + 1, stamp
    return count
