"""Labels over heads that do not cover each other in the picture of whoever looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHARACTER, LINE = 0.011, 0.036
"""Width of a character and height of a line of text, in heights of a window of 600 pixels."""


@dataclass(frozen=True)
class Viewpoint:
    """From where somebody looks at the world."""

    position: np.ndarray  # (3,) [m]
    look_at: np.ndarray  # (3,) [m]
    fov: float  # vertical [rad]
    height: int = 600
    """Of the picture [px]."""


def lifts(places: np.ndarray, lengths: np.ndarray, viewpoint: Viewpoint) -> np.ndarray:
    """How far to raise each label [m], so that none covers another one.

    Args:
        places: (K, 3) where the labels would be [m].
        lengths: (K,) characters of each.

    Returns:
        (K,) at least zero; the nearest label stays where it is.
    """
    across, up, depth = _seen(places, viewpoint)
    scale = 600.0 / max(viewpoint.height, 1)
    widths, line = CHARACTER * scale * (lengths + 1), LINE * scale
    lifted = up.copy()
    settled: list[int] = []
    for label in np.argsort(depth):
        if depth[label] <= 0:  # behind the viewer
            continue
        besides = [
            other for other in settled if abs(across[other] - across[label]) < 0.5 * (widths[other] + widths[label])
        ]
        for other in sorted(besides, key=lambda index: lifted[index]):
            if abs(lifted[other] - lifted[label]) < line:
                lifted[label] = lifted[other] + line
        settled.append(int(label))
    steepness = np.clip(_horizontal(viewpoint), 0.2, 1.0)  # from straight above, height is not seen
    return np.maximum(lifted - up, 0.0) * np.maximum(depth, 0.0) * 2 * np.tan(0.5 * viewpoint.fov) / steepness


def _seen(places: np.ndarray, viewpoint: Viewpoint) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places in the picture, in its heights from the middle: to the right, upwards; and how far away [m]."""
    forward = viewpoint.look_at - viewpoint.position
    forward = forward / max(np.linalg.norm(forward), 1e-9)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right = right / max(np.linalg.norm(right), 1e-9)
    offsets = places - viewpoint.position
    depth = offsets @ forward
    size = 2 * np.tan(0.5 * viewpoint.fov) * np.where(depth > 0, depth, 1.0)
    return offsets @ right / size, offsets @ np.cross(right, forward) / size, depth


def _horizontal(viewpoint: Viewpoint) -> float:
    """Cosine of the elevation from which one looks."""
    away = viewpoint.position - viewpoint.look_at
    return float(np.linalg.norm(away[:2])) / max(float(np.linalg.norm(away)), 1e-9)
