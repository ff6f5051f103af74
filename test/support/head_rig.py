"""Detections of heads by a ring of cameras in an empty hall, drawn without images or a network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from truthful_studio import ring

from chromm_ros.estimate_errors import DetectionErrors, EstimateErrors
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.people.tracker import CameraViews, HeadDetections, IdentitySettings, Tracker

INTRINSICS = np.array([[160.0, 0, 96], [0, 160.0, 72], [0, 0, 1]])
SIZE = np.array([192.0, 144.0])
WALL = 12.0
ERRORS = EstimateErrors(direction=0.008, depth=0.125, detection=DetectionErrors(score_even=2.5))

PERIOD = 0.25
"""Time from one image set to the next [s]."""

Heads = Mapping[int, np.ndarray]
"""Person -> head (3,) [m]."""


@dataclass
class HeadRig:
    """V cameras around an empty place."""

    poses: np.ndarray = field(default_factory=lambda: ring(4, radius=4.5))
    noise: float = 1.0
    """Of directions and distances, in units of ERRORS."""
    seed: int = 0

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def cameras(self, walls: Mapping[int, float] | None = None, without: Collection[int] = ()) -> CameraViews:
        """``walls``: view -> depth [m] of what it sees in all directions."""
        views = len(self.poses)
        depth = np.full((views, 24, 32), WALL)
        for view, distance in (walls or {}).items():
            depth[view] = distance
        seen = np.array([view not in without for view in range(views)])
        sizes, error = np.tile(SIZE, (views, 1)), np.full(views, 0.01)
        return CameraViews(np.tile(INTRINSICS, (views, 1, 1)), self.poses.copy(), sizes, depth, seen, error)

    def detect(
        self,
        heads: Heads,
        missed: Collection[tuple[int, int]] = (),
        stretch: Mapping[int, float] | None = None,
        score: float = 0.995,
        ghosts: Sequence[tuple[int, np.ndarray, float]] = (),
    ) -> HeadDetections:
        """Detections of everybody by all cameras that have the head inside their image.

        Args:
            missed: (view, person) that are not detected.
            stretch: view -> factor on the distances that it estimates.
            score: of true detections.
            ghosts: (view, head, score) of detections that are nobody.
        """
        rows = [(view, head, score, person) for person, head in heads.items() for view in range(len(self.poses))]
        rows = [row for row in rows if (row[0], row[3]) not in missed]
        rows += [(view, head, certainty, 99) for view, head, certainty in ghosts]
        kept = [(*self._row(view, head, (stretch or {}).get(view, 1.0)), s, p) for view, head, s, p in rows]
        kept = [row for row in kept if row[0] >= 0]
        if not kept:
            empty = np.zeros(0)
            return HeadDetections(
                empty.astype(int), empty.astype(int), empty, np.zeros((0, 10)), np.zeros((0, 22, 3)),
                np.zeros((0, 3)), np.zeros((0, 3)), empty,
            )  # fmt: skip
        view, centre, ray, distance, certainty, person = (np.array(column) for column in zip(*kept))
        row = np.array([int((view[:n] == view[n]).sum()) for n in range(len(view))])
        looks = [_looks(int(one)) for one in person]
        betas = np.stack([one[0] for one in looks]) + 0.1 * self.noise * self.random.normal(size=(len(view), 10))
        posture = np.stack([one[1] for one in looks])
        return HeadDetections(view, row, certainty, betas, posture, centre, ray, distance)

    def _row(self, view: int, head: np.ndarray, stretch: float) -> tuple:
        pose = self.poses[view]
        local = transform(invert_rigid(pose), head)
        pixel = project(local[None], INTRINSICS)[0]
        inside = local[2] > 0.5 and (pixel > 0).all() and (pixel < SIZE).all()
        distance = np.linalg.norm(local)
        ray = local / distance + 0.5 * self.noise * ERRORS.direction * self.random.normal(size=3)
        ray /= np.linalg.norm(ray)
        distance *= stretch * (1 + 0.5 * self.noise * ERRORS.depth_noise * self.random.normal())
        return view if inside else -1, pose[:3, 3], pose[:3, :3] @ ray, distance


def _looks(person: int) -> tuple[np.ndarray, np.ndarray]:
    """Shape (10,) and joints about the head (22, 3), different for everybody, standing."""
    random = np.random.default_rng(person)
    posture = np.tile([0.0, 0.0, -0.8], (22, 1)) + [0.3, 0.3, 0.6] * random.uniform(-1, 1, (22, 3))
    posture[15] = 0
    return random.normal(size=10), posture


def times(start: float, end: float, period: float = PERIOD) -> np.ndarray:
    """Times of image sets [s], without the end."""
    return start + period * np.arange(round((end - start) / period))


def walk(start: Sequence[float], end: Sequence[float], speed: float = 0.8) -> Callable[[float], np.ndarray]:
    """From one point to another and then standing; seconds to the head (3,) [m]."""
    a, b = np.array(start, float), np.array(end, float)
    length = max(float(np.linalg.norm(b - a)), 1e-9)

    def at(time: float) -> np.ndarray:
        return a + min(speed * time / length, 1.0) * (b - a)

    return at


def tracker(**settings: object) -> Tracker:
    """A tracker that knows how the rig errs."""
    return Tracker(IdentitySettings(**settings), ERRORS)  # type: ignore[arg-type]


def published(tracked: Tracker) -> dict[int, np.ndarray]:
    """id -> head (3,) of everybody who is published."""
    return {int(tracked.tracks.id[row]): tracked.tracks.mean[row, :3] for row in tracked.published}
