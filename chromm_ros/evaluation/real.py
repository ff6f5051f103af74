"""How well people on real cameras are captured, by what the cameras themselves say: there is no truth in 3-D.

Reprojection says how well one body explains all images; a view that is left out says how well the others predict it,
which nothing was fitted to; ids say whether people stay who they are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch

from chromm_ros.body.landmarks import AS_JOINTS, ON_JOINTS
from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import CameraState, Human, ImageSet, People, Snapshot, ViewImage, ViewPeople
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.network.outputs import PeopleEstimates
from chromm_ros.people.fusion import fuse
from chromm_ros.people.landmarks import landmarks_of
from chromm_ros.people.settings import FusionSettings

WELL_SEEN = 0.5
"""Weight of a landmark from which it is compared with."""
MEASURES = ('head', 'joints', 'landmarks', 'left_out_joints', 'left_out_landmarks')
"""What is compared with images: heads, joints of the limbs, and the landmarks that belong to these joints."""
LEAST_VIEWS = 3
"""Views of a person of which one may be left out: two are needed to place it."""


class ListeningNetwork:
    """A network whose last detections are remembered."""

    def __init__(self, network: Any):
        self._network = network
        self.detections: PeopleEstimates[np.ndarray] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def people(self, features: Any, geometry: Any) -> Any:
        estimates = self._network.people(features, geometry)
        self.detections = estimates.numpy()
        return estimates


@dataclass(frozen=True)
class _Person:
    """One of the fused people of one image set."""

    pose: np.ndarray  # (52, 3, 3)
    betas: np.ndarray  # (10,)
    root_rotation: np.ndarray  # (3, 3)
    joints: np.ndarray  # (55, 3) [m]

    @staticmethod
    def of(fused: People, column: int) -> _Person:
        return _Person(*(getattr(fused, own.name)[0, column] for own in fields(_Person)))


@dataclass
class RealScore:
    """Collects what the image sets of one run say."""

    body: BodyModel
    people: Counter[int] = field(default_factory=Counter)
    """Image sets by the number of people who were published and seen."""
    ids: Counter[int] = field(default_factory=Counter)
    """Image sets in which each id was published."""
    views: Counter[int] = field(default_factory=Counter)
    """Person and image sets by the number of views that saw the person."""
    heights: dict[int, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    errors: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """Distances [px] and at the depth of the person [m]: rows (N, 2) of head; of joints, and of the landmarks that
    belong to them, from all views and from all but the one that is compared with."""

    def add(self, snapshot: Snapshot, images: ImageSet, found: PeopleEstimates[np.ndarray], errors: Any) -> None:
        """Score a snapshot of one image set.

        Args:
            found: the detections in ``images``, a row per view in its order.
            errors: of the network.
        """
        cameras = {camera.view: camera for camera in snapshot.cameras if camera.used}
        seen = [human for human in snapshot.humans if human.observations]
        self.people[len(seen)] += 1
        self.ids.update(human.id for human in snapshot.humans)
        complete = len(cameras) == len(images.views) <= len(found.valid)  # else rows and views do not correspond
        identity = np.full((len(images.views), 1, found.valid.shape[1]), -1)
        for column, human in enumerate(seen):
            self.views[len(human.observations)] += 1
            height = float(self.body.height(torch.from_numpy(human.betas).float()))
            self.heights.setdefault(human.id, []).append(height)
            for view, row in _rows_of(human, images, found) if complete else ():
                identity[view, 0, row] = column
                camera = cameras[list(images.views)[view]]
                self._compare('head', human.head[None], found.head_px[view, row][None], camera)
                self._compare_body('', human, found, (view, row), camera)
        if found.landmarks is not None and complete:
            self._leave_out(identity, _view_people(images, found, cameras), found, cameras, errors)

    def summary(self) -> dict[str, Any]:
        """Everything as numbers; None where nothing could be measured."""
        sets = sum(self.people.values())
        return {
            'image_sets': sets,
            'people_per_set': {str(count): self.people[count] for count in sorted(self.people)},
            'ids': {str(number): self.ids[number] for number in sorted(self.ids)},
            'views_per_person': {str(count): self.views[count] for count in sorted(self.views)},
            'height_m': {str(number): round(float(np.median(own)), 3) for number, own in self.heights.items()},
            'height_spread_m': {str(number): round(float(np.std(own)), 3) for number, own in self.heights.items()},
            **{name: _distances(self.errors.get(name, [])) for name in MEASURES},
            'sets_per_second': round(sets / sum(self.seconds), 2) if self.seconds else None,
        }

    def _leave_out(
        self,
        identity: np.ndarray,
        people: ViewPeople,
        found: PeopleEstimates[np.ndarray],
        cameras: Mapping[str, CameraState],
        errors: Any,
    ) -> None:
        """Everybody whom enough views see, from all of them but one, against that one."""
        for view, name in enumerate(cameras):
            others = identity.copy()
            others[view] = -1
            left = [
                (int(row), int(identity[view, 0, row]))
                for row in np.flatnonzero(identity[view, 0] >= 0)
                if (identity == identity[view, 0, row]).sum() >= LEAST_VIEWS
            ]
            if left:
                fused = fuse(people, others, FusionSettings(), errors, self.body)
            for row, column in left:
                self._compare_body('left_out_', _Person.of(fused, column), found, (view, row), cameras[name])

    def _compare_body(
        self,
        kind: str,
        person: Human | _Person,
        found: PeopleEstimates[np.ndarray],
        place: tuple[int, int],
        camera: CameraState,
    ) -> None:
        """The joints of the limbs, and where the body has their landmarks, against the landmarks of an image."""
        if found.landmarks is not None:
            seen = found.landmarks[place][ON_JOINTS]
            good = seen[:, 2] > WELL_SEEN
            marks = landmarks_of(person, self.body)[ON_JOINTS]
            for name, points in (('joints', person.joints[AS_JOINTS]), ('landmarks', marks)):
                self._compare(kind + name, points[good], seen[good, :2], camera)

    def _compare(self, name: str, points: np.ndarray, pixels: np.ndarray, camera: CameraState) -> None:
        """Points (N, 3) of the world against where an image has them (N, 2)."""
        if camera.world_from_camera is None or camera.intrinsics is None or not len(points):
            return
        local = transform(invert_rigid(camera.world_from_camera), points)
        distance = np.linalg.norm(project(local, camera.intrinsics) - pixels, axis=-1)
        metres = distance * local[:, 2] / camera.intrinsics[0, 0]
        self.errors.setdefault(name, []).append(np.stack([distance, metres], -1)[local[:, 2] > 0])


def score_run(
    network: Any,
    body: BodyModel,
    sets: Iterable[ImageSet],
    views: Sequence[str],
    settings: CaptureSettings | None = None,
    watch: Callable[[Snapshot, ImageSet], None] | None = None,
) -> RealScore:
    """Capture ``sets`` and score every window; ``watch`` sees each with its images."""
    listening = ListeningNetwork(network)
    settings = replace(settings or CaptureSettings(), window_stride=1)
    capture = Capture(listening, body, settings, views)
    score = RealScore(body)
    for images in sets:
        started = time.perf_counter()
        snapshot = capture.add(images)
        if snapshot is not None and listening.detections is not None:
            score.seconds.append(time.perf_counter() - started)
            score.add(snapshot, images, listening.detections, network.errors)
            if watch is not None:
                watch(snapshot, images)
    return score


def switched_off(sets: Iterable[ImageSet], view: str, begin: float, seconds: float) -> Iterable[ImageSet]:
    """The image sets with one camera off for some time [s]; times count from the first set."""
    first: int | None = None
    for images in sets:
        first = images.stamp if first is None else first
        off = 0 <= (images.stamp - first) * 1e-9 - begin < seconds
        left: dict[str, ViewImage] = {name: image for name, image in images.views.items() if name != view or not off}
        if left:
            yield replace(images, views=left)


def _rows_of(human: Human, images: ImageSet, found: PeopleEstimates[np.ndarray]) -> Iterable[tuple[int, int]]:
    """View and row of the detections that a human was observed by."""
    for seen in human.observations:
        view = list(images.views).index(seen.view)
        rows = np.flatnonzero(found.valid[view])
        if len(rows):
            distance = np.linalg.norm(found.head_px[view, rows] - seen.head_px, axis=-1)
            yield view, int(rows[distance.argmin()])


def _view_people(
    images: ImageSet, found: PeopleEstimates[np.ndarray], cameras: Mapping[str, CameraState]
) -> ViewPeople:
    """The detections of one image set in front of their cameras."""
    used = [cameras[view] for view in images.views]
    count = len(used)
    return ViewPeople(
        **{name: array[:, None] for name, array in found.detections().items()},
        intrinsics=np.stack([camera.intrinsics for camera in used])[:, None],  # type: ignore[misc]
        world_from_camera=np.stack([camera.world_from_camera for camera in used])[:, None],  # type: ignore[misc]
        given=np.ones((count, 1), bool),
        seen=np.ones((count, 1), bool),
        times=np.zeros(1),
    )


def _distances(rows: Sequence[np.ndarray]) -> dict[str, float] | None:
    if not rows or not sum(map(len, rows)):
        return None
    pixels, metres = np.concatenate(rows).T
    return {
        'median_px': round(float(np.median(pixels)), 2),
        'p95_px': round(float(np.percentile(pixels, 95)), 2),
        'median_m': round(float(np.median(metres)), 4),
        'p90_m': round(float(np.percentile(metres, 90)), 4),
        'count': len(pixels),
    }
