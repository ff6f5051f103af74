"""Where to look from so that the whole rig and what it sees is in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.viewing.labels import Viewpoint

REACH = 3.0
"""What a camera looks at is about half as far [m]."""

MARGIN = 1.1
"""Of the distance, for what stands beyond the cameras."""

ELEVATION = 0.78
"""Angle from which the page looks down [rad]: over the heads of a room, and still at faces."""

FOV = 0.8
"""Vertical field of view of the page [rad]; the default of 1.3 bends what is near."""


@dataclass(frozen=True)
class Overview:
    """A view of everything."""

    center: np.ndarray  # (3,) world [m]
    radius: float  # [m]
    position: np.ndarray  # (3,) world [m]

    @property
    def viewpoint(self) -> Viewpoint:
        """Of somebody who looks from there."""
        return Viewpoint(self.position, self.center, FOV)

    def far_from(self, other: Overview) -> bool:
        """Whether this one shows another place."""
        return float(np.linalg.norm(self.center - other.center)) > other.radius


def overview(world_from_camera: Sequence[np.ndarray]) -> Overview | None:
    """Look at the cameras and at what lies before them, through the widest gap between them.

    Args:
        world_from_camera: (4, 4) each, +z forwards; the world is z up.

    Returns:
        None without cameras.
    """
    if not len(world_from_camera):
        return None
    poses = np.stack(world_from_camera)
    places = poses[:, :3, 3]
    center = (places + 0.5 * REACH * poses[:, :3, 2]).mean(0)
    radius = max(0.5 * REACH, float(np.linalg.norm(places - center, axis=1).max()))
    azimuth = _widest_gap(places - center)
    away = np.array([np.cos(azimuth) * np.cos(ELEVATION), np.sin(azimuth) * np.cos(ELEVATION), np.sin(ELEVATION)])
    return Overview(center, radius, center + MARGIN * radius / np.sin(0.5 * FOV) * away)


def _widest_gap(directions: np.ndarray) -> float:
    """Azimuth in the middle of the widest gap between directions [rad]; of a single one, beside it."""
    angles = np.sort(np.arctan2(directions[:, 1], directions[:, 0]))
    gaps = np.diff(angles, append=angles[0] + 2 * np.pi)
    widest = int(gaps.argmax())
    return float(angles[widest] + min(0.5 * gaps[widest], 1.0))
