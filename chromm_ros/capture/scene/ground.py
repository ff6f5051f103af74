"""How high the floor is in a level world, from what the cameras see of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chromm_ros.capture.world.floor import find_floor
from chromm_ros.geometry.similarity import Similarity

EVERY = 10
"""Windows from one look at the floor to the next: it stays where it is."""
KEPT = 9
"""Looks over which the height is averaged (median)."""
LEVEL = math.cos(math.radians(4.0))
"""Cosine of the tilt above which a plane is no level floor, but a ramp or a mistake."""
UP = np.array([0.0, 0.0, 1.0])


class Ground:
    """Owner of the height of the floor."""

    def __init__(self) -> None:
        self._heights: list[float] = []
        self._windows = 0

    @property
    def height(self) -> float:
        """z of the floor [m]; NaN: none was seen."""
        return float(np.median(self._heights)) if self._heights else math.nan

    def look(self, points: np.ndarray, tolerance: float) -> None:
        """Take the static points (N, 3) that the images of a window see; world, z up [m]."""
        due = self._windows % EVERY == 0 or not self._heights
        self._windows += 1
        found = find_floor(points, UP, tolerance) if due else None
        if found is None or found[0][2] < LEVEL:
            return
        normal, distance = found
        middle = points.mean(0)
        self._heights.append(float((distance - normal[:2] @ middle[:2]) / normal[2]))
        del self._heights[:-KEPT]

    def move(self, change: Similarity) -> None:
        """Follow the world; a change that tilts it leaves nothing to follow."""
        if change.rotation[2, 2] < LEVEL:
            self._heights.clear()
        scale, lift = float(change.scale), float(change.translation[2])
        self._heights = [scale * height + lift for height in self._heights]

    def state_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {'heights': list(self._heights), 'windows': self._windows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self._heights, self._windows = [float(height) for height in state['heights']], int(state['windows'])
