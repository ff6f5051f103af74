"""What a rig that people gave is measured by: halves that agree, motion, who is seen, when."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid, transform
from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.people.self_calibration.estimate import CameraPrior, RigEstimate, estimate
from chromm_ros.people.self_calibration.sightings import HIPS, SHOULDERS, Sighting

APART = 0.25
"""Seconds between two times that both count."""

BLOCK = 3
"""Sightings in a row that belong to the same half."""

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
    apart = np.linalg.norm(source[:, :3, 3] - target[:, :3, 3], axis=-1)
    apart += grown * np.linalg.norm(target[:, :3, 3] - target[:, :3, 3].mean(0), axis=-1)
    traces = np.einsum('vij,vij->v', source[:, :3, :3], target[:, :3, :3])
    turns = np.arccos(np.clip((traces - 1) / 2, -1, 1))
    return {view: (float(distance), float(turn)) for view, distance, turn in zip(views, apart, turns)}


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


def seen_of_due(whole: RigEstimate, sightings: Sequence[Sighting]) -> np.ndarray:
    """(V,) part of the people with their trunk inside the image of a camera that it sees; NaN: nobody was due.

    A camera that brought no image at a time is not to blame for it.
    """
    trunk = whole.landmarks[:, [*SHOULDERS, *HIPS]]
    known = np.isfinite(trunk).all((1, 2))
    met, due = np.zeros(len(whole.views)), np.zeros(len(whole.views))
    intrinsics = whole.cameras.adjusted_intrinsics
    for v, view in enumerate(whole.views):
        local = transform(invert_rigid(whole.cameras.poses[v]), np.where(np.isfinite(trunk), trunk, 0.0))
        pixels = local[..., :2] / np.maximum(local[..., 2:], 1e-6) @ intrinsics[v, :2, :2].T + intrinsics[v, :2, 2]
        for n, person in enumerate(whole.shared):
            image = sightings[person.sighting].views.get(view)
            if image is None or not known[n] or (local[n, :, 2] < 0.2).any():
                continue
            if ((pixels[n] > 0) & (pixels[n] < image.image_size)).all():
                due[v] += 1
                met[v] += v in person.views
    return np.where(due > 0, met / np.maximum(due, 1), np.nan)


def spaced_times(stamps: Iterable[int]) -> int:
    """How many of these stamps [ns] are far enough apart to count."""
    count, last = 0, -math.inf
    for stamp in sorted(stamps):
        if stamp - last >= 1e9 * APART:
            count, last = count + 1, stamp
    return count
