"""The capture on synthetic rooms that it was never trained on, scored against their truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.evaluation.scoring import CameraScore, PeopleAtTime, PeopleScore, align_by_cameras
from chromm_ros.flow import CameraState, Human, HumanState, ImageSet, Snapshot, ViewImage
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.scene.calibration import Calibration
from chromm_ros.synthetic.in_sight import heads_in_sight
from chromm_ros.synthetic.world import Frames, World

NEAR_PX = 16.0
"""A detection belongs to a head within this distance in a picture 192 pixels wide [px]."""

START = 6.0
"""Time of a world at which the pictures begin [s]."""


@dataclass(frozen=True)
class SyntheticSettings:
    """Which rooms, how many pictures, what the capture is told."""

    seed: int = 2_000_000
    scenes: int = 20
    views: int = 4
    steps: int = 4
    interval: float = 0.2
    """Between two steps [s]."""
    extrinsics: str = 'known'
    """'known': the capture is given the camera poses; 'estimated': it finds them."""
    domain: str = 'studio'

    def __post_init__(self) -> None:
        if self.extrinsics not in ('known', 'estimated'):
            raise ValueError(f"extrinsics is {self.extrinsics!r}; it must be 'known' or 'estimated'")
        if min(self.scenes, self.views, self.steps) < 1:
            raise ValueError('scenes, views and steps must be at least 1')


@dataclass
class SyntheticScore:
    """Everything that is measured, over all scenes."""

    people: PeopleScore = field(default_factory=PeopleScore)
    cameras: CameraScore = field(default_factory=CameraScore)
    detections: np.ndarray = field(default_factory=lambda: np.zeros(3, int))
    """Heads in sight, detections of the network, and how many of these belong together."""
    pairs: np.ndarray = field(default_factory=lambda: np.zeros(3, int))
    """Pairs of detections of two views: joined rightly, joined wrongly, missed."""
    absrel: list[float] = field(default_factory=list)
    absrel_people: list[float] = field(default_factory=list)
    scale: list[float] = field(default_factory=list)
    switches: int = 0

    def summary(self) -> dict[str, Any]:
        """Numbers for a report; None where nothing was there to measure."""
        heads, found, matched = self.detections
        right, wrong, missed = self.pairs
        people = self.people.summary()
        return {
            'people': people
            | {'association_f1': _ratio(2 * right, 2 * right + wrong + missed), 'id_switches': self.switches},
            'detections': {
                'heads': int(heads),
                'recall': _ratio(matched, heads),
                'precision': _ratio(matched, found),
            },
            'cameras': self.cameras.summary(),
            'scene': {'absrel': _mean(self.absrel), 'absrel_people': _mean(self.absrel_people)},
            'scale_ratio_error': _mean([abs(np.log(ratio)) for ratio in self.scale]),
        }


@dataclass(frozen=True)
class SceneResult:
    """One scene with the snapshots that the capture made of it, for pictures."""

    frames: Frames
    snapshots: tuple[Snapshot | None, ...]


def evaluate_synthetic(
    network: Chromm, body: BodyModel, settings: SyntheticSettings, capture_settings: CaptureSettings | None = None
) -> Iterator[tuple[SceneResult, SyntheticScore]]:
    """Run and score scene by scene; the score is that of all scenes so far."""
    score = SyntheticScore()
    for number in range(settings.scenes):
        world = World.sample(settings.seed + number, settings.views, domain=settings.domain)
        frames = world.render(START + settings.interval * np.arange(settings.steps))
        capture = Capture(network, body, _told(capture_settings, settings))
        snapshots = tuple(capture.add(images) for images in image_sets(frames, settings.extrinsics == 'known'))
        score_scene(score, frames, snapshots)
        last = snapshots[-1]
        if last is not None:
            _score_network(score, network, frames, last.scale)
        yield SceneResult(frames, snapshots), score


def image_sets(frames: Frames, with_poses: bool) -> Iterator[ImageSet]:
    """What the cameras of a rig would deliver."""
    for step, time in enumerate(frames.times):
        stamp = round(time * 1e9)
        images = {
            view_name(view): ViewImage(
                pixels=frames.images[view, step],
                stamp=stamp,
                intrinsics=frames.intrinsics[view, step],
                world_from_camera=frames.world_from_camera[view, step] if with_poses else None,
            )
            for view in range(len(frames.images))
        }
        yield ImageSet(stamp, images)


def view_name(view: int) -> str:
    """Name of a camera of the synthetic rig."""
    return f'camera_{view}'


def score_scene(score: SyntheticScore, frames: Frames, snapshots: Sequence[Snapshot | None]) -> None:
    """Add the snapshots of one scene, one per step, to the score."""
    in_sight, head_px = heads_in_sight(frames)
    people = PeopleScore(score.people.gate)
    for step, snapshot in enumerate(snapshots):
        present = frames.truth.present[step]
        seen = np.any(in_sight[:, step][:, present], axis=0)
        truth = PeopleAtTime(
            np.flatnonzero(present), frames.truth.joints[step, present], frames.truth.root_rotation[step, present]
        )
        if snapshot is None:
            score.people.add(truth, _crowd([]), seen)
            continue
        observed = [human for human in snapshot.humans if human.observations and human.state is not HumanState.LOST]
        poses = estimated_poses(snapshot.cameras)
        rotation, translation = align_by_cameras(frames.world_from_camera[:, step], poses)
        estimate = _crowd(observed).moved(rotation, translation)
        score.people.add(truth, estimate, seen)
        people.add(truth, estimate, seen)
        score.cameras.add(frames.world_from_camera[:, step], poses)
        owner = _owners(
            [*observed, *snapshot.doubted], in_sight[:, step], head_px[:, step], frames.images.shape[3] / 192
        )
        score.pairs += _pairs(owner)
    score.switches += people.summary()['id_switches']


def _crowd(humans: Sequence[Human]) -> PeopleAtTime:
    return PeopleAtTime(
        np.array([human.id for human in humans], int),
        np.array([human.joints for human in humans]).reshape(-1, 55, 3),
        np.array([human.root_rotation for human in humans]).reshape(-1, 3, 3),
    )


def estimated_poses(cameras: Sequence[CameraState]) -> np.ndarray:
    """(V, 4, 4) where the capture thinks its cameras are; the origin for one that it has not placed."""
    return np.stack(
        [np.eye(4) if camera.world_from_camera is None else camera.world_from_camera for camera in cameras]
    )


def _owners(humans: Sequence[Human], in_sight: np.ndarray, head_px: np.ndarray, scale: float) -> list[dict[str, int]]:
    """Per human the person (-1: nobody) that each view's detection belongs to, one to one within a view."""
    owners: list[dict[str, int]] = [{} for _ in humans]
    for view in range(len(in_sight)):
        seen = [
            (number, observation.head_px)
            for number, human in enumerate(humans)
            for observation in human.observations
            if observation.view == view_name(view)
        ]
        for number, _ in seen:
            owners[number][view_name(view)] = -1
        visible = np.flatnonzero(in_sight[view])
        found = np.array([px for _, px in seen]).reshape(-1, 2)
        for row, column in _matched_pixels(found, head_px[view, visible], NEAR_PX * scale):
            owners[seen[row][0]][view_name(view)] = int(visible[column])
    return owners


