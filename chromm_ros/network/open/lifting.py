"""From the landmarks of one image to people in SMPL-X terms: rotations in closed form, the place by least squares.

The landmarks in metres give the rotations. The depth is where a body of ordinary height, so posed, covers the
landmarks in the image best: a child of 1.2 m is taken to be 1.4 times as far away as it is. Several views know
better (:mod:`chromm_ros.people.landmarks`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from chromm_ros.body.landmarks import (
    AS_JOINTS,
    EARS,
    LEFT_EAR,
    LEFT_HIP,
    ON_JOINTS,
    RIGHT_EAR,
    RIGHT_HIP,
    pose_from_landmarks,
)
from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import project, unproject
from chromm_ros.geometry.rotations import shortest_turn
from chromm_ros.network.open.reader import Persons
from chromm_ros.skeleton import HEAD

HEIGHT = 1.72
"""Standing height of a person of whom nothing is known [m]."""
NEAREST = 0.3
"""Least depth of a joint [m]."""
PASSES = 3
"""Times the place is computed with weights from the depths of the last time."""


@dataclass(frozen=True)
class LiftedPeople:
    """P people in the frame of their camera."""

    head_px: np.ndarray  # (P, 2)
    pelvis_px: np.ndarray  # (P, 2)
    pose: np.ndarray  # (P, 52, 3, 3)
    betas: np.ndarray  # (P, 10)
    root_rotation: np.ndarray  # (P, 3, 3) camera from body
    head: np.ndarray  # (P, 3) [m]
    canonical_joints: np.ndarray  # (P, 55, 3) [m]


class Lifter:
    """Bodies for the people of one image at a time."""

    def __init__(self, body: BodyModel):
        self._body = body
        self._betas = average_betas(body)
        self._rest = body.rest_joints(self._betas).cpu().numpy()

    def __call__(self, persons: Persons, intrinsics: np.ndarray) -> LiftedPeople:
        """People in front of a camera; ``intrinsics`` (3, 3) in pixels of the image."""
        count = len(persons)
        hips_px = persons.pixels[:, [LEFT_HIP, RIGHT_HIP]].mean(1)
        ray = unproject(hips_px[None], np.ones((1, count)), intrinsics[None])[0]
        # The network looks at everybody as if straight ahead; the person is where the ray goes.
        turn = shortest_turn(np.array([0.0, 0.0, 1.0]), ray)
        turned = persons.metres @ turn.swapaxes(-1, -2)
        found = pose_from_landmarks(turned, self._rest)
        betas = self._betas.expand(count, -1)
        with torch.inference_mode():
            pose = torch.from_numpy(found.pose.astype(np.float32)).to(betas.device)
            joints = self._body.joints(betas, pose).cpu().numpy().astype(float)
        posed = joints @ found.root_rotation.swapaxes(-1, -2)
        weights = np.clip(persons.visible * persons.inside, 0.02, 1)[:, ON_JOINTS]
        shift = _place(posed[:, AS_JOINTS], persons.pixels[:, ON_JOINTS], weights, intrinsics)
        head = posed[:, HEAD] + shift
        # The head is where the ears are seen, not where a body of ordinary proportions has it.
        ears = head + found.head_rotation @ EARS
        seen = persons.pixels[:, [LEFT_EAR, RIGHT_EAR]].mean(1)
        pixels = project(np.stack([head, ears], 1)[None], intrinsics[None])[0]
        head_px = pixels[:, 0] + seen - pixels[:, 1]
        return LiftedPeople(
            head_px=head_px,
            pelvis_px=hips_px,
            pose=found.pose,
            betas=betas.cpu().numpy(),
            root_rotation=found.root_rotation,
            head=unproject(head_px[None], head[None, :, 2], intrinsics[None])[0],
            canonical_joints=joints,
        )


def average_betas(body: BodyModel, height: float = HEIGHT) -> torch.Tensor:
    """(10,) shape of a person of this height [m]: the first coefficient of SMPL-X is stature."""
    shapes = torch.zeros(2, 10, device=body.template.device)
    shapes[1, 0] = 1
    mean, taller = body.height(shapes)
    betas = shapes[0].clone()
    betas[0] = (height - mean) / (taller - mean)
    return betas


def _place(joints: np.ndarray, pixels: np.ndarray, weights: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """(P, 3) translations that bring ``joints`` (P, J, 3) onto ``pixels`` (P, J, 2), weighted by ``weights`` (P, J).

    Linear least squares: x - z u = 0 for the tangent u of a ray. Dividing by the depths of the pass before makes it
    pixels whose squares are summed.
    """
    rays = unproject(pixels[None], np.ones((1, *pixels.shape[:2])), intrinsics[None])[0][..., :2]
    shift, depth = np.zeros((len(joints), 3)), np.ones(joints.shape[:2])
    rows = np.zeros((*joints.shape[:2], 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -rays
    wanted = rays * joints[..., 2:] - joints[..., :2]
    for _ in range(PASSES):
        weighted = rows * (weights / depth**2)[..., None, None]
        normal = np.einsum('pjri,pjrk->pik', weighted, rows)
        shift = np.linalg.solve(normal, np.einsum('pjri,pjr->pi', weighted, wanted)[..., None])[..., 0]
        depth = np.maximum(joints[..., 2] + shift[:, None, 2], NEAREST)
    return shift
