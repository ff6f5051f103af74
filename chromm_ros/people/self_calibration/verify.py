"""Whether a rig that people gave may be trusted, camera by camera, and what is missing where not.

A rig from a few instants may be plainly wrong and fit them well. So each camera needs people at several times, must
stand at the same place by either half of the times, be known well enough by the geometry, and see most of the people
whom the others say that it should see. A camera that fails is left out, and the rest is estimated without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chromm_ros.geometry.similarity import Similarity, align_rigs
from chromm_ros.people.self_calibration.encounters import Encounters
from chromm_ros.people.self_calibration.estimate import FOCAL_NOISE, CameraPrior, RigEstimate, estimate
from chromm_ros.people.self_calibration.evidence import (
    distances,
    drifts,
    fitting_lenses,
    half_differences,
    lateness,
    motion,
    rig_distances,
    spaced_times,
)
from chromm_ros.people.self_calibration.level import Level, find_level
from chromm_ros.people.self_calibration.sightings import Sighting

LEAST_SIGHTINGS = 6
"""Times at which a camera must see somebody together with another one."""

LARGEST_TURN, LARGEST_SHIFT = math.radians(4.0), 0.08
"""By which the two halves may differ about a camera: angle, and distance as a part of that to the people."""

LARGEST_TURN_ERROR, LARGEST_PLACE_ERROR = math.radians(3.0), 0.08
"""Standard deviations by the geometry up to which a camera is known well enough; the second as a part likewise."""

GIVEN_SHIFT = 0.1
"""By which given cameras may stand elsewhere than people say, as a part of the distance between them."""

WRONG_LENS = (0.2, 2.5)
"""By which the focal length that fits may differ from a given one: as a part of it, and standard deviations."""

SURE_LENS = (0.2, 0.5)
"""The same up to which people tell that a lens is right: the difference, and with two standard deviations more."""

LARGEST_DELAY = (0.05, 1.2)
"""By how much a camera may lag behind the others [s], and standard deviations of it."""

LARGEST_FOCAL_ERROR = 0.13
"""The same of a focal length that was found, as a part of it."""

LEAST_SEEN = 0.5
"""Part of the people due in a camera that it must see; others are hidden by something, or the camera is not there."""

LEAST_MOTION = 0.1
"""By how much the landmarks of the people must differ between times [m]: a rig that mistakes one standing person for
another is as steady as a true one."""

LARGEST_MISS = 0.01
"""Median angle between the rays and landmarks of a camera [rad]."""

LARGEST_DRIFT = 2.5
"""Standard deviations by which a camera may be elsewhere in a part of the time."""

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
    refuted: bool = False
    """At too many times it sees others than the place that was found says."""
    drift: float = math.nan
    """How far it is in a part of the time from where it is on the whole, in standard deviations."""
    lens: tuple[float, float] = (0.0, 0.0)
    """Logarithm of the focal length that fits best over a given one, and its standard deviation."""
    delay: tuple[float, float] = (0.0, math.nan)
    """How late it is beside the others, and the standard deviation of that [s]."""
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

    @property
    def lens_misfit(self) -> float:
        """How far the focal length that fits is from a given one, over how far it may be."""
        return abs(self.lens[0]) / max(WRONG_LENS[0], WRONG_LENS[1] * self.lens[1])

    @property
    def lens_is_told(self) -> bool:
        """Whether people say that a given focal length is about right."""
        return abs(self.lens[0]) < SURE_LENS[0] and abs(self.lens[0]) + 2 * self.lens[1] < SURE_LENS[1]

    @property
    def lag(self) -> float:
        """How late it is, over how late it may be."""
        return abs(self.delay[0]) / max(LARGEST_DELAY[0], LARGEST_DELAY[1] * self.delay[1])


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
    """Standard deviation of the scale, as a part of it; 0: two given poses or more set it."""
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
    wrong = _wrongly_given(whole, sightings, priors, limbs)
    contradictions = sum(check.contradicts for check in failed.values())
    ordered = {view: failed.get(view) or checks.get(view) or CameraCheck() for view in priors}
    if wrong:
        sentence = f'The poses that were given of {", ".join(wrong)} do not fit the people whom they see: check them.'
        return Calibration({view: replace(check, problem=sentence) for view, check in ordered.items()})
    if whole is None or contradictions >= len(whole.views):
        return Calibration({view: _refused(view, check, priors[view]) for view, check in ordered.items()})
    return _finished(whole, ordered, priors, sightings)


def _wrongly_given(
    whole: RigEstimate | None, sightings: Sequence[Sighting], priors: Mapping[str, CameraPrior], limbs: float
) -> list[str]:
    """The cameras whose given poses contradict each other: they see others than the rig says, or people tell their
    places to each other and tell other ones."""
    given = {view: prior.world_from_camera for view, prior in priors.items() if prior.world_from_camera is not None}
    if len(given) < 2:
        return []
    if whole is not None:
        met = Encounters.of(whole, sightings, limbs)
        refuted = {view for v, view in enumerate(whole.views) if met.refuted(v) or met.seen[v] < LEAST_SEEN}
        if refuted & given.keys():
            return [view for view in given if view in refuted]
    found = calibrate(sightings, {view: replace(priors[view], world_from_camera=None) for view in given}, limbs)
    views = list(found.world_from_camera)
    if len(views) < 2:
        return []
    anew, known = (np.stack([poses[view] for view in views]) for poses in (found.world_from_camera, given))
    apart, turns = rig_distances(align_rigs(anew, known).apply_poses(anew), known)
    depth = np.linalg.norm(known[:, None, :3, 3] - known[:, :3, 3], axis=-1).max()
    return views if apart.max() > GIVEN_SHIFT * depth or turns.max() > LARGEST_TURN else []


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
        0.0 if whole.cameras.known.sum() > 1 else SIZE_ERROR / math.sqrt(max(1.0, _persons(whole))),
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
    halves = half_differences(whole, sightings, priors, limbs)
    depth = distances(whole)
    met, drift = Encounters.of(whole, sightings, limbs), drifts(whole)
    lens, late = fitting_lenses(whole), lateness(whole, sightings)
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
            sightings=spaced_times(sightings[person.sighting].stamp for person in whole.shared if v in person.views),
            miss=miss,
            miss_px=miss * float(whole.cameras.adjusted_intrinsics[v, 0, 0]),
            seen=met.seen[v],
            refuted=met.refuted(v),
            drift=float(drift[v]),
            lens=(float(lens[v, 0]), float(lens[v, 1])) if priors[view].calibrated else (0.0, 0.0),
            delay=(float(late[v, 0]), float(late[v, 1])),
            motion=motion(whole, v),
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
    if check.lens_misfit > 1:
        focal = whole.cameras.adjusted_intrinsics[whole.views.index(view), 0, 0]
        fits = f'{focal * math.exp(check.lens[0]):.0f} px fits, it says {focal:.0f} px'
        return f'The focal length of {view} in its camera_info does not fit what it sees: {fits}.', True
    if not check.miss < LARGEST_MISS or not check.seen >= LEAST_SEEN or check.refuted or check.drift > LARGEST_DRIFT:
        return (
            f'{view} does not see people where the other cameras see them: does it move, or lag behind them? '
            f'One person, {both}.'
        ), True
    if check.lag > 1:
        early = 'lags behind the other cameras' if check.delay[0] > 0 else 'is ahead of the other cameras'
        return f'{view} {early} by {abs(check.delay[0]):.2f} s or more: check its clock and its driver.', True
    turn, distance = math.degrees(check.error[1]), check.error[0]
    if not (distance < LARGEST_PLACE_ERROR * depth and check.error[1] < LARGEST_TURN_ERROR):
        known = f'{distance:.2f} m and {turn:.0f} degrees'
        return f'{view} saw people in too few places, it is known to {known} only: walk all over what it sees.', False
    if not (check.halves[0] < LARGEST_SHIFT * depth and check.halves[1] < LARGEST_TURN):
        apart = f'{check.halves[0]:.2f} m and {math.degrees(check.halves[1]):.0f} degrees'
        return f'Two halves of the times differ about {view} by {apart}: does it move? If not, {both}.', True
    if not check.lens_is_told:
        return f'People say too little about the focal length of {view} to confirm its camera_info: {both}.', False
    if not check.focal_error < LARGEST_FOCAL_ERROR:
        known = f'to {100 * check.focal_error:.0f} % only'
        more = both if len(whole.views) > 2 else 'let a third camera see the same people'  # two hardly tell it
        return f'The focal length of {view} is known {known}: give its camera_info, or {more}.', False
    return '', False


def _badness(check: CameraCheck) -> tuple[float, ...]:
    """Larger: fails first. Cameras with too few sightings, then wrong lenses, then those that fit worst."""
    terms = (
        check.miss / LARGEST_MISS,
        check.halves[1] / LARGEST_TURN,
        check.error[1] / LARGEST_TURN_ERROR,
        check.drift / LARGEST_DRIFT,
        check.lag,
    )
    worst = max((t for t in terms if math.isfinite(t)), default=math.inf)
    return float(check.sightings < LEAST_SIGHTINGS), max(check.lens_misfit, 1.0), worst


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