def _matched_pixels(found: np.ndarray, heads: np.ndarray, radius: float) -> list[tuple[int, int]]:
    """One-to-one pairs of detections (D, 2) and heads (K, 2) that lie within ``radius`` [px]."""
    distance = np.linalg.norm(found[:, None] - heads[None], axis=-1)
    near = distance < radius
    pairs = zip(*linear_sum_assignment(np.where(near, distance, 1e6)))
    return [(int(row), int(column)) for row, column in pairs if near[row, column]]


def _pairs(owners: Sequence[dict[str, int]]) -> np.ndarray:
    """Right, wrong and missed pairs of detections in different views; detections of nobody do not count."""
    flat = [(human, view, who) for human, row in enumerate(owners) for view, who in row.items() if who >= 0]
    counts = np.zeros(3, int)
    for index, (human, view, who) in enumerate(flat):
        for other_human, other_view, other_who in flat[index + 1 :]:
            if view != other_view:
                joined, same = human == other_human, who == other_who
                counts += [joined and same, joined and not same, same and not joined]
    return counts


def _score_network(score: SyntheticScore, network: Chromm, frames: Frames, applied: float) -> None:
    """What the network alone makes of all images: detections; at the last step depth, and the scale of the capture.

    Args:
        applied: scale of the capture, the network's own included.
    """
    views, steps, height, width = frames.depth.shape
    images = frames.images.reshape(views * steps, height, width, 3)
    features = network.encode(list(images))
    geometry = network.decode(features, Calibration(intrinsics=frames.intrinsics.reshape(-1, 3, 3)))
    people = network.people(features, geometry).numpy()
    in_sight, head_px = (array.reshape(views * steps, *array.shape[2:]) for array in heads_in_sight(frames))
    for image in range(views * steps):
        found = people.head_px[image, people.valid[image]]
        pairs = _matched_pixels(found, head_px[image, in_sight[image]], NEAR_PX * width / 192)
        score.detections += [in_sight[image].sum(), len(found), len(pairs)]
    depth = geometry.local_points[..., 2].cpu().numpy()
    newest = depth.reshape(views, steps, *depth.shape[1:])[:, -1] * applied / float(geometry.metric_scale)
    _score_depth(score, newest, frames)


def _score_depth(score: SyntheticScore, depth: np.ndarray, frames: Frames) -> None:
    """Relative error of depth maps (V, h, w) at the last step, and how far their scale is from the best one."""
    truth = _resized(frames.depth[:, -1], depth.shape[1:])
    people = np.asarray(_resized(frames.instance[:, -1], depth.shape[1:]) > 0)
    error = np.abs(depth - truth) / np.maximum(truth, 0.1)
    score.absrel.append(float(error.mean()))
    if people.any():
        score.absrel_people.append(float(error[people].mean()))
    score.scale.append(float(_weighted_median(truth / depth, np.where(people, 0, depth / truth))))


def _resized(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Nearest entries of maps (V, H, W) on a grid of ``size``."""
    rows = ((np.arange(size[0]) + 0.5) * maps.shape[1] / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * maps.shape[2] / size[1]).astype(int)
    return maps[:, rows[:, None], columns].astype(float)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, axis=None)
    reached = weights.ravel()[order].cumsum()
    return values.ravel()[order][np.searchsorted(reached, reached[-1] / 2)]


def _told(capture_settings: CaptureSettings | None, settings: SyntheticSettings) -> CaptureSettings:
    extrinsics = 'tf' if settings.extrinsics == 'known' else 'estimated'
    return dataclasses.replace(capture_settings or CaptureSettings(), extrinsics=extrinsics)


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
