"""People in the pictures of the cameras: the best check of a calibration there is."""

from __future__ import annotations

import numpy as np

NEAREST = 0.1
"""What is nearer to the plane of the camera than this is not drawn [m]."""


def project(points: np.ndarray, intrinsics: np.ndarray, world_from_camera: np.ndarray) -> np.ndarray:
    """Pixels of world points; NaN for points behind the camera.

    Args:
        points: (..., 3) world [m].
        intrinsics: (3, 3).
        world_from_camera: (4, 4).

    Returns:
        (..., 2) pixels of the image that the intrinsics are about; may lie outside of it.
    """
    seen = (points - world_from_camera[:3, 3]) @ world_from_camera[:3, :3]
    depth = np.where(seen[..., 2:] > NEAREST, seen[..., 2:], np.nan)
    return (seen / depth) @ intrinsics[:2].T
