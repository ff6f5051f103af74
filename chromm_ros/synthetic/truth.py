"""What is true in the synthetic room, as the messages of a perfect capture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import CameraState, Cloud, Human, HumanState, Observation, Snapshot, ViewState, WorldSource
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.world import Frames

HEAD_RADIUS = 0.25
"""The head joint lies inside the head: a head counts as seen when nothing is nearer than it by more than this [m]."""


def true_snapshot(
    frames: Frames, views: Sequence[str], body: BodyModel, stamp: int, session: str, count: int
) -> Snapshot:
    """The snapshot of one rendered time (T = 1); an observation stands for a camera that sees the head."""
    truth = frames.truth
    rotations = body.joint_rotations(
        torch.as_tensor(truth.pose[0], dtype=torch.float32),
        torch.as_tensor(truth.root_rotation[0], dtype=torch.float32),
    ).numpy()
    people = [k for k in range(truth.present.shape[1]) if truth.present[0, k]]
    return Snapshot(
        stamp=stamp,
        session=session,
        window=count,
        humans=tuple(_human(frames, k, rotations[k], views, stamp) for k in people),
        cameras=tuple(
            CameraState(
                view=view,
                state=ViewState.OK,
                used=True,
                stamp=stamp,
                world_from_camera=frames.world_from_camera[v, 0],
                intrinsics=frames.intrinsics[v, 0],
                given=True,
                translation_error=0.0,
                rotation_error=0.0,
            )
            for v, view in enumerate(views)
        ),
        scene_update=Cloud(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8), np.zeros(0, np.float32)),
        world_source=WorldSource.TF,
        scale=1.0,
        scale_spread=float('nan'),
        seam_error=float('nan'),
        stages={},
        dropped={},
    )


def _human(frames: Frames, k: int, rotations: np.ndarray, views: Sequence[str], stamp: int) -> Human:
    truth = frames.truth
    joints = truth.joints[0, k]
    return Human(
        id=k + 1,
        state=HumanState.TRACKED,
        confidence=1.0,
        first_observed=stamp,
        last_observed=stamp,
        absorbed=(),
        pose=truth.pose[0, k],
        betas=truth.betas[0, k],
        root_rotation=truth.root_rotation[0, k],
        head=joints[HEAD],
        joints=joints,
        joint_rotations=rotations,
        velocity=np.zeros(3),
        angular_velocity=np.zeros(3),
        covariance=np.zeros((6, 6)),
        velocity_covariance=np.full((6, 6), np.nan),
        joint_confidence=np.ones(len(joints)),
        joints_observed=np.ones(len(joints), bool),
        observations=tuple(
            observation
            for v, view in enumerate(views)
            if (observation := _observation(frames, v, k, view, stamp)) is not None
        ),
    )


def _observation(frames: Frames, v: int, k: int, view: str, stamp: int) -> Observation | None:
    """How camera v sees the head of person k; None when it does not."""
    joints = transform(invert_rigid(frames.world_from_camera[v, 0]), frames.truth.joints[0, k])
    if joints[HEAD, 2] <= 0.05:
        return None
    height, width = frames.depth.shape[-2:]
    pixels = project(joints, frames.intrinsics[v, 0])
    column, row = np.floor(pixels[HEAD]).astype(int)
    if not (0 <= column < width and 0 <= row < height):
        return None
    if frames.depth[v, 0, row, column] < joints[HEAD, 2] - HEAD_RADIUS:
        return None
    inside = np.clip(pixels[joints[:, 2] > 0.05], 0, (width, height))
    low, high = np.floor(inside.min(0)).astype(int), np.ceil(inside.max(0)).astype(int)
    return Observation(
        view=view,
        tracklet=k + 1,
        stamp=stamp,
        score=1.0,
        visible_fraction=1.0,
        fused=True,
        head_px=pixels[HEAD],
        pelvis_px=pixels[0],
        roi=(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])),
        residual=0.0,
    )
