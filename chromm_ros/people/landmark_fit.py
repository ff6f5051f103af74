"""A body onto points: place, root, joints and shape of several people at once by Gauss-Newton, in numpy.

Unknown are the pelvis, a turn of each body joint that landmarks speak of, and the shape. The points pull as firmly as
they are known; what they leave open (turns of a bone about itself, the share of spine and collar) stays where the
closed form has it, held by a prior.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import roma
import torch

from chromm_ros.body.landmarks import LandmarkPose
from chromm_ros.skeleton import BODY_JOINTS, HEAD, LANDMARKS, PARENTS

STEPS = 4

FREE = {
    0: 1.0, 1: 0.6, 2: 0.6, 4: 0.6, 5: 0.6, 7: 0.4, 8: 0.4, 16: 0.6, 17: 0.6, 18: 0.6, 19: 0.6,
    3: 0.1, 6: 0.1, 9: 0.1, 12: 0.3, HEAD: 0.3, 13: 0.3, 14: 0.3,
}  # fmt: skip
"""Joints that turn, and how far from the closed form (standard deviation of each axis) [rad]."""
STATURE, PROPORTIONS = 2.0, 0.7
"""Standard deviations of the first coefficient of shape and of the others."""

ON_JOINT, BESIDE_JOINT = 0.005, 0.03
"""How exactly a landmark is where the body has it [m]: limbs, shoulders, hips; ears, nose, heels and toes."""
HEAD_POINT = LANDMARKS
"""The head joint, which is found by itself (CHROMM 3.2), comes behind the landmarks."""

CHEST, PELVIS = 9, 0
SHOULDER, HIP = np.array([0, 0.03, -0.03]), np.array([-0.015, -0.02, 0.005])
WRIST, KNEE, ANKLE = np.array([0.025, 0, 0.005]), np.array([0, -0.015, -0.015]), np.array([0, 0.015, 0])
EAR, NOSE = np.array([0.055, 0.03, 0]), np.array([0, 0.025, 0.075])
HEEL, TOE = np.array([0, -0.045, -0.04]), np.array([0, -0.05, 0.17])
"""Landmarks of the left side and the nose from their joints: shoulder in the frame of the chest, hip in that of the
pelvis, the others in that of the joint itself [m]. BlazePose on real people against the free body, medians over both
sides of the body (``docs/open_preset.md``); what it calls an elbow is the joint."""
MIRROR = np.array([-1.0, 1, 1])


@dataclass(frozen=True)
class Attachment:
    """A point that moves with the body."""

    landmark: int
    joint: int
    sigma: float  # [m]
    offset: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(3))  # (3,) from the joint [m]
    frame: int | None = None
    """Joint in whose frame the offset is; None: that of ``joint``."""


_ONE_SIDE = (
    (11, 16, ON_JOINT, SHOULDER, CHEST), (13, 18, ON_JOINT, np.zeros(3), None), (15, 20, ON_JOINT, WRIST, None),
    (23, 1, ON_JOINT, HIP, PELVIS), (25, 4, ON_JOINT, KNEE, None), (27, 7, ON_JOINT, ANKLE, None),
    (7, HEAD, BESIDE_JOINT, EAR, None), (29, 7, BESIDE_JOINT, HEEL, None), (31, 7, BESIDE_JOINT, TOE, None),
)  # fmt: skip
ATTACHMENTS = (
    *(Attachment(*of_left) for of_left in _ONE_SIDE),
    *(
        Attachment(mark + 1, joint if joint == HEAD else joint + 1, sigma, offset * MIRROR, frame)
        for mark, joint, sigma, offset, frame in _ONE_SIDE
    ),
    Attachment(HEAD_POINT, HEAD, ON_JOINT),
    Attachment(0, HEAD, BESIDE_JOINT, NOSE),
)

PULLING = [point.landmark for point in ATTACHMENTS]
HOLDING = [point.joint for point in ATTACHMENTS]
TURNED_BY = [point.joint if point.frame is None else point.frame for point in ATTACHMENTS]
OFFSETS = np.array([point.offset for point in ATTACHMENTS])
SIGMAS = np.array([point.sigma for point in ATTACHMENTS])
TURNING = list(FREE)


def _above(joint: int) -> set[int]:
    return set() if joint < 0 else {joint} | _above(PARENTS[joint])


MOVES = np.array(
    [[turn in _above(PARENTS[joint]) | _above(frame) for turn in TURNING] for joint, frame in zip(HOLDING, TURNED_BY)]
)
"""(points, turning joints) bool: a turn at the joint moves the point."""


@dataclass(frozen=True)
class FittedBodies:
    """N bodies in the world."""

    pose: np.ndarray  # (N, 52, 3, 3)
    betas: np.ndarray  # (N, 10)
    root_rotation: np.ndarray  # (N, 3, 3)
    pelvis: np.ndarray  # (N, 3) [m]


def fit(
    points: np.ndarray,
    information: np.ndarray,
    begin: LandmarkPose,
    betas: np.ndarray,
    template: np.ndarray,
    directions: np.ndarray,
    shape_noise: tuple[float, float] = (STATURE, PROPORTIONS),
) -> FittedBodies:
    """Bodies on landmarks that are placed in space.

    Args:
        points: (N, 34, 3) landmarks, then the head joint [m].
        information: (N, 34, 3, 3) inverse covariances [1/m^2]; zero for what nobody saw.
        begin: rotations to begin with.
        betas: (N, 10) shapes to begin with.
        template: (55, 3) joints of the mean shape at rest [m].
        directions: (55, 3, 10) their displacement per unit of beta.
        shape_noise: standard deviations of the first coefficient of shape and of the others about ``betas``.
    """
    count = len(points)
    weight = _softened(information[:, PULLING])
    target = points[:, PULLING]
    local = _local(begin.root_rotation, begin.pose)
    template, directions = template[:BODY_JOINTS], directions[:BODY_JOINTS]
    shape, pelvis = betas.copy(), np.zeros((count, 3))
    mean = target - _placed(local, shape, template, directions)[0]
    amount = np.maximum(weight.trace(axis1=-2, axis2=-1), 1e-9)[..., None]
    pelvis = (mean * amount).sum(1) / amount.sum(1)
    turned = np.zeros((count, len(TURNING), 3))
    prior = np.concatenate(
        [
            np.zeros(3),
            np.repeat([FREE[joint] ** -2 for joint in TURNING], 3),
            [shape_noise[0] ** -2],
            np.full(9, shape_noise[1] ** -2),
        ]
    )
    for _ in range(STEPS):
        placed, joints, world, by_shape = _placed(local, shape, template, directions)
        jacobian = _jacobian(placed, joints, by_shape)
        missing = target - placed - pelvis[:, None]
        weighted = np.einsum('npij,npjk->npik', weight, jacobian)
        normal = np.einsum('npik,npil->nkl', jacobian, weighted) + np.diag(prior) + 1e-6 * np.eye(len(prior))
        so_far = np.concatenate([pelvis, turned.reshape(count, -1), shape - betas], 1)
        gradient = np.einsum('npik,npi->nk', weighted, missing) - prior * so_far
        change = np.linalg.solve(normal, gradient[..., None])[..., 0]
        pelvis = pelvis + change[:, :3]
        turns = change[:, 3 : 3 + turned[0].size].reshape(turned.shape)
        turned = turned + turns
        shape = shape + change[:, 3 + turned[0].size :]
        local = _turned(local, world, turns)
    pose = begin.pose.copy()
    pose[:, : BODY_JOINTS - 1] = local[:, 1:]
    return FittedBodies(pose, shape, local[:, 0], pelvis)


def expected(
    root_rotation: np.ndarray, pose: np.ndarray, betas: np.ndarray, template: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """(N, 34, 3) where bodies with the pelvis at the origin have the landmarks and the head joint [m]; the pelvis for
    landmarks that nothing is fitted to. Arguments as for :func:`fit`."""
    points = np.zeros((len(pose), HEAD_POINT + 1, 3))
    local = _local(root_rotation, pose)
    points[:, PULLING] = _placed(local, betas, template[:BODY_JOINTS], directions[:BODY_JOINTS])[0]
    return points


def _local(root_rotation: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(N, 22, 3, 3) rotations of the body joints relative to their parents, the root first."""
    return np.concatenate([root_rotation[:, None], pose[:, : BODY_JOINTS - 1]], 1)


