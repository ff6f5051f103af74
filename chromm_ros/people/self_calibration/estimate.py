"""A rig from sightings: pairs of views, a tree of the best pairs, then all cameras and landmarks together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid, transform
from chromm_ros.people.association import merge
from chromm_ros.people.self_calibration.bundle import Adjusted, Cameras, Observations, Slack, adjust
from chromm_ros.people.self_calibration.pairs import REACH, PairPose, ViewPair, relative_pose
from chromm_ros.people.self_calibration.sightings import HIPS, POINTS, PlacedPeople, Sighting

ROUNDS = 3
"""People are matched over the views and everything is adjusted this often."""

LEAST_WEIGHT = 0.5
"""Landmarks that are seen worse than this say nothing."""

ALIKE = 0.3
"""[m] the errors of landmarks repeat while a person stays within this: all such sightings count as one."""

FOCAL_NOISE, LENS_NOISE = 0.2, 0.03
"""Standard deviations of the logarithm of a guessed focal length: of all cameras with images of one size together,
and of each of them beside the others. Rigs are mostly made of one kind of camera."""

CALIBRATED_NOISE = 1e-4


@dataclass(frozen=True)
class CameraPrior:
    """What is known of a camera before people are seen."""

    intrinsics: np.ndarray  # (3, 3) [px], known or guessed
    calibrated: bool
    """The intrinsics are known."""
    world_from_camera: np.ndarray | None = None  # (4, 4); None: to be found


@dataclass(frozen=True)
class SharedPerson:
    """A person whom several views see at one time."""

    sighting: int
    views: dict[int, int]
    """Index of the view -> index in its image."""


@dataclass(frozen=True)
class RigEstimate:
    """Cameras that people tie together. The world is that of the given poses, else the frame of one camera."""

    views: tuple[str, ...]
    """Those that are tied to the others, in the order of the rig."""
    adjusted: Adjusted
    observed: Observations
    shared: tuple[SharedPerson, ...]
    repeats: np.ndarray
    """(P,) of the shared people that are in about the same place, at any time, each with itself."""

    @property
    def cameras(self) -> Cameras:
        return self.adjusted.cameras

    @property
    def poses(self) -> dict[str, np.ndarray]:
        """World_from_camera (4, 4) by view."""
        return dict(zip(self.views, self.cameras.poses))

    @property
    def landmarks(self) -> np.ndarray:
        """(P, L, 3) landmarks of the shared people, world [m]; NaN where fewer than two views saw them."""
        marks = np.full((len(self.shared), len(POINTS), 3), np.nan)
        marks[self.observed.person, self.observed.landmark] = self.adjusted.points
        return marks


def estimate(
    sightings: Sequence[Sighting],
    priors: Mapping[str, CameraPrior],
    limbs: float,
    start: Mapping[str, np.ndarray] | None = None,
    slack: tuple[float, float] | None = None,
) -> RigEstimate | None:
    """Where the cameras stand; None when no two of them see the same person.

    Args:
        sightings: at different times.
        priors: all cameras of the rig, in its order.
        limbs: see :meth:`PlacedPeople.of`.
        start: world_from_camera (4, 4) to begin with instead of the best pairs of views.
        slack: standard deviations (rad, m) of the poses that are given; None: they are exact.
    """
    placed = {view: PlacedPeople.of(sightings, view, prior.intrinsics, limbs) for view, prior in priors.items()}
    poses = _tree(placed, priors) if start is None else dict(start)
    if len(poses) < 2:
        return None
    views = tuple(view for view in priors if view in poses)
    chosen = [priors[view] for view in views]
    first = np.stack([poses[view] for view in views])
    cameras = Cameras(
        poses=first,
        intrinsics=np.stack([prior.intrinsics for prior in chosen]),
        known=np.array([prior.world_from_camera is not None for prior in chosen]),
        focal_precision=_focal_precision(chosen, [_size(sightings, view) for view in views]),
        zoom=np.zeros(len(views)),
        slack=None if slack is None else Slack(first, *slack),
    )
    result: RigEstimate | None = None
    for _ in range(ROUNDS):
        shared, places = _match(sightings, views, cameras, limbs)
        repeats = (np.linalg.norm(places[:, None] - places[None], axis=-1) < ALIKE).sum(-1)
        observed = _observations(sightings, views, shared, _worths(repeats), placed)
        if observed is None:
            return None
        result = RigEstimate(views, adjust(observed, cameras), observed, tuple(shared), repeats)
        cameras = result.cameras
    return result


def _tree(placed: Mapping[str, PlacedPeople], priors: Mapping[str, CameraPrior]) -> dict[str, np.ndarray]:
    """World_from_camera (4, 4) of the views that the pairs that agree best tie to those known, or to each other."""
    poses = {view: prior.world_from_camera for view, prior in priors.items() if prior.world_from_camera is not None}
    found: dict[tuple[str, str], PairPose] = {}
    for a, b in itertools.combinations(priors, 2):
        relative = None if a in poses and b in poses else relative_pose(ViewPair.of(placed[a], placed[b]))
        if relative is not None:
            found[a, b] = relative
    if not poses and found:
        best = max(found, key=lambda key: found[key].worth)
        poses[best[0]] = np.eye(4)
    while True:
        links = [key for key in found if (key[0] in poses) != (key[1] in poses)]
        if not links:
            return poses
        a, b = max(links, key=lambda key: found[key].worth)
        pose = found[a, b].pose  # second from first
        if a in poses:
            poses[b] = poses[a] @ invert_rigid(pose)
        else:
            poses[a] = poses[b] @ pose


def _match(
    sightings: Sequence[Sighting], views: tuple[str, ...], cameras: Cameras, limbs: float
) -> tuple[list[SharedPerson], np.ndarray]:
    """The people that at least two views see as the cameras are now, and (P, 3) about where their hips are [m]."""
    people = [
        PlacedPeople.of(sightings, view, matrix, limbs) for view, matrix in zip(views, cameras.adjusted_intrinsics)
    ]
    matches: list[list[tuple[float, tuple[int, int], tuple[int, int]]]] = [[] for _ in sightings]
    for a, b in itertools.combinations(range(len(views)), 2):
        relative = invert_rigid(cameras.poses[b]) @ cameras.poses[a]
        pair = ViewPair.of(people[a], people[b])
        for s, i, j, gain in pair.matches(relative[:3, :3], relative[:3, 3]):
            matches[s].append((REACH * (1 - gain), (a, i), (b, j)))
    shared = [SharedPerson(s, group) for s, found in enumerate(matches) for group in _grouped(found)]
    places = np.zeros((len(shared), 3))
    for n, person in enumerate(shared):
        hips = [people[v].points[person.sighting, i][list(HIPS)].mean(0) for v, i in person.views.items()]
        places[n] = transform(cameras.poses[list(person.views)], np.stack(hips)).mean(0)
    return shared, places


def _grouped(matches: list[tuple[float, tuple[int, int], tuple[int, int]]]) -> list[dict[int, int]]:
    """People {view: index in its image} from matches of two."""
    seen = sorted({end for match in matches for end in match[1:]})
    number = {end: n for n, end in enumerate(seen)}
    if not seen:
        return []
    found = merge(
        sorted((cost, number[a], number[b]) for cost, a, b in matches),
        np.array([view for view, _ in seen]),
        np.ones((len(seen), 1), bool),
    )
    groups = [dict(seen[n] for n in np.nonzero(found == group)[0]) for group in np.unique(found)]
    return [group for group in groups if len(group) > 1]


def _observations(
    sightings: Sequence[Sighting],
    views: tuple[str, ...],
    shared: Sequence[SharedPerson],
    worth: np.ndarray,
    placed: Mapping[str, PlacedPeople],
) -> Observations | None:
    """Every landmark that at least two views see, with weights times the (P,) ``worth``; None when there is none."""
    view, point, pixels, weights, distance = [], [], [], [], []
    marks = np.arange(len(POINTS))
    for number, person in enumerate(shared):
        for v, index in person.views.items():
            people = sightings[person.sighting].views[views[v]]
            view.append(np.full(len(marks), v))
            point.append(number * len(marks) + marks)
            pixels.append(people.pixels[index])
            weights.append(np.where(people.weights[index] > LEAST_WEIGHT, people.weights[index], 0) * worth[number])
            distance.append(np.linalg.norm(placed[views[v]].points[person.sighting, index], axis=-1))
    if not view:
        return None
    key, weight = np.concatenate(point), np.concatenate(weights)
    often = np.bincount(key[weight > 0], minlength=len(shared) * len(marks))
    kept = (weight > 0) & (often[key] > 1)
    if not kept.any():
        return None
    names, points = np.unique(key[kept], return_inverse=True)
    return Observations(
        np.concatenate(view)[kept],
        points,
        np.concatenate(pixels)[kept],
        weight[kept],
        np.concatenate(distance)[kept],
        names // len(marks),
        names % len(marks),
    )


def _worths(repeats: np.ndarray) -> np.ndarray:
    """(P,) factor of the weights of each shared person.

    All sightings of somebody who stays count as one in sum, but a single sighting that nothing repeats may be a wrong
    match: among each other they weigh by the square root.
    """
    shares = 1 / np.sqrt(repeats)
    return shares * (1 / repeats).sum() / max(shares.sum(), 1e-9)


def _focal_precision(priors: Sequence[CameraPrior], sizes: Sequence[tuple[int, int]]) -> np.ndarray:
    """(V, V) inverse covariance of the logarithms of the focal lengths."""
    covariance = np.diag([CALIBRATED_NOISE**2 if prior.calibrated else LENS_NOISE**2 for prior in priors])
    for a, b in itertools.product(range(len(priors)), repeat=2):
        if sizes[a] == sizes[b] and not priors[a].calibrated and not priors[b].calibrated:
            covariance[a, b] += FOCAL_NOISE**2
    return np.linalg.inv(covariance)


def _size(sightings: Sequence[Sighting], view: str) -> tuple[int, int]:
    """Of the newest image of a view, (0, 0) where it saw nobody."""
    sizes = [sighting.views[view].image_size for sighting in sightings if view in sighting.views]
    return sizes[-1] if sizes else (0, 0)
