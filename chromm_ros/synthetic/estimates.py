"""What a network would say of a scene, without a network: the truth, seen by each view, with every kind of error.

It tests tracking, association, fusion and scale where the answer is known and each error can be turned up alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import roma
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.cameras import invert_rigid, project, transform, unproject
from chromm_ros.synthetic.world import Truth


@dataclass(frozen=True)
class Errors:
    """Standard deviations and probabilities; all 0: perfect estimates of clearly different people."""

    head: float = 0.0
    """Direction of a detected head [rad]."""
    pelvis: float = 0.0
    """The same of a detected pelvis [rad]."""
    depth: float = 0.0
    """Depth, as a part of it, new in every image."""
    depth_bias: float = 0.0
    """Depth, as a part of it, the same for a person in a view at all times."""
    rotation: float = 0.0
    """Root rotation [rad]."""
    rotation_bias: float = 0.0
    """The same, constant for a person in a view."""
    pose: float = 0.0
    """Each rotation of the pose [rad]."""
    pose_bias: float = 0.0
    """The same, constant for a person in a view."""
    betas: float = 0.0
    """Shape."""
    token: float = 0.0
    """Head token, as a part of the distance between different people."""
    uniform: float = 0.0
    """How alike the tokens of different people are: 1: clones in uniform."""
    camera_rotation: float = 0.0
    """Orientation of a camera, constant [rad]."""
    camera_position: float = 0.0
    """Position of a camera, constant [m]."""
    scale: float = 1.0
    """Scale of the scene (depths and camera positions) over the true one; bodies keep their size."""
    dropout: float = 0.0
    """Probability that a visible person is not detected."""
    outlier: float = 0.0
    """Probability that a detection is 1.5 to 3 times as deep as it should be."""
    swap: float = 0.0
    """Probability, per image, that two people have each other's tokens."""
    duplicate: float = 0.0
    """Probability that a person is detected twice."""
    occlusion: float = 0.0
    """Angle around a nearer head within which a head is not detected [rad]."""


@dataclass(frozen=True)
class Stage:
    """True people and cameras over time."""

    truth: Truth
    intrinsics: np.ndarray  # (V, 3, 3) [px]
    world_from_camera: np.ndarray  # (V, T, 4, 4)
    image_size: tuple[int, int]  # width, height [px]
    times: np.ndarray  # (T,) [s]


@dataclass(frozen=True)
class Estimates:
    """Simulated estimates and what is true of them."""

    people: ViewPeople
    person: np.ndarray
    """(V, T, M) true person of every detection; -1: no detection."""
    stage: Stage


def simulate(stage: Stage, errors: Errors, seed: int, body: BodyModel, token_width: int = 64) -> Estimates:
    """Per-view estimates of the people whose heads are inside the image, in random order."""
    rng = np.random.default_rng(seed)
    truth, views = stage.truth, len(stage.intrinsics)
    steps, count = truth.present.shape
    shape = (views, steps, count)
    camera_from_world = invert_rigid(stage.world_from_camera)
    intrinsics = np.repeat(stage.intrinsics[:, None], steps, 1)
    head = transform(camera_from_world, np.broadcast_to(truth.head, (*shape, 3)))
    pelvis = transform(camera_from_world, np.broadcast_to(truth.pelvis, (*shape, 3)))
    focal = stage.intrinsics[:, 0, 0, None, None, None]
    head_px = project(head, intrinsics)
    seen = _visible(truth, head, head_px, stage.image_size, errors, rng)
    head_px = head_px + errors.head * focal * rng.normal(size=(*shape, 2))
    pelvis_px = project(pelvis, intrinsics) + errors.pelvis * focal * rng.normal(size=(*shape, 2))
    depth = head[..., 2] * np.exp(
        errors.depth * rng.normal(size=shape) + errors.depth_bias * rng.normal(size=(views, 1, count))
    )
    depth *= np.where(rng.random(shape) < errors.outlier, rng.uniform(1.5, 3.0, shape), 1.0) * errors.scale
    pose = truth.pose[None] @ _turns(rng, errors.pose, errors.pose_bias, (*shape, 52))
    root = camera_from_world[:, :, None, :3, :3] @ truth.root_rotation[None]
    root = root @ _turns(rng, errors.rotation, errors.rotation_bias, shape)
    betas = truth.betas[None] + errors.betas * rng.normal(size=(*shape, 10))
    columns = {
        'score': rng.uniform(0.5, 1.0, shape),
        'token': _tokens(shape, token_width, errors, rng),
        'head_px': head_px,
        'pelvis_px': pelvis_px,
        'pose': pose,
        'betas': betas,
        'root_rotation': root,
        'head': unproject(head_px, depth, intrinsics),
        'canonical_joints': _canonical(betas, pose, body),
    }
    rows, person = _shuffled(seen, errors.duplicate, rng)
    padded = {name: _padded(values, rows, person) for name, values in columns.items()}
    people = ViewPeople(
        valid=person >= 0,
        intrinsics=intrinsics,
        world_from_camera=_perturbed(stage.world_from_camera, errors, rng),
        given=np.full((views, steps), errors.camera_position == errors.camera_rotation == 0),
        seen=np.ones((views, steps), bool),
        times=stage.times,
        **padded,
    )
    return Estimates(people, person, stage)


