"""Rooms: four walls, furniture, a door, a lamp. World frame: origin on the floor in the middle, z up, metres.

Two domains. In ``studio`` rooms every wall has a hue of its own (+x red, -x green, +y blue, -y yellow), jittered, so
that a small network can learn to tell from one image where its camera is. ``generic`` rooms have any colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DOMAINS = ('studio', 'generic')

WALL_HUES = np.array([[0.85, 0.2, 0.2], [0.2, 0.75, 0.25], [0.25, 0.35, 0.9], [0.9, 0.8, 0.2]])
"""Linear RGB of the studio's walls +x, -x, +y, -y."""

FURNITURE = 7
STOOL_SIDE = 0.18
"""Half the side of a stool [m]."""


@dataclass(frozen=True)
class Room:
    """Everything that stands still."""

    half: np.ndarray
    """(3,) half the extent along x and y, and the height of the ceiling [m]."""
    boxes: np.ndarray
    """(B, 7) furniture: centre x, y, half sides along its own x, y, bottom, top [m], yaw [rad]."""
    stools: np.ndarray
    """(S, 3) x, y and height of the seats [m]; each is one of the boxes too."""
    surfaces: np.ndarray
    """(6 + B, 9) floor, ceiling, walls +x -x +y -y, boxes: two colours, kind of pattern, its pitch [m], seed."""
    door: np.ndarray
    """(7,) wall (0..3), centre along it, half width, height [m], colour."""
    light: np.ndarray
    """(4,) position of the lamp [m], share of ambient light."""
    light_color: np.ndarray
    """(3,)"""

    @classmethod
    def sample(cls, rng: np.random.Generator, domain: str = 'studio') -> Room:
        """A room of 4.4 to 7.2 m a side.

        Raises:
            ValueError: ``domain`` is not one of DOMAINS.
        """
        if domain not in DOMAINS:
            raise ValueError(f'unknown domain {domain!r}; known are {", ".join(DOMAINS)}')
        half = np.array([*rng.uniform(2.2, 3.6, 2), rng.uniform(2.5, 3.3)])
        door = _sample_door(rng, half)
        boxes, stools = _sample_furniture(rng, half, door)
        light = np.array([*(0.7 * rng.uniform(-half[:2], half[:2])), half[2] - 0.2, rng.uniform(0.35, 0.65)])
        return cls(
            half=half,
            boxes=boxes,
            stools=stools,
            surfaces=_sample_surfaces(rng, len(boxes), domain),
            door=door,
            light=light,
            light_color=1 + rng.uniform(-0.12, 0.12, 3),
        )

    @property
    def doorway(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (2,) on the floor 0.7 m inside and 1.2 m outside of the door."""
        axis, sign = int(self.door[0]) // 2, 1 - 2 * (int(self.door[0]) % 2)
        inside, outside = np.empty(2), np.empty(2)
        inside[1 - axis] = outside[1 - axis] = self.door[1]
        inside[axis] = sign * (self.half[axis] - 0.7)
        outside[axis] = sign * (self.half[axis] + 1.2)
        return inside, outside

    def contains(self, points: np.ndarray) -> np.ndarray:
        """(...) bool: (..., 2) points of the floor that lie in the room."""
        return (np.abs(points) < self.half[:2]).all(-1)

    def clearance(self, points: np.ndarray, ignore_stools: bool = False) -> np.ndarray:
        """(...) distance of (..., 2) points of the floor from the nearest furniture [m]; negative inside it."""
        boxes = self.boxes[: len(self.boxes) - len(self.stools)] if ignore_stools else self.boxes
        offset = points[..., None, :] - boxes[:, :2]
        cos, sin = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
        along = np.abs(cos * offset[..., 0] + sin * offset[..., 1]) - boxes[:, 2]
        across = np.abs(-sin * offset[..., 0] + cos * offset[..., 1]) - boxes[:, 3]
        outside = np.hypot(np.maximum(along, 0), np.maximum(across, 0))
        return (outside + np.minimum(np.maximum(along, across), 0)).min(-1, initial=np.inf)


def sample_color(
    rng: np.random.Generator, low: float = 0.08, high: float = 0.92, saturation: float = 1.0
) -> np.ndarray:
    """(3,) a random linear RGB colour."""
    color = rng.uniform(low, high, 3)
    grey = color.mean()
    return grey + (color - grey) * saturation


def _sample_door(rng: np.random.Generator, half: np.ndarray) -> np.ndarray:
    wall = rng.integers(4)
    reach = half[1 - wall // 2] - 0.9
    tone = sample_color(rng, 0.05, 0.5, 0.6)
    return np.array([wall, rng.uniform(-reach, reach), rng.uniform(0.42, 0.5), rng.uniform(2.0, 2.15), *tone])


def _sample_furniture(rng: np.random.Generator, half: np.ndarray, door: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes along the walls, some free in the room, and stools; none in front of the door."""
    boxes = []
    for _ in range(rng.integers(2, FURNITURE + 1)):
        width, deep = rng.uniform(0.25, 0.9), rng.uniform(0.2, 0.4)
        height = rng.choice([0.45, 0.75, 1.0, 1.9]) * rng.uniform(0.85, 1.15)
        wall = rng.integers(4)
        axis, sign = wall // 2, 1 - 2 * (wall % 2)
        place = np.empty(2)
        place[axis] = sign * (half[axis] - deep)
        place[1 - axis] = rng.uniform(0.9 - half[1 - axis], half[1 - axis] - 0.9)
        sides = (deep, width) if axis == 0 else (width, deep)
        yaw = 0.0
        if rng.random() < 0.2:
            place, yaw = rng.uniform(-0.5, 0.5, 2) * half[:2], rng.uniform(0, np.pi)
            sides, height = (rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.5)), rng.uniform(0.3, 0.8)
        if wall == door[0] and abs(place[1 - axis] - door[1]) < width + 0.8:
            continue
        boxes.append([*place, *sides, 0, height, yaw])
    stools = [[*(rng.uniform(-0.6, 0.6, 2) * half[:2]), rng.uniform(0.38, 0.46)] for _ in range(rng.integers(0, 3))]
    for x, y, height in stools:
        boxes.append([x, y, STOOL_SIDE, STOOL_SIDE, 0, height, rng.uniform(0, np.pi)])
    return np.array(boxes).reshape(-1, 7), np.array(stools).reshape(-1, 3)


def _sample_surfaces(rng: np.random.Generator, boxes: int, domain: str) -> np.ndarray:
    surfaces = np.zeros((6 + boxes, 9))
    for index, surface in enumerate(surfaces):
        ceiling = index == 1
        color = sample_color(rng, 0.6 if ceiling else 0.1, 0.95, rng.uniform(0.3, 1))
        spread = 0.12
        if domain == 'studio' and 2 <= index < 6:
            color = np.clip(WALL_HUES[index - 2] * rng.uniform(0.7, 1.1) + rng.normal(0, 0.05, 3), 0, 1)
            spread = 0.05
        second = np.clip(color * rng.uniform(0.55, 1.3) + rng.normal(0, spread, 3), 0.02, 1)
        kind = 0 if ceiling else rng.integers(0, 5)
        surface[:] = [*color, *second, kind, rng.uniform(0.25, 0.9), rng.integers(0, 1000)]
    return surfaces
