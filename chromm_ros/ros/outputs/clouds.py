"""PointCloud2 messages: the scene, and points on the surface of people for collision monitors."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from chromm_ros.flow import Cloud
from chromm_ros.ros.outputs.body_shapes import BodyShapes
from chromm_ros.ros.outputs.messages import Description, header

FLOAT32 = 7
"""sensor_msgs/PointField.FLOAT32."""

BETWEEN_WALLS = 0.25
"""Distance of the walls around a person [m]: less than a robot is wide."""

FARTHEST_WALL = 3.0
"""Margin up to which there are walls [m]. A camera whose clock is wrong makes images, and margins, of years."""

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


def obstacles(bodies: BodyShapes, margins: Sequence[float], spacing: float, stamp: int, frame: str) -> Description:
    """Points on the capsules of all people, and on the walls of their inflated cylinders.

    Args:
        margins: of the cylinders [m].
        spacing: neighbours on a surface are at most about this far apart [m].
    """
    held = bodies.capsule_radius > 0
    capsules = capsule_surfaces(bodies.capsule_ends[held], bodies.capsule_radius[held], spacing)
    cylinders = zip(bodies.cylinder_base, bodies.cylinder_radius, bodies.cylinder_height, margins)
    surface = np.concatenate([capsules, *(cylinder_walls(*cylinder, spacing) for cylinder in cylinders)])
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


def cylinder_walls(base: np.ndarray, radius: float, height: float, margin: float, spacing: float) -> np.ndarray:
    """(P, 3) points on the walls of upright cylinders one in the other, from ``radius`` to ``margin`` outside of it.

    No two walls are farther apart than ``BETWEEN_WALLS``: whoever gets in between is not alone there. The last is at
    ``FARTHEST_WALL``, however wide the margin.
    """
    margin = min(margin, FARTHEST_WALL)
    levels = np.linspace(0.0, height, int(np.ceil(height / spacing)) + 1)
    parts = []
    for wall in radius + margin * np.linspace(0.0, 1.0, int(np.ceil(margin / BETWEEN_WALLS)) + 1):
        angles = np.linspace(0.0, 2 * np.pi, int(np.ceil(2 * np.pi * wall / spacing)) + 1)[:-1]
        ring = wall * np.stack([np.cos(angles), np.sin(angles)], 1)
        parts.append(np.concatenate([np.tile(ring, (len(levels), 1)), np.repeat(levels, len(ring))[:, None]], 1))
    return base + np.concatenate(parts)


def capsule_surfaces(ends: np.ndarray, radius: np.ndarray, spacing: float) -> np.ndarray:
    """(P, 3) points on N capsules, rings around each segment and two half spheres.

    Args:
        ends: (N, 2, 3) [m].
        radius: (N,) [m].
        spacing: neighbours are at most this far apart [m].
    """
    along = ends[:, 1] - ends[:, 0]
    frames = _frames_along(along)
    around = np.maximum(np.ceil(2 * np.pi * radius / spacing), 4)
    rings = np.maximum(np.ceil(np.linalg.norm(along, axis=1) / spacing), 1)
    circles = np.maximum(np.ceil(np.pi / 2 * radius / spacing), 1)
    shapes, which = np.unique(np.stack([around, rings, circles], 1).astype(int), axis=0, return_inverse=True)
    parts = [np.zeros((0, 3))]
    for index, shape in enumerate(shapes.tolist()):
        same = which.reshape(-1) == index
        share, directions = _unit_capsule(*shape)
        offsets = radius[same, None, None] * (directions @ frames[same])
        points = ends[same, :1] + share[:, None] * along[same, None] + offsets
        parts.append(points.reshape(-1, 3))
    return np.concatenate(parts)


@functools.lru_cache(maxsize=256)
def _unit_capsule(around: int, rings: int, circles: int) -> tuple[np.ndarray, np.ndarray]:
    """Share of the segment (P,) at which each point lies, and its direction (P, 3) from there; z is the axis."""
    angles = np.linspace(0.0, 2 * np.pi, around, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(around)], 1)
    wall = np.tile(ring, (rings + 1, 1))
    heights = np.repeat(np.linspace(0.0, np.pi / 2, circles + 1)[1:], around)[:, None]
    dome = np.tile(ring, (circles, 1)) * np.cos(heights) + [0.0, 0.0, 1.0] * np.sin(heights)
    share = np.concatenate(
        [np.repeat(np.linspace(0.0, 1.0, rings + 1), around), np.ones(len(dome)), np.zeros(len(dome))]
    )
    return share, np.concatenate([wall, dome, dome * [1.0, 1.0, -1.0]])


def _frames_along(along: np.ndarray) -> np.ndarray:
    """(N, 3, 3) whose rows are two unit vectors across each vector (N, 3) and the one along it."""
    length = np.linalg.norm(along, axis=1, keepdims=True)
    axis = np.where(length > 1e-6, along / np.maximum(length, 1e-6), [0.0, 0.0, 1.0])
    helper = np.eye(3)[np.argmin(np.abs(axis), axis=1)]
    first = np.cross(helper, axis)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return np.stack([first, np.cross(axis, first), axis], 1)