def _softened(information: np.ndarray) -> np.ndarray:
    """(N, P, 3, 3) of the points as places of the body: (covariance + definition)^-1, where there is any."""
    eye = np.eye(3)
    return np.linalg.solve(eye + information * (SIGMAS**2)[:, None, None], information)


def _placed(
    local: np.ndarray, betas: np.ndarray, template: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """With the pelvis at the origin: points (N, P, 3), joints (N, 22, 3), their rotations (N, 22, 3, 3), and
    what each coefficient of shape moves the points by (N, P, 3, 10)."""
    rest = template + np.einsum('jck,nk->njc', directions, betas)
    joints, world = np.zeros_like(rest), local.copy()
    by_shape = np.zeros((*rest.shape, directions.shape[-1]))
    for joint in range(1, BODY_JOINTS):
        parent = PARENTS[joint]
        above = world[:, parent]
        world[:, joint] = above @ local[:, joint]
        joints[:, joint] = joints[:, parent] + (above @ (rest[:, joint] - rest[:, parent])[..., None])[..., 0]
        by_shape[:, joint] = by_shape[:, parent] + above @ (directions[joint] - directions[parent])
    points = joints[:, HOLDING] + np.einsum('npij,pj->npi', world[:, TURNED_BY], OFFSETS)
    return points, joints, world, by_shape[:, HOLDING]


def _jacobian(points: np.ndarray, joints: np.ndarray, by_shape: np.ndarray) -> np.ndarray:
    """(N, P, 3, 3 + 3 turns + 10): what the pelvis, a turn of each joint and the shape do to the points."""
    arm = (points[:, :, None] - joints[:, None, TURNING]) * MOVES[..., None]  # (N, P, turns, 3)
    zero = np.zeros_like(arm[..., 0])
    x, y, z = arm[..., 0], arm[..., 1], arm[..., 2]
    # a small turn d moves a point by d x arm
    cross = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(*arm.shape, 3)
    by_turn = cross.swapaxes(2, 3).reshape(*points.shape, -1)
    by_place = np.broadcast_to(np.eye(3), (*points.shape, 3))
    return np.concatenate([by_place, by_turn, by_shape], -1)


def _turned(local: np.ndarray, world: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Local rotations after ``turns`` (N, turns, 3) in the world, each at its joint."""
    result = local.copy()
    matrices = roma.rotvec_to_rotmat(torch.from_numpy(np.ascontiguousarray(turns))).numpy()
    for n, joint in enumerate(TURNING):
        if joint == 0:
            result[:, 0] = matrices[:, n] @ local[:, 0]
        else:
            above = world[:, PARENTS[joint]]
            result[:, joint] = above.swapaxes(-1, -2) @ matrices[:, n] @ above @ local[:, joint]
    return result
