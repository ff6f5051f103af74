"""Messages of a capture as what the page draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2

from chromm_ros.flow import Cloud, HumanState, ViewState
from chromm_ros.msg import Human, HumanArray
from chromm_ros.ros.outputs.messages import NANO
from chromm_ros.viewing.view import PersonView


def person_views(message: HumanArray) -> tuple[PersonView, ...]:
    """Everybody in a message that carries joints and is not lost."""
    return tuple(
        person_view(human, message.views, nanoseconds(message.header.stamp))
        for human in message.humans
        if len(human.joints) and human.state != Human.LOST
    )


def person_view(human: Human, views: Any, stamp: int) -> PersonView:
    """One person in a message of the time ``stamp`` [ns]; the joints must be filled."""
    observations = [seen for seen in human.observations if seen.view < len(views)]
    joints = pose_matrices(human.joints)
    velocity = human.twist.twist.linear
    return PersonView(
        id=human.id,
        state=HumanState(human.state).name.lower(),
        confidence=human.confidence,
        joints=joints[:, :3, 3],
        rotations=joints[:, :3, :3],
        betas=np.array(human.smplx.betas, np.float32),
        velocity=np.array([velocity.x, velocity.y, velocity.z]),
        height=human.height,
        cameras=tuple(views[seen.view] for seen in observations),
        age=duration_seconds(human.age),
        unseen=1e-9 * (stamp - nanoseconds(human.last_observed)),
        heads={views[seen.view]: (float(seen.head_px[0]), float(seen.head_px[1])) for seen in observations},
    )


def nanoseconds(time: Any) -> int:
    """Of a ``builtin_interfaces/Time``."""
    return int(time.sec) * NANO + int(time.nanosec)


def duration_seconds(duration: Any) -> float:
    """Of a ``builtin_interfaces/Duration``."""
    return float(duration.sec + 1e-9 * duration.nanosec)


def view_state(number: int) -> str:
    """The word for a camera state of a CaptureStatus."""
    return ViewState(number).name.lower() if number in set(ViewState) else 'unknown'


def pose_matrices(poses: Any) -> np.ndarray:
    """(N, 4, 4) matrices of ``geometry_msgs/Pose``; NaN where a quaternion is not one."""
    values = np.array(
        [
            (p.position.x, p.position.y, p.position.z, *(getattr(p.orientation, axis) for axis in 'xyzw'))
            for p in poses
        ]
    ).reshape(-1, 7)
    matrices = np.tile(np.eye(4), (len(values), 1, 1))
    good = np.isfinite(values).all(1) & (np.linalg.norm(values[:, 3:], axis=1) > 0.5)
    matrices[~good] = np.nan
    matrices[good, :3, 3] = values[good, :3]
    if good.any():
        matrices[good, :3, :3] = Rotation.from_quat(values[good, 3:]).as_matrix()
    return matrices


def cloud_of(message: PointCloud2, limit: int) -> Cloud:
    """Points of any cloud with float32 x, y, z; gray without colours, thinned evenly to ``limit`` points.

    Raises:
        ValueError: the message has no such fields, or its data is cut short.
    """
    offsets = {field.name: field.offset for field in message.fields}
    if not {'x', 'y', 'z'} <= set(offsets):
        raise ValueError(f'a point cloud needs fields x, y, z; this has {sorted(offsets)}')
    count = message.width * message.height
    if len(message.data) < count * message.point_step:
        raise ValueError(f'point cloud of {len(message.data)} bytes, {count * message.point_step} expected')
    rows = np.frombuffer(message.data, np.uint8, count * message.point_step).reshape(count, message.point_step)
    rows = rows[:: max(1, math.ceil(count / limit))]
    order = '>' if message.is_bigendian else '<'
    points = np.stack([_column(rows, offsets[axis], f'{order}f4') for axis in 'xyz'], -1)
    color = offsets.get('rgb', offsets.get('rgba'))
    packed = np.full(len(rows), 0xA0A0A0, np.uint32) if color is None else _column(rows, color, f'{order}u4')
    colors = np.stack([packed >> 16, packed >> 8, packed], -1).astype(np.uint8)
    confidence = (
        _column(rows, offsets['confidence'], f'{order}f4')
        if 'confidence' in offsets
        else np.ones(len(rows), np.float32)
    )
    finite = np.isfinite(points).all(1)
    return Cloud(points[finite].astype(np.float32), colors[finite], confidence[finite].astype(np.float32))


def _column(rows: np.ndarray, offset: int, dtype: str) -> np.ndarray:
    size = np.dtype(dtype).itemsize
    return np.ascontiguousarray(rows[:, offset : offset + size]).view(dtype)[:, 0]
