"""What is true in the synthetic room, as the messages of a perfect capture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import CameraState, Cloud, Human, HumanState, Observation, Snapshot, ViewState, WorldSource
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.skeleton import HEAD, PELVIS
from chromm_ros.synthetic.in_sight import heads_in_sight
from chromm_ros.synthetic.world import Frames


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
    in_sight, head_px = heads_in_sight(frames)
    return Snapshot(
        stamp=stamp,
        session=session,
        window=count,
        humans=tuple(
            _human(frames, k, rotations[k], views, stamp, in_sight[:, 0, k], head_px[:, 0, k]) for k in people
        ),
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
        scene_update=Cloud.empty(),
        world_source=WorldSource.TF,
        scale=1.0,
        scale_spread=float('nan'),
        seam_error=float('nan'),
        stages={},
        dropped={},
    )


def _human(
    frames: Frames,
    k: int,
    rotations: np.ndarray,
    views: Sequence[str],
    stamp: int,
    seen: np.ndarray,
    head_px: np.ndarray,
) -> Human:
    """Person k, whom the views ``seen`` (V,) have in sight with the head at ``head_px`` (V, 2)."""
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
            _observation(frames, v, k, view, stamp, head_px[v]) for v, view in enumerate(views) if seen[v]
        ),
    )


def _observation(frames: Frames, v: int, k: int, view: str, stamp: int, head_px: np.ndarray) -> Observation:
    """How camera v sees person k, whose head is in its sight."""
    joints = transform(invert_rigid(frames.world_from_camera[v, 0]), frames.truth.joints[0, k])
    height, width = frames.depth.shape[-2:]
    pixels = project(joints, frames.intrinsics[v, 0])
    inside = np.clip(pixels[joints[:, 2] > 0.05], 0, (width, height))
    low, high = np.floor(inside.min(0)).astype(int), np.ceil(inside.max(0)).astype(int)
    return Observation(
        view=view,
        tracklet=k + 1,
        stamp=stamp,
        score=1.0,
        visible_fraction=1.0,
        fused=True,
        head_px=head_px,
        pelvis_px=pixels[PELVIS],
        roi=(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])),
        residual=0.0,
    )
