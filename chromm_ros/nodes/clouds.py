"""PointCloud2 messages: the scene, and points on the surface of people for collision monitors."""

from __future__ import annotations

import functools

import numpy as np

from chromm_ros.flow import Cloud
from chromm_ros.nodes.figures import Figures
from chromm_ros.nodes.messages import Description, header

FLOAT32 = 7
"""sensor_msgs/PointField.FLOAT32."""

SCENE_POINT = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'), ('rgb', '<u4'), ('confidence', '<f4')])
OBSTACLE_POINT = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4')])


def scene_cloud(cloud: Cloud, stamp: int, frame: str) -> Description:
    """x y z rgb confidence; RViz reads rgb as 0xRRGGBB in the bytes of a float."""
    points = np.empty(len(cloud.points), SCENE_POINT)
    for column, axis in enumerate('xyz'):
        points[axis] = cloud.points[:, column]
    colors = cloud.colors.astype(np.uint32)
    points['rgb'] = colors[:, 0] << 16 | colors[:, 1] << 8 | colors[:, 2]
    points['confidence'] = cloud.confidence
    return point_cloud(points, stamp, frame)


def obstacles(bodies: Figures, spacing: float, stamp: int, frame: str) -> Description:
    """Points on the capsules of all people, at most about ``spacing`` apart [m]."""
    parts = [
        capsule_surface(ends, float(radius), spacing)
        for person, radii in zip(bodies.capsule_ends, bodies.capsule_radius)
        for ends, radius in zip(person, radii)
        if radius > 0
    ]
    surface = np.concatenate(parts) if parts else np.zeros((0, 3))
    points = np.empty(len(surface), OBSTACLE_POINT)
    for column, axis in enumerate('xyz'):
        points[axis] = surface[:, column]
    return point_cloud(points, stamp, frame)


def point_cloud(points: np.ndarray, stamp: int, frame: str) -> Description:
    """sensor_msgs/PointCloud2 of a structured array (N,) whose fields are four bytes wide."""
    return {
        'header': header(stamp, frame),
        'height': 1,
        'width': len(points),
        'fields': [
            {'name': name, 'offset': offset, 'datatype': FLOAT32, 'count': 1}
            for name, offset in zip(points.dtype.names or (), range(0, points.dtype.itemsize, 4))
        ],
        'is_bigendian': False,
        'point_step': points.dtype.itemsize,
        'row_step': points.dtype.itemsize * len(points),
        'data': points.view(np.uint8),
        'is_dense': True,
    }


def capsule_surface(ends: np.ndarray, radius: float, spacing: float) -> np.ndarray:
    """(N, 3) points on a capsule: rings around the segment ``ends`` (2, 3) and two half spheres."""
    along = ends[1] - ends[0]
    length = float(np.linalg.norm(along))
    frame = _frame_along(along / length if length > 1e-6 else np.array([0.0, 0.0, 1.0]))
    around = max(int(np.ceil(2 * np.pi * radius / spacing)), 4)
    ring = _ring(around) * radius
    sides = np.linspace(0.0, length, max(int(np.ceil(length / spacing)), 1) + 1)
    wall = np.concatenate([np.tile(ring, (len(sides), 1)), np.repeat(sides, around)[:, None]], 1)
    latitudes = np.linspace(0.0, np.pi / 2, max(int(np.ceil(np.pi / 2 * radius / spacing)), 1) + 1)[1:]
    dome = np.concatenate(
        [
            np.tile(ring, (len(latitudes), 1)) * np.repeat(np.cos(latitudes), around)[:, None],
            radius * np.repeat(np.sin(latitudes), around)[:, None],
        ],
        1,
    )
    caps = np.concatenate([dome + np.array([0.0, 0.0, length]), dome * [1.0, 1.0, -1.0]])
    return ends[0] + np.concatenate([wall, caps]) @ frame.T


@functools.lru_cache(maxsize=64)
def _ring(count: int) -> np.ndarray:
    angles = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def _frame_along(axis: np.ndarray) -> np.ndarray:
    """(3, 3) rotation whose third column is the unit vector ``axis``."""
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(helper, axis)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], 1)
