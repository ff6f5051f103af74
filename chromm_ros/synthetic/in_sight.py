"""Who can be seen in which picture of the synthetic world."""

from __future__ import annotations

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.synthetic.world import Frames

IN_FRONT = 0.4
"""A head is hidden when the scene lies more than this before the joint [m]; the skin is some 0.1 m before it."""

SMALLEST = 100 / (192 * 144)
"""Part of the picture that a person must cover."""

CLOSEST = 0.4
"""Least depth of a head [m]."""


def heads_in_sight(frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Heads that a detector can be expected to find.

    Returns:
        (V, T, K) bool: the head joint is inside the picture, not hidden, and the person is not too small; and
        (V, T, K, 2) its pixels.
    """
    views, steps, height, width = frames.instance.shape
    head = transform(invert_rigid(frames.world_from_camera), np.broadcast_to(frames.truth.head, _shape(frames)))
    ahead = head[..., 2] > CLOSEST
    pixels = project(np.where(ahead[..., None], head, [0.0, 0.0, 1.0]), frames.intrinsics)
    inside = ahead & (pixels >= 0).all(-1) & (pixels < [width, height]).all(-1) & frames.truth.present
    column, row = np.where(inside[..., None], pixels, 0).astype(int).transpose(3, 0, 1, 2)
    view, step = np.ogrid[:views, :steps]
    surface = frames.depth[view[..., None], step[..., None], row, column]
    covered = np.zeros(inside.shape, int)
    for person in range(inside.shape[2]):
        covered[..., person] = (frames.instance == person + 1).sum((2, 3))
    large = covered >= SMALLEST * height * width
    return inside & large & (surface > head[..., 2] - IN_FRONT), pixels


def _shape(frames: Frames) -> tuple[int, ...]:
    return (len(frames.images), *frames.truth.head.shape)