def crowd(
    views: int,
    steps: int,
    people: int,
    seed: int,
    body: BodyModel,
    interval: float = 0.1,
    spread: float = 3.0,
    alike: float = 0.0,
) -> Stage:
    """People who wander on an open floor within ``spread`` metres, in a ring of cameras that look at its middle.

    Arms and legs swing, and everybody keeps an own shape. ``alike`` is how much all do the same: 0 nothing, 1 all.
    """
    rng = np.random.default_rng(seed)
    times = interval * np.arange(steps)
    places = _apart(rng, people, spread)[None] + np.cumsum(_wander(rng, times, people), 0)
    heading = rng.uniform(0, 2 * np.pi, people) + 0.5 * np.sin(times[:, None] + rng.uniform(0, 6, people))
    root = _facing(heading)
    own, common = (_swing(rng, times, count) for count in (people, 1))
    angles = (1 - alike) * own + alike * common
    angles[..., 21:, :] *= 0.3  # hands and jaw
    pose = roma.rotvec_to_rotmat(torch.from_numpy(angles)).numpy()
    betas = np.broadcast_to(np.clip(rng.normal(size=(people, 10)), -2, 2), (steps, people, 10)).copy()
    joints = _joints(body, betas, pose, root)
    joints[..., :2] += places[:, :, None]
    joints[..., 2] -= joints[..., 2].min(-1, keepdims=True)  # the lowest joint stands on the floor
    truth = Truth(betas, pose, root, joints, np.ones((steps, people), bool))
    size = (640, 480)
    intrinsics = np.array([[450.0, 0, 320], [0, 450, 240], [0, 0, 1]])
    poses = np.repeat(_ring(rng, views, 2.0 * spread)[:, None], steps, 1)
    return Stage(truth, np.repeat(intrinsics[None], views, 0), poses, size, times)


def _visible(
    truth: Truth,
    head: np.ndarray,
    head_px: np.ndarray,
    size: tuple[int, int],
    errors: Errors,
    rng: np.random.Generator,
) -> np.ndarray:
    """(V, T, K) detected: present, in the image, not behind another head, not missed."""
    inside = (head[..., 2] > 0.1) & (head_px > 0).all(-1) & (head_px < size).all(-1) & truth.present
    direction = head / np.linalg.norm(head, axis=-1, keepdims=True)
    close = direction @ direction.swapaxes(-1, -2) > np.cos(errors.occlusion)
    nearer = head[..., None, :, 2] < head[..., :, None, 2]
    hidden = (close & nearer & truth.present[..., None, :]).any(-1) if errors.occlusion > 0 else False
    return inside & ~hidden & (rng.random(inside.shape) >= errors.dropout)


def _turns(rng: np.random.Generator, noise: float, bias: float, shape: tuple[int, ...]) -> np.ndarray:
    """(V, T, K, ..., 3, 3) random rotations: noise in every image, bias constant over time."""
    constant = (shape[0], 1, *shape[2:])
    vectors = noise * rng.normal(size=(*shape, 3)) + bias * rng.normal(size=(*constant, 3))
    return roma.rotvec_to_rotmat(torch.from_numpy(vectors)).numpy()


def _tokens(shape: tuple[int, ...], width: int, errors: Errors, rng: np.random.Generator) -> np.ndarray:
    """(V, T, K, D): who it is, a part that depends on the view, and noise; different people are about 20 apart."""
    views, steps, count = shape
    size = 20 / np.sqrt(2 * width)
    identity = (1 - errors.uniform) * rng.normal(size=(count, width))
    view = 0.5 * rng.normal(size=(views, 1, 1, width))
    token = size * (identity + view + errors.token * rng.normal(size=(*shape, width)))
    swapped = rng.random((views, steps)) < errors.swap
    if count > 1 and swapped.any():
        first = rng.integers(0, count, (views, steps))
        second = (first + rng.integers(1, count, (views, steps))) % count
        v, t = np.nonzero(swapped)
        a, b = first[swapped], second[swapped]
        token[v, t, a], token[v, t, b] = token[v, t, b], token[v, t, a].copy()
    return token.astype(np.float32)


