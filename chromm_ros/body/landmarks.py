"""Landmarks of a body, and the SMPL-X pose that follows from them in closed form.

The vocabulary is that of BlazePose: 33 points on face, limbs and trunk. A network that knows fewer (COCO's 17 are
among them) gives the others no weight. Frames of trunk and head come from three or more landmarks each, limbs from
the directions of their bones; a bone says nothing about the turn around itself, which stays the smallest possible.
Fingers and jaw keep the rest pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import roma
import torch

from chromm_ros.geometry.rotations import shortest_turn
from chromm_ros.skeleton import HEAD, JOINTS, PARENTS, POSE_JOINTS

NOSE, LEFT_EAR, RIGHT_EAR = 0, 7, 8
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 11, 12, 23, 24

JOINT_OF_LANDMARK = {11: 16, 12: 17, 13: 18, 14: 19, 15: 20, 16: 21, 23: 1, 24: 2, 25: 4, 26: 5, 27: 7, 28: 8}
"""Landmarks that are joints: shoulders, elbows, wrists, hips, knees, ankles, left before right."""

ON_JOINTS = np.array(list(JOINT_OF_LANDMARK))
AS_JOINTS = np.array(list(JOINT_OF_LANDMARK.values()))

LIMBS = {
    16: (11, 13, 18), 18: (13, 15, 20), 17: (12, 14, 19), 19: (14, 16, 21),
    1: (23, 25, 4), 4: (25, 27, 7), 2: (24, 26, 5), 5: (26, 28, 8),
}  # fmt: skip
"""Joint at which a bone turns: landmarks at its ends, and the joint at its far end."""
FEET = {7: (29, 31), 8: (30, 32)}
"""Ankle: landmarks of heel and toe."""

SPINE, NECK = (3, 6, 9), (12, HEAD)
"""Joints that share the turn from pelvis to chest, and from chest to head, equally."""

EARS = np.array([0.0, 0.036, -0.01])
"""Middle of the ears from the head joint, frame of the head [m]; measured on the free body."""
NOSE_DROP = np.arctan(0.24)
"""The line from the ears to the nose points this much below forward at rest [rad]; measured on the free body."""
SOLE = np.array([0.0, -0.08, 1.0])
"""Direction from heel to toe at rest."""


@dataclass(frozen=True)
class LandmarkPose:
    """SMPL-X rotations of N people."""

    root_rotation: np.ndarray  # (N, 3, 3) outer frame from body
    pose: np.ndarray  # (N, 52, 3, 3) theta
    head_rotation: np.ndarray  # (N, 3, 3) outer frame from head


def pose_from_landmarks(points: np.ndarray, rest_joints: np.ndarray) -> LandmarkPose:
    """Rotations of people whose landmarks are known in space.

    Args:
        points: (N, 33, 3) in any outer frame, with any origin and scale.
        rest_joints: (55, 3) or (N, 55, 3) joints in the rest pose (``BodyModel.rest_joints``).
    """
    count = len(points)
    rest = np.broadcast_to(rest_joints, (count, JOINTS, 3))
    pelvis, chest, head = trunk_frames(points)
    local = np.tile(np.eye(3), (count, JOINTS, 1, 1))
    local[:, 0] = pelvis
    local[:, SPINE] = _part(pelvis.swapaxes(-1, -2) @ chest, 1 / len(SPINE))[:, None]
    local[:, NECK] = _part(chest.swapaxes(-1, -2) @ head, 1 / len(NECK))[:, None]
    world = local.copy()
    for joint in range(1, JOINTS):  # from the root outwards: a bone turns against what its parent did already
        above = world[:, PARENTS[joint]]
        if joint in LIMBS or joint in FEET:
            start, end = LIMBS[joint][:2] if joint in LIMBS else FEET[joint]
            at_rest = rest[:, LIMBS[joint][2]] - rest[:, joint] if joint in LIMBS else SOLE
            bone = (above.swapaxes(-1, -2) @ (points[:, end] - points[:, start])[..., None])[..., 0]
            local[:, joint] = shortest_turn(at_rest, bone)
        world[:, joint] = above @ local[:, joint]
    return LandmarkPose(pelvis, local[:, list(POSE_JOINTS)], world[:, HEAD])


def trunk_frames(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames (N, 3, 3) of pelvis, chest and head: columns to the left of the body, up, forward."""
    hips, shoulders = points[:, [LEFT_HIP, RIGHT_HIP]], points[:, [LEFT_SHOULDER, RIGHT_SHOULDER]]
    spine = shoulders.mean(1) - hips.mean(1)
    pelvis = _frame(hips[:, 0] - hips[:, 1], spine)
    chest = _frame(shoulders[:, 0] - shoulders[:, 1], spine)
    left = _unit(points[:, LEFT_EAR] - points[:, RIGHT_EAR])
    nose = points[:, NOSE] - points[:, [LEFT_EAR, RIGHT_EAR]].mean(1)
    nose = _unit(nose - (nose * left).sum(-1, keepdims=True) * left)
    forward = np.cos(NOSE_DROP) * nose + np.sin(NOSE_DROP) * np.cross(nose, left)
    return pelvis, chest, np.stack([left, np.cross(forward, left), forward], -1)


def _frame(left: np.ndarray, up: np.ndarray) -> np.ndarray:
    x = _unit(left)
    y = _unit(up - (up * x).sum(-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], -1)


def _part(rotations: np.ndarray, part: float) -> np.ndarray:
    """About the same axes, by ``part`` of the angle."""
    vectors = roma.rotmat_to_rotvec(torch.from_numpy(np.ascontiguousarray(rotations)))
    return roma.rotvec_to_rotmat(part * vectors).numpy()


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
