"""People who walk through the cameras of a rig, as a network of landmarks sees them: noise, bias, rough depths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import roma
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.people.self_calibration.estimate import CameraPrior
from chromm_ros.people.self_calibration.sightings import POINTS, SeenPeople, Sighting
from chromm_ros.synthetic.estimates import Stage, crowd

BODY = BodyModel.load()
JOINTS = (16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8, 22, 23, 24, 7, 8, 10, 11)
"""The SMPL-X joint next to each landmark; heels are lowered below the ankles."""
HEEL = np.array([0.0, 0.0, -0.06])
LIMBS = 2.78
"""Of the body's mean shape [m]."""


@dataclass(frozen=True)
class Faults:
    """How a network errs. Lengths in metres at the person, angles in radians."""

    noise: float = 0.01
    bias: float = 0.015
    """Of each landmark of a person in a view, the same at all times."""
    turn_noise: float = 0.05
    turn_bias: float = 0.12
    """Of the shape that a single view gives."""
    size_noise: float = 0.04
    dropout: float = 0.05


def landmarks(stage: Stage) -> np.ndarray:
    """(T, K, L, 3) true places, world [m]."""
    marks = stage.truth.joints[..., list(JOINTS), :].copy()
    marks[..., [POINTS.index('left_heel'), POINTS.index('right_heel')], :] += HEEL
    return marks


def sightings(
    stage: Stage, seed: int, faults: Faults | None = None, marks: np.ndarray | None = None
) -> list[Sighting]:
    """What the cameras of a stage see, people of each image in random order."""
    faults = faults or Faults()
    rng = np.random.default_rng(seed)
    marks = landmarks(stage) if marks is None else marks
    views, (steps, count) = len(stage.intrinsics), marks.shape[:2]
    bias = faults.bias * rng.normal(size=(views, count, len(POINTS), 3))
    turn_bias = faults.turn_bias * rng.normal(size=(views, count, 3))
    result = []
    for t in range(steps):
        seen = {}
        for v in range(views):
            local = transform(invert_rigid(stage.world_from_camera[v, t]), marks[t] + bias[v])
            local = local + faults.noise * rng.normal(size=local.shape)
            pixels = project(local, stage.intrinsics[v])
            inside = (pixels > 0).all(-1) & (pixels < stage.image_size).all(-1) & (local[..., 2] > 0.3)
            kept = (inside.mean(-1) > 0.6) & (rng.random(count) > faults.dropout)
            order = rng.permutation(np.nonzero(kept)[0])
            turns = turn_bias[v] + faults.turn_noise * rng.normal(size=(count, 3))
            turned = np.einsum('pij,plj->pli', _rotations(turns), local - local.mean(1, keepdims=True))
            sizes = np.exp(faults.size_noise * rng.normal(size=(count, 1, 1)))
            seen[f'camera{v}'] = SeenPeople(
                pixels[order], np.where(inside, 0.9, 0.0)[order], (sizes * turned)[order], stage.image_size
            )
        result.append(Sighting(round(stage.times[t] * 1e9), seen))
    return result


def priors(stage: Stage, focal: float = 1.0, given: tuple[int, ...] = ()) -> dict[str, CameraPrior]:
    """What is known of the cameras: intrinsics with ``focal`` times the true focal length, known where that is 1."""
    known = {}
    for v, intrinsics in enumerate(stage.intrinsics):
        guess = intrinsics.copy()
        guess[[0, 1], [0, 1]] *= focal
        pose = stage.world_from_camera[v, 0] if v in given else None
        known[f'camera{v}'] = CameraPrior(guess, focal == 1.0, pose)
    return known


def walkers(views: int = 4, people: int = 2, seed: int = 0, steps: int = 16, spread: float = 2.0) -> Stage:
    """People who wander between the cameras of a ring."""
    return crowd(views, steps, people, seed, BODY, interval=0.5, spread=spread)


def errors(poses, stage):
    """Largest distance [m] and angle [deg] of cameras (by view) after the best similarity."""
    numbers = [int(view[-1]) for view in poses]
    found, true = np.stack(list(poses.values())), stage.world_from_camera[numbers, 0]
    found = align_rigs(found, true).apply_poses(found)
    traces = np.einsum('vij,vij->v', found[:, :3, :3], true[:, :3, :3])
    return (
        np.linalg.norm(found[:, :3, 3] - true[:, :3, 3], axis=-1).max(),
        np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))).max(),
    )


def _rotations(vectors: np.ndarray) -> np.ndarray:
    return roma.rotvec_to_rotmat(torch.from_numpy(vectors)).numpy()
