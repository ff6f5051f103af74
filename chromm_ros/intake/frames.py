"""Frames of cameras that are not what they should be: the body's instead of the optical one."""

from __future__ import annotations

import numpy as np

BODY_FROM_OPTICAL = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""Optical frame (x right, y down, z forward) in the body frame of a camera (x forward, y left, z up), REP-103."""

STEEP = 0.7
"""Part of the view direction that points up from which a camera looks at the ceiling; and its opposite, level."""


def names_body_frame(world_from_camera: np.ndarray) -> bool:
    """Whether a pose (4, 4) in a world with z up looks at the ceiling, and would look ahead, upright, if it were that
    of the camera's body."""
    rotation = world_from_camera[:3, :3]
    as_body = rotation @ BODY_FROM_OPTICAL
    return bool(rotation[2, 2] > STEEP and abs(as_body[2, 2]) < STEEP and -as_body[2, 1] > STEEP)
