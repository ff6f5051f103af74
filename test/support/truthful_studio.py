"""A stand-in for the network that knows the truth: images carry their camera and time, the rest is computed.

The studio is an empty box-shaped room with a ring of cameras. What a trained network would read from pixels, the
stand-in computes from (camera, time), with noise that depends on the image alone, in a gauge and a scale of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from chromm_ros.body.model import BodyModel
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import MAX_PEOPLE, FrameFeatures, ImageSet, ViewImage
from chromm_ros.geometry.cameras import invert_rigid, pixel_rays, project, transform
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.network import Calibration, PeopleEstimates, SceneGeometry
from chromm_ros.skeleton import HEAD

WIDTH, HEIGHT = 64, 48
GRID = (24, 32)
"""(h, w) of the point maps."""
INTRINSICS = np.array([[44.0, 0, 32], [0, 44.0, 24], [0, 0, 1]])
ROOM = np.array([[-5.0, -5.0, 0.0], [5.0, 5.0, 3.0]])
TOKEN = 16
BODY = BodyModel.load()
UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""World (z up) from body (y up)."""

Path = Callable[[float], 'np.ndarray | None']
"""Seconds to the head (3,) [m]; None: not in the room."""


def seconds(stamp: int) -> float:
    return stamp * 1e-9


def nanoseconds(time: float) -> int:
    return round(time * 1e3) * 10**6


