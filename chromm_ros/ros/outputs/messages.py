"""Messages out of snapshots, as mappings for :func:`chromm_ros.ros.outputs.cdr.encode`. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.flow import CameraState, Human, Observation, Snapshot
from chromm_ros.ros.outputs.body_shapes import BodyShapes
from chromm_ros.ros.outputs.margins import Margin, margin_of
from chromm_ros.skeleton import HEAD, HIPS, JOINTS

Description = dict[str, Any]
"""Field names and values of one message."""

NANO = 1_000_000_000
BODY_FROM_REP155 = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""SMPL-X: x left, y up, z forward. REP-155: x forward, y left, z up."""
JAW = slice(51, 52)


@dataclass(frozen=True)
class HumanOptions:
    """What the user wants in Human messages."""

    joints: bool = True
    capsules: bool = True
    margin_sigma: float = 2.0
    max_margin: float = 1.0
    model: str = ''
    """Name of the body model."""


def stamp(nanoseconds: int) -> Description:
    """Time or Duration."""
    return {'sec': nanoseconds // NANO, 'nanosec': nanoseconds % NANO}


def header(nanoseconds: int, frame: str) -> Description:
    """std_msgs/Header."""
    return {'stamp': stamp(nanoseconds), 'frame_id': frame}


def pose_rows(rotations: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(..., 7) rows of geometry_msgs/Pose from rotations (..., 3, 3) and positions (..., 3)."""
    rows = np.zeros((*positions.shape[:-1], 7))
    rows[..., :3] = positions
    rows[..., 3:] = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(*rows.shape[:-1], 4)
    return rows


def human_array(
    snapshot: Snapshot,
    bodies: BodyShapes,
    frame: str,
    latency: float,
    options: HumanOptions,
    last: Snapshot | None = None,
) -> Description:
    """chromm_ros/HumanArray.

    Args:
        bodies: body_shapes_of of ``snapshot.humans``.
        frame: the world frame.
        latency: time of publication minus the stamp of the snapshot [s]; 0 for people extrapolated to now.
        last: where people were extrapolated to now, the snapshot that they come from.
    """
    estimated = {human.id: human for human in last.humans} if last is not None else {}
    views = [camera.view for camera in snapshot.cameras]
    turns = Turns.of(snapshot.humans)
    late, sigma, widest = max(latency, 0.0), options.margin_sigma, options.max_margin
    margins = [
        margin_of(human, snapshot.stamp, late, sigma, widest, estimated.get(human.id)) for human in snapshot.humans
    ]
    return {
        'header': header(snapshot.stamp, frame),
        'session': {'uuid': np.frombuffer(UUID(snapshot.session).bytes, np.uint8)},
        'window': snapshot.window,
        'views': views,
        'views_used': [camera.used for camera in snapshot.cameras],
        'latency': stamp(round(latency * NANO)),
        'predicted': last is not None,
        'humans': [
            _human(human, k, bodies, turns, margins[k], snapshot.stamp, views, options)
            for k, human in enumerate(snapshot.humans)
        ],
    }


@dataclass(frozen=True)
class Turns:
    """Rotations of K people as messages have them, converted together: one conversion costs what a hundred cost."""

    joints: np.ndarray  # (K, 55, 7) poses
    frames: np.ndarray  # (K, 2, 7) poses of body and head, axes of REP-155
    theta: np.ndarray  # (K, 53, 3) float32 rotation vectors of the root and of the 52 joints with a pose

    @classmethod
    def of(cls, humans: Sequence[Human]) -> Turns:
        """The turns of some people, in their order."""
        if not humans:
            return cls(np.zeros((0, JOINTS, 7)), np.zeros((0, 2, 7)), np.zeros((0, 53, 3), np.float32))
        joints = np.stack([human.joints for human in humans])
        matrices = np.stack(
            [np.concatenate([human.joint_rotations, human.root_rotation[None], human.pose]) for human in humans]
        )
        frames = matrices[:, [JOINTS, HEAD]] @ BODY_FROM_REP155
        turns = Rotation.from_matrix(np.concatenate([matrices, frames], 1).reshape(-1, 3, 3))
        quaternions = turns.as_quat().reshape(len(humans), -1, 4)
        theta = turns.as_rotvec().astype(np.float32).reshape(len(humans), -1, 3)
        places = np.stack([joints[:, HIPS].mean(1), joints[:, HEAD]], 1)
        return cls(
            np.concatenate([joints, quaternions[:, :JOINTS]], -1),
            np.concatenate([places, quaternions[:, -2:]], -1),
            theta[:, JOINTS:-2],
        )


def _human(
    human: Human,
    k: int,
    bodies: BodyShapes,
    turns: Turns,
    margin: Margin,
    now: int,
    views: Sequence[str],
    options: HumanOptions,
) -> Description:
    frames = turns.frames[k]
    message: Description = {
        'id': human.id,
        'body_id': body_id(human.id),
        'state': int(human.state),
        'confidence': human.confidence,
        'last_observed': stamp(human.last_observed),
        'age': stamp(max(now - human.first_observed, 0)),
        'absorbed': human.absorbed,
        'pose': {'pose': frames[0], 'covariance': covariance_row(human.covariance)},
        'twist': {
            'twist': np.concatenate([human.velocity, human.angular_velocity]),
            'covariance': covariance_row(human.velocity_covariance),
        },
        'head': frames[1],
        'height': float(bodies.height[k]),
        'smplx': smplx_parameters(turns.theta[k], bodies.transl[k], human.betas, options.model),
        'cylinder': {
            'base': bodies.cylinder_base[k],
            'radius': float(bodies.cylinder_radius[k]),
            'height': float(bodies.cylinder_height[k]),
            'margin': margin.width,
            'placed': margin.placed,
        },
        'observations': [_observation(observation, views) for observation in human.observations],
    }
    if options.joints:
        message['joints'] = turns.joints[k]
        message['joint_confidence'] = human.joint_confidence
        message['joints_observed'] = bits(human.joints_observed)
    if options.capsules:
        message['capsules'] = _capsule_rows(bodies, k)
    return message


def body_id(identity: int) -> str:
    """REP-155 body id of an identity; its TF frame is body_<body_id>."""
    return f'b{identity:04d}'


def smplx_parameters(theta: np.ndarray, transl: np.ndarray, betas: np.ndarray, model: str) -> Description:
    """chromm_ros/SmplxParameters; ``theta`` (53, 3) turns the hands from flat, hence ``flat_hand_mean``."""
    root, pose = theta[0], theta[1:]
    return {
        'model': model,
        'flat_hand_mean': True,
        'global_orient': root,
        'transl': transl,
        'body_pose': pose[:21].ravel(),
        'left_hand_pose': pose[21:36].ravel(),
        'right_hand_pose': pose[36:51].ravel(),
        'jaw_pose': pose[JAW].ravel(),
        'betas': betas,
    }


def bits(flags: np.ndarray) -> int:
    """Bit j is ``flags[j]``."""
    return int.from_bytes(np.packbits(np.asarray(flags, bool), bitorder='little').tobytes(), 'little')


def covariance_row(matrix: np.ndarray) -> np.ndarray:
    """(36,) row-major; -1 first means unknown."""
    flat = np.asarray(matrix, float).reshape(36)
    if not np.isfinite(flat).all():
        flat = np.zeros(36)
        flat[0] = -1.0
    return flat


def _capsule_rows(bodies: BodyShapes, k: int) -> np.ndarray:
    """(C, 8) rows of chromm_ros/Capsule, without bones that hold no skin."""
    radius = bodies.capsule_radius[k]
    ends = bodies.capsule_ends[k].reshape(-1, 6)
    return np.concatenate([bodies.capsule_joint[:, None], ends, radius[:, None]], 1)[radius > 0]


def _observation(observation: Observation, views: Sequence[str]) -> Description:
    x, y, width, height = observation.roi
    return {
        'view': views.index(observation.view),
        'tracklet': max(observation.tracklet, 0),
        'stamp': stamp(observation.stamp),
        'score': observation.score,
        'visible_fraction': observation.visible_fraction,
        'fused': observation.fused,
        'head_px': observation.head_px,
        'pelvis_px': observation.pelvis_px,
        'roi': {'x_offset': max(x, 0), 'y_offset': max(y, 0), 'width': max(width, 0), 'height': max(height, 0)},
        'residual': observation.residual,
    }


def camera_poses(snapshot: Snapshot, frame: str) -> Description:
    """geometry_msgs/PoseArray of all cameras of the rig, in its order."""
    return {'header': header(snapshot.stamp, frame), 'poses': camera_rows(snapshot.cameras)}


def camera_rows(cameras: Sequence[CameraState]) -> np.ndarray:
    """(V, 7) rows of geometry_msgs/Pose; NaN where the pose is not known."""
    rows = np.full((len(cameras), 7), np.nan)
    known = [i for i, camera in enumerate(cameras) if camera.world_from_camera is not None]
    if known:
        matrices = np.stack([cameras[i].world_from_camera for i in known])  # type: ignore[misc]
        rows[known] = pose_rows(matrices[:, :3, :3], matrices[:, :3, 3])
    return rows


def capture_status(
    snapshot: Snapshot,
    frame: str,
    rates: Mapping[str, float],
    stages: Mapping[str, float],
    dropped: Mapping[str, int],
    notes: Sequence[str] = (),
) -> Description:
    """chromm_ros/CaptureStatus.

    Args:
        rates: images per second of each camera.
        stages: what the delay was made of, in order [s].
        dropped: counts since the session began, by reason.
        notes: sentences of the node; those of the snapshot follow.
    """
    cameras = snapshot.cameras
    return {
        'header': header(snapshot.stamp, frame),
        'views': [camera.view for camera in cameras],
        'view_state': [int(camera.state) for camera in cameras],
        'rate': [rates.get(camera.view, 0.0) for camera in cameras],
        'skew': [(camera.stamp - snapshot.stamp) / NANO if camera.stamp else math.nan for camera in cameras],
        'camera_pose': camera_rows(cameras),
        'translation_error': [camera.translation_error for camera in cameras],
        'rotation_error': [camera.rotation_error for camera in cameras],
        'world_source': int(snapshot.world_source),
        'scale': snapshot.scale,
        'scale_stddev': snapshot.scale_spread,
        'seam_error': snapshot.seam_error,
        'stages': list(stages),
        'stage_duration': list(stages.values()),
        'drop_reasons': list(dropped),
        'drop_counts': list(dropped.values()),
        'notes': list(dict.fromkeys([*notes, *snapshot.messages, *(found.text for found in snapshot.findings)])),
    }
