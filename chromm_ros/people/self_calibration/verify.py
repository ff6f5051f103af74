"""Whether a rig that people gave may be trusted, camera by camera, and what is missing where not.

A rig from a few instants may be plainly wrong and fit them well. So each camera needs people at several times, must
stand at the same place by either half of the times, be known well enough by the geometry, and see most of the people
whom the others say that it should see. A camera that fails is left out, and the rest is estimated without it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid, transform
from chromm_ros.geometry.similarity import Similarity, align_rigs
from chromm_ros.people.self_calibration.estimate import FOCAL_NOISE, CameraPrior, RigEstimate, estimate
from chromm_ros.people.self_calibration.level import Level, find_level
from chromm_ros.people.self_calibration.sightings import HIPS, SHOULDERS, Sighting

LEAST_SIGHTINGS, APART = 6, 0.25
"""Times at which a camera must see somebody together with another one, and seconds between two that both count."""

BLOCK = 3
"""Sightings in a row that belong to the same half."""

LARGEST_TURN, LARGEST_SHIFT = math.radians(6.0), 0.08
"""By which the two halves may differ about a camera: angle, and distance as a part of that to the people."""

SCALE_TOLERANCE = 0.1
"""By how much the sizes of the two halves may differ (logarithm)."""

LARGEST_TURN_ERROR, LARGEST_PLACE_ERROR = math.radians(3.5), 0.08
"""Standard deviations by the geometry up to which a camera is known well enough; the second as a part likewise."""

LARGEST_FOCAL_ERROR = 0.13
"""The same of a focal length that was found, as a part of it."""

LEAST_SEEN = 0.5
"""Part of the people due in a camera that it must see; others are hidden by something, or the camera is not there."""

LEAST_MOTION = 0.1
"""By how much the landmarks of the people must differ between times [m]: a rig that mistakes one standing person for
another is as steady as a true one."""

LARGEST_MISS = 0.01
"""Median angle between the rays and landmarks of a camera [rad]."""

SIZE_ERROR = 0.05
"""Standard deviation of the size of an adult, as a part of it."""


@dataclass(frozen=True)
class CameraCheck:
    """What speaks for and against the place of one camera."""

    problem: str = ''
    """A sentence; empty: the camera may be trusted."""
    sightings: int = 0
    """Times at which it saw somebody together with another camera."""
    miss: float = math.nan
    """Median angle between its rays and the landmarks [rad]."""
    miss_px: float = math.nan
    """The same in pixels."""
    seen: float = math.nan
    """Part of the people due in it that it sees."""
    motion: float = math.nan
    """By how much the people moved whom it shares with other cameras [m]."""
    halves: tuple[float, float] = (math.nan, math.nan)
    """Difference of the two halves (m, rad)."""
    error: tuple[float, float] = (math.nan, math.nan)
    """Standard deviation by the geometry, the scale of the rig left out (m, rad)."""
    focal_error: float = math.nan
    """Standard deviation of the focal length, as a part of it."""
    contradicts: bool = False
    """What it sees contradicts the others, which is more than to say too little."""


@dataclass(frozen=True)
class Calibration:
    """The cameras that may be trusted, and what was found out about all."""

    checks: Mapping[str, CameraCheck]
    """Of every camera of the rig, in its order."""
    world_from_camera: Mapping[str, np.ndarray] = field(default_factory=dict)
    """(4, 4) of the trusted cameras; z up with the floor at zero, or the world of the poses that were given."""
    intrinsics: Mapping[str, np.ndarray] = field(default_factory=dict)
    """(3, 3) of the trusted cameras [px]: as given, or with the focal length that was found."""
    scale_error: float = math.nan
    """Standard deviation of the scale, as a part of it; 0: given poses set it."""
    level: Level | None = None
    """None: given poses say where up is, or nothing is known."""
    landmarks: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3)))
    """(P, L, 3) of the people, world [m]; NaN where not seen by two cameras."""
    stamps: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    """(P,) when they were there [ns]."""

    @property
    def verified(self) -> bool:
        """Whether all cameras of the rig may be trusted."""
        return all(not check.problem for check in self.checks.values())

    def people_at(self, stamp: int) -> np.ndarray:
        """(K, L, 3) those of the ``landmarks`` that are of one time [ns]."""
        return self.landmarks[self.stamps == stamp]


def calibrate(sightings: Sequence[Sighting], priors: Mapping[str, CameraPrior], limbs: float) -> Calibration:
    """Estimate and verify. Cameras whose pose was given are not put to the test.

    Args:
        sightings: at times that are at least some tenths of a second apart.
        priors: all cameras of the rig, in its order.
        limbs: see :meth:`PlacedPeople.of`.
    """
    rest = dict(priors)
    failed: dict[str, CameraCheck] = {}
    while True:
        whole = estimate(sightings, rest, limbs)
        checks = _checks(whole, sightings, rest, limbs)
        bad = [view for view, check in checks.items() if check.problem]
        if not bad:
            break
        tied = [] if whole is None else [view for view in bad if view in whole.views]
        if len(bad) == len(checks) and not any(check.contradicts for check in checks.values()):
            tied = []  # all know too little, and fewer cameras would know less
        for view in [max(tied, key=lambda view: _badness(checks[view]))] if tied else bad:
            failed[view] = checks[view]
            del rest[view]
    contradictions = sum(check.contradicts for check in failed.values())
    ordered = {view: failed.get(view) or checks.get(view) or CameraCheck() for view in priors}
    if whole is None or contradictions >= len(whole.views):
        return Calibration({view: _refused(view, check, priors[view]) for view, check in ordered.items()})
    return _finished(whole, ordered, priors, sightings)


def _refused(view: str, check: CameraCheck, prior: CameraPrior) -> CameraCheck:
    """The check of a camera of a rig that is not trusted as a whole."""
    if check.problem or prior.world_from_camera is not None:
        return check
    return replace(check, problem=f'{view} may be right, but most of the other cameras contradict each other.')


def _finished(
    whole: RigEstimate,
    checks: dict[str, CameraCheck],
    priors: Mapping[str, CameraPrior],
    sightings: Sequence[Sighting],
) -> Calibration:
    given = bool(whole.cameras.known.any())
    level = None if given else find_level(whole.landmarks, whole.repeats, whole.cameras.poses[0])
    change = Similarity.identity() if level is None else level.change
    intrinsics = dict(zip(whole.views, whole.cameras.adjusted_intrinsics))
    return Calibration(
        checks,
        dict(zip(whole.views, change.apply_poses(whole.cameras.poses))),
        {view: priors[view].intrinsics if priors[view].calibrated else matrix for view, matrix in intrinsics.items()},
        0.0 if given else SIZE_ERROR / math.sqrt(max(1.0, _persons(whole))),
        level,
        change.apply(whole.landmarks.reshape(-1, 3)).reshape(whole.landmarks.shape),
        np.array([sightings[person.sighting].stamp for person in whole.shared], int),
    )


def _persons(whole: RigEstimate) -> float:
    """Mean number of people who are seen together: at least so many different ones there are."""
    times = {person.sighting for person in whole.shared}
    return len(whole.shared) / max(len(times), 1)


def _checks(
    whole: RigEstimate | None, sightings: Sequence[Sighting], priors: Mapping[str, CameraPrior], limbs: float
) -> dict[str, CameraCheck]:
    """Of the cameras in ``priors`` whose pose is not given."""
    unknown = [view for view, prior in priors.items() if prior.world_from_camera is None]
    if whole is None:
        return {view: CameraCheck(_alone(view, sightings)) for view in unknown}
    halves = _halves(whole, sightings, priors, limbs)
    depth = _distances(whole)
    seen = _seen(whole, sightings)
    checks = {}
    for view in unknown:
        if view not in whole.views:
            checks[view] = CameraCheck(_alone(view, sightings))
            continue
        v = whole.views.index(view)
        own = whole.observed.view == v
        sd = np.sqrt(np.maximum(np.diagonal(whole.adjusted.covariance[v]), 0))
        miss = float(np.median(whole.adjusted.miss[own])) if own.any() else math.nan
        found = CameraCheck(
            sightings=_times(sightings[person.sighting].stamp for person in whole.shared if v in person.views),
            miss=miss,
            miss_px=miss * float(whole.cameras.adjusted_intrinsics[v, 0, 0]),
            seen=seen[v],
            motion=_motion(whole, v),
            halves=halves.get(view, (math.nan, math.nan)),
            error=(float(sd[3:6].max()), float(sd[:3].max())),
            focal_error=float(sd[6]) if priors[view].calibrated or len(whole.views) > 2 else FOCAL_NOISE,
        )
        problem, contradicts = _problem(view, found, depth[v], whole)
        checks[view] = replace(found, problem=problem, contradicts=contradicts)
    return checks


def _problem(view: str, check: CameraCheck, depth: float, whole: RigEstimate) -> tuple[str, bool]:
    """What speaks against a camera, as a sentence for whoever may walk through the room (empty: nothing), and whether
    it contradicts the others."""
    other = _partner(view, whole)
    both = f'walk where both {view} and {other} look'
    if check.sightings < LEAST_SIGHTINGS:
        seen = f'{check.sightings} of the {LEAST_SIGHTINGS} times that it takes'
        return f'{view} saw somebody together with another camera at {seen}: {both}.', False
    if not check.motion > LEAST_MOTION:
        return f'Whoever {view} saw stood still: walk through all that {view} sees.', False
    if not check.miss < LARGEST_MISS or not check.seen >= LEAST_SEEN:
        return (
            f'{view} does not see people where the other cameras see them: does it move, or lag behind them? '
            f'One person, {both}.'
        ), True
    turn, distance = math.degrees(check.error[1]), check.error[0]
    if not (distance < LARGEST_PLACE_ERROR * depth and check.error[1] < LARGEST_TURN_ERROR):
        known = f'{distance:.2f} m and {turn:.0f} degrees'
        return f'{view} saw people in too few places, it is known to {known} only: walk all over what it sees.', False
    if not (check.halves[0] < LARGEST_SHIFT * depth and check.halves[1] < LARGEST_TURN):
        apart = f'{check.halves[0]:.2f} m and {math.degrees(check.halves[1]):.0f} degrees'
        return f'Two halves of the times differ about {view} by {apart}: does it move? If not, {both}.', True
    if not check.focal_error < LARGEST_FOCAL_ERROR:
        known = f'to {100 * check.focal_error:.0f} % only'
        more = both if len(whole.views) > 2 else 'let a third camera see the same people'  # two hardly tell it
        return f'The focal length of {view} is known {known}: give its camera_info, or {more}.', False
    return '', False


def _times(stamps: Iterable[int]) -> int:
    """How many of these stamps [ns] are far enough apart to count."""
    count, last = 0, -math.inf
    for stamp in sorted(stamps):
        if stamp - last >= 1e9 * APART:
            count, last = count + 1, stamp
    return count


def _badness(check: CameraCheck) -> tuple[float, ...]:
    """Larger: fails first. Cameras with the fewest sightings, then those that fit worst."""
    terms = (check.miss / LARGEST_MISS, check.halves[1] / LARGEST_TURN, check.error[1] / LARGEST_TURN_ERROR)
    return (float(check.sightings < LEAST_SIGHTINGS), max((t for t in terms if math.isfinite(t)), default=math.inf))


def _alone(view: str, sightings: Sequence[Sighting]) -> str:
    """Why a camera is tied to no other one."""
    busy = sum(bool(len(sighting.views[view])) for sighting in sightings if view in sighting.views)
    if not any(view in sighting.views for sighting in sightings):
        return f'{view} sent no images: check its topic.'
    if not busy:
        return f'{view} saw nobody yet: walk in front of it.'
    return f'{view} never saw the same person as another camera: walk where it and another camera look at once.'


def _partner(view: str, whole: RigEstimate) -> str:
    """The camera that shares the most people with a view."""
    v = whole.views.index(view)
    counts = np.zeros(len(whole.views))
    for person in whole.shared:
        if v in person.views:
            counts[[other for other in person.views if other != v]] += 1
    counts[v] = -1
    return whole.views[int(counts.argmax())]


def _halves(
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


def _motion(whole: RigEstimate, v: int) -> float:
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


def _distances(whole: RigEstimate) -> np.ndarray:
    """(V,) median distance of each camera from the people that it sees [m]; 0: it shares none with another."""
    far = np.linalg.norm(
        whole.adjusted.points[whole.observed.point] - whole.cameras.poses[whole.observed.view, :3, 3], axis=-1
    )
    own = [whole.observed.view == v for v in range(len(whole.views))]
    return np.array([np.median(far[mine]) if mine.any() else 0.0 for mine in own])


def _seen(whole: RigEstimate, sightings: Sequence[Sighting]) -> np.ndarray:
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
