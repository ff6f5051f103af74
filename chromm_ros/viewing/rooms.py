"""The parts of a scene: what stands in the room, and its walls, so that those before the viewer can be left out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from chromm_ros.flow import Cloud

WALL = 0.4
"""What is nearer to a side of the room than this belongs to its wall [m]."""

SAMPLE = 500
"""Points whose neighbours tell how dense a scene is."""

FINEST, COARSEST = 0.008, 0.04
"""Sizes of drawn points [m]."""

FLOOR = 0.15
"""What is lower than this is floor, and of no wall [m]."""

OUTLINE = 5000
"""Points that tell where the walls are."""

STRAY = 2.0
"""Percent of the points on each side that may lie outside of the room."""

GRAY, PALE, PALE_TONE = 0.45, 0.15, 190.0
"""How much of a muted colour is gray, and how much is this tone."""

SIDES = 4


@dataclass(frozen=True)
class Room:
    """The rectangle around a scene, seen from above."""

    center: np.ndarray  # (2,) [m]
    normals: np.ndarray  # (4, 2) outwards
    reach: np.ndarray  # (4,) from the centre to each side [m]

    @staticmethod
    def around(points: np.ndarray) -> Room:
        """The rectangle around nearly all of (N, 3) points [m], N > 0; those farthest away are strays."""
        places = points[:: max(1, len(points) // OUTLINE), :2]
        middle = np.median(places, axis=0)
        far = np.linalg.norm(places - middle, axis=1)
        near = places[far <= np.percentile(far, 100 - STRAY)]
        angle = np.radians(cv2.minAreaRect(np.ascontiguousarray(near, np.float32))[2])
        along = np.array([np.cos(angle), np.sin(angle)])
        normals = np.stack([along, (-along[1], along[0]), -along, (along[1], -along[0])])
        reach = np.percentile((places - middle) @ normals.T, 100 - STRAY, axis=0)
        return Room(middle, normals, reach)

    def parts(self, points: np.ndarray) -> np.ndarray:
        """(N,) part of each of (N, 3) points: the number of its wall, or 4 for what stands in the room."""
        gaps = self.reach - (points[:, :2] - self.center) @ self.normals.T  # (N, 4) to each side
        nearest = gaps.argmin(1)
        at_wall = np.take_along_axis(gaps, nearest[:, None], 1)[:, 0] < WALL
        return np.where(at_wall & (points[:, 2] > FLOOR), nearest, SIDES)

    def hiding(self, position: np.ndarray) -> np.ndarray:
        """(4,) bool: the walls between a viewer at ``position`` (3,) and the room."""
        return self.normals @ (position[:2] - self.center) > self.reach


def point_size(cloud: Cloud) -> float:
    """Size at which the points of a scene nearly cover its surfaces [m]: between them one sees what is behind."""
    if len(cloud.points) < 2:
        return COARSEST
    sample = cloud.points[:: max(1, len(cloud.points) // SAMPLE)]
    distances, _ = cKDTree(cloud.points).query(sample, k=2)
    return float(np.clip(0.85 * np.median(distances[:, 1]), FINEST, COARSEST))


def muted(colors: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 RGB of a scene, paler and less colourful, so that people stand out."""
    gray = colors.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    mixed = (1 - GRAY - PALE) * colors + GRAY * gray[:, None] + PALE * PALE_TONE
    return mixed.astype(np.uint8)
