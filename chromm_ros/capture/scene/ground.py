"""How high the floor is in a level world: from what the cameras see of it, and from the feet of people."""

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

GUESSED, MEASURED = 0.1, 0.02
"""Standard deviations of a floor in the depth of a network and in that of depth cameras [m]."""
FEET = 0.05
"""The same where the feet of people tell, who are all a little too tall or too short [m]."""
FEWEST_FEET, MOST_FEET = 12, 360
"""Heights of feet from which they tell anything, and of how many the newest count."""
FEET_EVERY = 1.0
"""Time from one look at the feet to the next [s]."""
REACH = 0.3
"""Feet that are farther from the floor stand on something else [m]."""
AGREE = 0.6
"""Share of the feet that must be that near to each other where no floor is seen: the world may not be level."""


class Ground:
    """Owner of the height of the floor."""

    def __init__(self) -> None:
        self._heights: list[float] = []
        self._windows = 0
        self._error = GUESSED
        self._feet: list[float] = []
        self._feet_seen: int | None = None

    @property
    def height(self) -> float:
        """z of the floor [m]; NaN: nothing tells."""
        scene = float(np.median(self._heights)) if self._heights else math.nan
        heights = np.array([scene, self._under_feet(scene)])
        told = np.isfinite(heights)
        weights = np.array([self._error, FEET]) ** -2
        return float(np.average(heights[told], weights=weights[told])) if told.any() else math.nan

    def look(self, points: np.ndarray, tolerance: float, measured: bool = False) -> None:
        """Take the static points (N, 3) that the images of a window see; world, z up [m].

        Args:
            measured: by depth cameras.
        """
        due = self._windows % EVERY == 0 or not self._heights
        self._windows += 1
        found = find_floor(points, UP, tolerance) if due else None
        if found is None or found[0][2] < LEVEL:
            return
        normal, distance = found
        middle = points.mean(0)
        self._heights.append(float((distance - normal[:2] @ middle[:2]) / normal[2]))
        del self._heights[:-KEPT]
        self._error = MEASURED if measured else GUESSED

    def stand(self, soles: np.ndarray, stamp: int) -> None:
        """Take the heights (N,) of the soles of people who are seen at ``stamp`` [ns]; world, z up [m]."""
        if self._feet_seen is not None and 0 <= stamp - self._feet_seen < FEET_EVERY * 1e9:
            return
        self._feet_seen = stamp
        self._feet.extend(soles[np.isfinite(soles)].tolist())
        del self._feet[:-MOST_FEET]

    def _under_feet(self, scene: float) -> float:
        """Where the feet are that are near the floor of the ``scene``; where it has none, most of all must agree."""
        if len(self._feet) < FEWEST_FEET:
            return math.nan
        feet, known = np.array(self._feet), math.isfinite(scene)
        near = feet[np.abs(feet - (scene if known else np.median(feet))) < REACH]
        enough = len(near) >= FEWEST_FEET and (known or len(near) > AGREE * len(feet))
        return float(np.median(near)) if enough else math.nan

    def move(self, change: Similarity) -> None:
        """Follow the world; a change that tilts it leaves nothing to follow."""
        if change.rotation[2, 2] < LEVEL:
            self._heights.clear()
            self._feet.clear()
        scale, lift = float(change.scale), float(change.translation[2])
        self._heights = [scale * height + lift for height in self._heights]
        self._feet = [scale * height + lift for height in self._feet]

    def state_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            'heights': list(self._heights),
            'windows': self._windows,
            'error': self._error,
            'feet': list(self._feet),
            'feet_seen': self._feet_seen,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self._heights, self._windows = [float(height) for height in state['heights']], int(state['windows'])
        self._error, self._feet = float(state['error']), [float(height) for height in state['feet']]
        self._feet_seen = state['feet_seen']