def _canonical(betas: np.ndarray, pose: np.ndarray, body: BodyModel) -> np.ndarray:
    return _joints(body, betas, pose, np.broadcast_to(np.eye(3), (*betas.shape[:-1], 3, 3)))


def _joints(body: BodyModel, betas: np.ndarray, pose: np.ndarray, root: np.ndarray) -> np.ndarray:
    """(..., 55, 3) with the pelvis at the origin [m]."""
    with torch.inference_mode():
        return body.joints(*(torch.from_numpy(array.astype(np.float32)) for array in (betas, pose, root))).numpy()


def _perturbed(world_from_camera: np.ndarray, errors: Errors, rng: np.random.Generator) -> np.ndarray:
    """Cameras as estimated: each turned and moved by a constant, all positions scaled."""
    views = len(world_from_camera)
    poses = world_from_camera.copy()
    poses[..., :3, :3] = poses[..., :3, :3] @ _turns(rng, errors.camera_rotation, 0.0, (views, 1))
    poses[..., :3, 3] += errors.camera_position * rng.normal(size=(views, 1, 3))
    poses[..., :3, 3] *= errors.scale
    return poses


def _shuffled(
    seen: np.ndarray, duplicate: float, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Places (view, step, slot) and person of all detections, each image in random order.

    Returns:
        indices of the detections in (V, T, M); person (V, T, M), -1 where there is none.
    """
    twice = np.concatenate([seen, seen & (rng.random(seen.shape) < duplicate)], -1)
    order = np.where(twice, rng.random(twice.shape), np.inf).argsort(-1)
    detections = int(twice.sum(-1).max(initial=0))
    taken = np.take_along_axis(twice, order, -1)[..., :detections]
    person = np.where(taken, order[..., :detections] % max(seen.shape[-1], 1), -1)
    return np.nonzero(taken), person


def _padded(values: np.ndarray, rows: tuple[np.ndarray, ...], person: np.ndarray) -> np.ndarray:
    """(V, T, K, ...) as the detections (V, T, M, ...); zeros where there is none."""
    result = np.zeros((*person.shape, *values.shape[3:]), values.dtype)
    view, step, _ = rows
    result[rows] = values[view, step, person[rows]]
    return result


def _apart(rng: np.random.Generator, people: int, spread: float) -> np.ndarray:
    """(K, 2) places on a disc [m], each the farthest of some candidates from all before it."""
    places = np.zeros((0, 2))
    for _ in range(people):
        angle, radius = rng.uniform(0, 2 * np.pi, 30), spread * np.sqrt(rng.uniform(0, 1, 30))
        candidates = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
        distance = np.linalg.norm(candidates[:, None] - places, axis=-1).min(-1, initial=np.inf)
        places = np.concatenate([places, candidates[distance.argmax()][None]])
    return places


def _wander(rng: np.random.Generator, times: np.ndarray, people: int) -> np.ndarray:
    """(T, K, 2) steps [m]: everybody walks on a circle of their own at up to 1 m/s."""
    speed, turn, phase = rng.uniform(0, 1, people), rng.uniform(-1, 1, people), rng.uniform(0, 2 * np.pi, people)
    angle = phase + turn * times[:, None]
    step = np.diff(times, prepend=times[:1])[:, None]
    return (step * speed)[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)


def _swing(rng: np.random.Generator, times: np.ndarray, people: int) -> np.ndarray:
    """(T, K, 52, 3) axis-angle vectors of a pose that swings, mostly forward and backward."""
    phase, size = rng.uniform(0, 6, (people, 52, 3)), rng.uniform(0, 0.5, (people, 52, 3))
    return np.sin(4 * times[:, None, None, None] + phase) * size * np.array([1.0, 0.5, 0.5])


def _facing(heading: np.ndarray) -> np.ndarray:
    """(..., 3, 3) world from body for upright people (body: y up, z front) who face ``heading`` [rad about z]."""
    cos, sin, zero = np.cos(heading), np.sin(heading), np.zeros_like(heading)
    columns = [[-sin, cos, zero], [zero, zero, zero + 1], [cos, sin, zero]]
    return np.moveaxis(np.array(columns), (0, 1), (-1, -2))


def _ring(rng: np.random.Generator, views: int, radius: float) -> np.ndarray:
    """(V, 4, 4) cameras around the origin, 2 to 3 m high, that look at people's chests."""
    angle = 2 * np.pi * (np.arange(views) + rng.uniform(-0.2, 0.2, views)) / views
    centre = np.stack([radius * np.cos(angle), radius * np.sin(angle), rng.uniform(2, 3, views)], -1)
    forward = np.array([0, 0, 1.0]) - centre
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0.0, 0, 1])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    poses = np.tile(np.eye(4), (views, 1, 1))
    poses[:, :3] = np.stack([right, np.cross(forward, right), forward, centre], -1)
    return poses