def ring(views: int, radius: float = 4.0, height: float = 2.2) -> np.ndarray:
    """(V, 4, 4) cameras around the room that look at its middle."""
    poses = np.tile(np.eye(4), (views, 1, 1))
    for view, angle in enumerate(2 * np.pi * np.arange(views) / views + 0.3):
        centre = np.array([radius * np.cos(angle), radius * np.sin(angle), height])
        forward = np.array([0, 0, 1.0]) - centre
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        poses[view, :3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
        poses[view, :3, 3] = centre
    return poses


def standing(x: float, y: float) -> Path:
    return lambda time: np.array([x, y, 1.6])


def circling(radius: float, phase: float, speed: float = 0.8) -> Path:
    def path(time: float) -> np.ndarray:
        angle = phase + speed * time / radius
        return np.array([radius * np.cos(angle), radius * np.sin(angle), 1.6])

    return path


@dataclass
class Studio:
    """The truth."""

    people: Sequence[Path]
    rig: np.ndarray = field(default_factory=lambda: ring(4))
    """(V, 4, 4)"""
    same_looks: bool = False
    """Everybody wears a uniform: tokens and shapes say nothing."""
    travel: Path = lambda time: np.zeros(3)
    """How far the whole rig has moved."""

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(f'camera{number}' for number in range(len(self.rig)))

    def images(
        self,
        time: float,
        without: Collection[str] = (),
        calibrated: bool = True,
        rig: np.ndarray | None = None,
        order: Sequence[int] | None = None,
    ) -> ImageSet:
        """The image set of one time. ``rig``: poses (V, 4, 4) that the cameras claim to have; None: none is known."""
        views = {}
        for number in range(len(self.rig)) if order is None else order:
            name = self.views[number]
            if name not in without:
                pose = None if rig is None else rig[number]
                intrinsics = INTRINSICS if calibrated else None
                views[name] = ViewImage(_picture(number, time), nanoseconds(time), intrinsics, pose)
        return ImageSet(nanoseconds(time), views)

    def cameras(self, numbers: Sequence[int], times: Sequence[float]) -> np.ndarray:
        """(N, 4, 4) world_from_camera of some cameras at some times."""
        poses = self.rig[list(numbers)].copy()
        poses[:, :3, 3] += np.stack([self.travel(time) for time in times])
        return poses

    def heads(self, time: float) -> np.ndarray:
        """(K, 3) of everybody, NaN for who is not in the room [m]."""
        places = [path(time) for path in self.people]
        return np.array([np.full(3, np.nan) if place is None else place for place in places]).reshape(-1, 3)


@dataclass
class TruthfulNetwork:
    """Behaves like Chromm for the images of a studio."""

    studio: Studio
    noise: float = 0.0
    """Relative noise of depth; heads in the image get half of it in units of the focal length."""
    metric_error: float = 1.0
    """Its metre is this many metres."""
    gauge: str = 'studio'
    """``studio``: the true frame; ``random``: another frame in every pass; with ``scale`` also another unit."""
    wobble: float = 0.0
    """The same for errors that the same image has anew in every pass."""
    level_gauge: bool = False
    places_cameras: bool = True
    decoder_window: int | None = None
    errors: EstimateErrors = field(default_factory=EstimateErrors)
    max_people: int = MAX_PEOPLE
    memory: int = 1000
    """Rows that fit into the device."""
    conditions_on_intrinsics: bool = True
    conditions_on_poses: bool = False
    encoded: int = 0
    decoded: int = 0
    broken: Callable[[float], bool] = lambda time: False
    """Times at which it gives NaN."""
    blind: Collection[tuple[int, int]] = ()
    """(camera, person) that it never detects."""
    misplaced: np.ndarray | None = None
    """(V, 4, 4) what it always gets wrong about each camera: seen pose = true pose @ this."""
    phantoms: Mapping[int, np.ndarray] = field(default_factory=dict)
    """camera -> head (3,) of somebody whom this camera alone always sees, and who is not there."""

    def prepare(self, images: Sequence[np.ndarray]) -> Sequence[Any]:
        return [None] * len(images)

    def encode(
        self,
        images: Sequence[np.ndarray],
        scene_size: tuple[int, int] | None = None,
        before: Sequence[FrameFeatures | None] | None = None,
        prepared: Sequence[Any] | None = None,
    ) -> FrameFeatures:
        self.encoded += len(images)
        codes = torch.tensor([_read(image) for image in images], dtype=torch.float64)[:, None]
        sizes = tuple(image.shape[:2] for image in images)
        return FrameFeatures(codes, tuple(codes), sizes, scene_size or sizes[0])

    def decode(
        self,
        features: FrameFeatures,
        calibration: Calibration | None = None,
        heads_on: Sequence[int] | None = None,
        with_confidence: bool = False,
        memory: Sequence[torch.Tensor] | None = None,
    ) -> SceneGeometry:
        if len(features) > self.memory:
            raise torch.OutOfMemoryError('no memory left')
        self.decoded += 1
        codes = features.take(range(len(features)) if heads_on is None else heads_on).scene[:, 0]
        poses = self.studio.cameras(codes[:, 0].int().tolist(), codes[:, 1].tolist())
        depth = np.stack([_room_depth(pose) for pose in poses])
        if self.misplaced is not None:
            poses = poses @ self.misplaced[codes[:, 0].int().tolist()]
        if self.noise:
            depth *= 1 + self.noise * np.stack([_waves(code) for code in codes.numpy()])
        if self.wobble:
            passed = np.stack([codes[:, 0].numpy(), codes[:, 1].numpy() + 100.0 * self.decoded], 1)
            depth *= 1 + self.wobble * np.stack([_waves(code) for code in passed])
        unit, gauge = self._gauge()
        points = np.concatenate([_rays() * depth[..., None], depth[..., None]], -1) / unit
        if any(self.broken(float(time)) for time in codes[:, 1]):
            points = points * np.nan
            poses = poses * np.nan
        return SceneGeometry(
            local_points=torch.as_tensor(points, dtype=torch.float32),
            confidence=torch.ones(points.shape[:3]) if with_confidence else None,
            world_from_camera=torch.as_tensor(gauge.apply_poses(poses)),
            intrinsics=torch.as_tensor(np.broadcast_to(INTRINSICS, (len(poses), 3, 3)).copy()),
            human_mask=torch.zeros(points.shape[:3], dtype=torch.bool),
            metric_scale=torch.tensor(1.0),
            tokens=torch.full((len(poses), 1, 1), unit, dtype=torch.float64),
            scene_size=GRID,
        )

    def people(self, features: FrameFeatures, geometry: SceneGeometry) -> PeopleEstimates[torch.Tensor]:
        unit = float(geometry.tokens[0, 0, 0])
        rows = [self._person_rows(code, unit) for code in features.scene[:, 0].numpy()]
        arrays = {name: torch.as_tensor(np.stack([row[name] for row in rows])) for name in rows[0]}
        return PeopleEstimates(**arrays, intrinsics=geometry.intrinsics)

    def _gauge(self) -> tuple[float, Similarity]:
        """Metres per unit of this pass, and its frame from the world."""
        random = np.random.default_rng(self.decoded)
        unit = self.metric_error * (np.exp(random.normal(0, 0.2)) if self.gauge == 'scale' else 1.0)
        if self.gauge == 'studio':
            return unit, Similarity(np.asarray(1 / unit), np.eye(3), np.zeros(3))
        turn = Rotation.random(random_state=self.decoded).as_matrix()
        return unit, Similarity(np.asarray(1 / unit), turn, random.normal(size=3))

    def _person_rows(self, code: np.ndarray, unit: float) -> dict[str, np.ndarray]:
        """The people of one image."""
        camera, time = int(code[0]), float(code[1])
        fields = _nobody(self.max_people)
        camera_from_world = invert_rigid(self.studio.cameras([camera], [time])[0])
        row = 0
        heads = [*self.studio.heads(time), *([self.phantoms[camera]] if camera in self.phantoms else [])]
        for person, head in enumerate(heads):
            if np.isnan(head).any() or (camera, person) in self.blind:
                continue
            betas, pose = looks(person, self.studio.same_looks)
            local = transform(camera_from_world, head)
            joints = canonical(betas, pose)
            rotation = camera_from_world[:3, :3] @ UPRIGHT
            pixel = project(local[None], INTRINSICS)[0]
            if local[2] < 0.3 or not (0 < pixel[0] < WIDTH and 0 < pixel[1] < HEIGHT):
                continue
            fields['found'] += 1
            if row == self.max_people:
                continue
            random = _random(code, f'person {person}')
            depth = local[2] * (1 + self.noise * random.normal())
            seen = pixel + 0.5 * self.noise * INTRINSICS[0, 0] * random.normal(size=2) * 0.2
            ray = np.linalg.solve(INTRINSICS, [*seen, 1.0])
            pelvis = local + (joints[0] - joints[HEAD]) @ rotation.T
            clothes = 'uniform' if self.studio.same_looks else f'token {person}'
            token = _random(np.zeros(2), clothes).normal(size=TOKEN)
            fields['valid'][row], fields['score'][row] = True, 0.9
            fields['token'][row] = token + 0.05 * random.normal(size=TOKEN)
            fields['head_px'][row], fields['pelvis_px'][row] = seen, project(pelvis[None], INTRINSICS)[0]
            fields['pose'][row], fields['betas'][row], fields['root_rotation'][row] = pose, betas, rotation
            fields['head'][row] = ray * depth / unit
            fields['canonical_joints'][row] = joints
            row += 1
        return fields


def looks(person: int, same: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Shape (10,) and pose (52, 3, 3) of a person."""
    betas = np.zeros(10) if same else np.random.default_rng(person).normal(0, 0.8, 10)
    return betas, np.tile(np.eye(3), (52, 1, 1))


def canonical(betas: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(55, 3) joints with the pelvis at the origin."""
    key = betas.tobytes()
    if key not in _CANONICAL:
        theta = torch.as_tensor(pose, dtype=torch.float32)
        _CANONICAL[key] = BODY.joints(torch.as_tensor(betas, dtype=torch.float32), theta).numpy().astype(float)
    return _CANONICAL[key]


_CANONICAL: dict[bytes, np.ndarray] = {}


def _nobody(m: int) -> dict[str, np.ndarray]:
    return {
        'valid': np.zeros(m, bool),
        'found': np.zeros((), int),
        'score': np.zeros(m),
        'token': np.zeros((m, TOKEN)),
        'head_px': np.zeros((m, 2)),
        'pelvis_px': np.zeros((m, 2)),
        'pose': np.tile(np.eye(3), (m, 52, 1, 1)),
        'betas': np.zeros((m, 10)),
        'root_rotation': np.tile(np.eye(3), (m, 1, 1)),
        'head': np.zeros((m, 3)),
        'canonical_joints': np.zeros((m, 55, 3)),
    }


def _picture(camera: int, time: float) -> np.ndarray:
    """An image whose first pixels say who took it when."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    image[0, 0, 0] = camera
    image[0, 1:3].flat[:4] = np.frombuffer(np.uint32(round(time * 1e3)).tobytes(), np.uint8)
    return image


def _read(image: np.ndarray) -> tuple[float, float]:
    """(camera, seconds) of an image."""
    return float(image[0, 0, 0]), int(np.frombuffer(image[0, 1:3].tobytes()[:4], np.uint32)[0]) * 1e-3


def _random(code: np.ndarray, what: str) -> np.random.Generator:
    """Noise that depends on the image alone."""
    return np.random.default_rng([int(code[0]), round(float(code[1]) * 1e3), *what.encode()])


def _waves(code: np.ndarray) -> np.ndarray:
    """(h, w) smooth error of unit size, as networks make it."""
    coarse = _random(code, 'depth').normal(size=(3, 4))
    y, x = (np.linspace(0, size - 1, length) for size, length in zip(coarse.shape, GRID))
    return map_coordinates(coarse, np.meshgrid(y, x, indexing='ij'), order=1)


def _rays() -> np.ndarray:
    """(h, w, 2) tangents of the point maps."""
    scaled = INTRINSICS.copy()
    scaled[:2] *= GRID[1] / WIDTH
    return pixel_rays(scaled, *GRID)


def _room_depth(pose: np.ndarray) -> np.ndarray:
    """(h, w) depth of the walls, the floor and the ceiling."""
    tangents = _rays()
    directions = np.concatenate([tangents, np.ones((*GRID, 1))], -1) @ pose[:3, :3].T
    with np.errstate(divide='ignore'):
        hits = np.where(directions > 0, ROOM[1] - pose[:3, 3], ROOM[0] - pose[:3, 3]) / directions
    return hits.min(-1)
