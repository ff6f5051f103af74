"""The floor among the points of a scene: the plane that most points stand on and few lie below."""

from __future__ import annotations

import numpy as np

from chromm_ros.geometry.similarity import Similarity

TRIALS = 256
MAX_POINTS = 2000
"""Points that vote; more do not change which plane wins."""

MAX_TILT = np.radians(35.0)
"""Largest angle between the floor's normal and the hint: cameras look down, but hardly more than that."""

MIN_SHARE = 0.08
"""Least share of the points that lie on a floor. A wall has as many, which the hint excludes; a table top fewer."""

MAX_BELOW = 0.05
"""Largest share of the points that may lie below it."""

REFINEMENTS = 3


def find_floor(
    points: np.ndarray, up: np.ndarray, tolerance: float, seed: int = 0
) -> tuple[np.ndarray, float] | None:
    """The floor plane ``normal @ x = height``, or None when there is none.

    Args:
        points: (N, 3) static points [m].
        up: (3,) rough direction away from the floor.
        tolerance: distance from the plane within which a point belongs to it [m].
        seed: of the random trials; the result is a function of the arguments.

    Returns:
        (3,) unit normal that points up, and the height of the floor along it [m].
    """
    generator = np.random.default_rng(seed)
    if len(points) > MAX_POINTS:
        points = points[generator.choice(len(points), MAX_POINTS, replace=False)]
    if len(points) < 50:
        return None
    corners = points[generator.integers(0, len(points), (TRIALS, 3))]  # (TRIALS, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    usable = lengths > 1e-9
    normals = normals[usable] / lengths[usable, None]
    normals *= np.where(normals @ up < 0, -1.0, 1.0)[:, None]
    level = normals @ (up / np.linalg.norm(up)) > np.cos(MAX_TILT)
    normals, heights = normals[level], (normals[level] * corners[usable][level, 0]).sum(1)
    if not len(normals):
        return None
    above = points @ normals.T - heights  # (N, trials)
    on, below = (np.abs(above) < tolerance).mean(0), (above < -2 * tolerance).mean(0)
    best = int(np.argmax(on - 2 * below))
    return _checked(*_refined(points, normals[best], heights[best], tolerance), points, tolerance)


def levelling(normal: np.ndarray, height: float) -> Similarity:
    """The smallest turn that makes ``normal`` the z axis, then the lift that puts the floor at z = 0."""
    axis = np.array([0.0, 0.0, 1.0])
    cosine = float(normal @ axis)
    if cosine < -0.999999:
        raise ValueError(f'the normal {normal} points down; give the normal that points away from the floor')
    total = normal + axis
    # the rotation that takes one unit vector to another: R = -I + ... in closed form
    rotation = 2 * np.outer(total, total) / (total @ total) - np.eye(3)  # half turn about the bisector
    rotation = rotation @ (2 * np.outer(normal, normal) - np.eye(3))  # after a half turn about the normal
    return Similarity(np.ones(()), rotation, np.array([0.0, 0.0, -height]))


def _refined(points: np.ndarray, normal: np.ndarray, height: float, tolerance: float) -> tuple[np.ndarray, float]:
    """The least squares plane through the points of the floor."""
    for _ in range(REFINEMENTS):
        on = points[np.abs(points @ normal - height) < tolerance]
        if len(on) < 3:
            break
        middle = on.mean(0)
        _, _, axes = np.linalg.svd(on - middle, full_matrices=False)
        normal = axes[2] * (1.0 if axes[2] @ normal > 0 else -1.0)
        height = float(middle @ normal)
    return normal, height


def _checked(
    normal: np.ndarray, height: float, points: np.ndarray, tolerance: float
) -> tuple[np.ndarray, float] | None:
    above = points @ normal - height
    if (np.abs(above) < tolerance).mean() < MIN_SHARE or (above < -2 * tolerance).mean() > MAX_BELOW:
        return None
    return normal, height
