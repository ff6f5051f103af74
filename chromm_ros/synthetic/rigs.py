"""Rigs of cameras around a room: placement, lenses, movement, exposure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.synthetic.rooms import Room

FIELD_OF_VIEW = (60.0, 85.0)
"""Horizontal, degrees; one lens for all cameras of a rig."""

SWAY = 0.1
"""How far a moving camera goes from its place [m]."""


@dataclass(frozen=True)
class Rig:
    """V cameras that look into the room from its walls."""

    intrinsics: np.ndarray
    """(V, 3, 3) pixels; the centre of the first pixel is (0.5, 0.5)."""
    places: np.ndarray
    """(V, 3) world [m]."""
    targets: np.ndarray
    """(V, 3) points looked at, world [m]."""
    rolls: np.ndarray
    """(V,) rotation about the viewing direction [rad]."""
    exposures: np.ndarray
    """(V, 3) gain, gamma, standard deviation of the noise (full scale is 1)."""
    image_size: tuple[int, int]
    """Width, height [px]."""
    moving: bool = False

    @classmethod
    def sample(
        cls, rng: np.random.Generator, room: Room, views: int, image_size: tuple[int, int], moving: bool = False
    ) -> Rig:
        """``views`` cameras (1 to 8), spread around the room at 1.3 to 2.5 m, looking at its middle."""
        if not 1 <= views <= 8:
            raise ValueError(f'a rig has 1 to 8 cameras, not {views}')
        focal = image_size[0] / 2 / np.tan(np.radians(rng.uniform(*FIELD_OF_VIEW)) / 2)
        intrinsics = np.array([[focal, 0, image_size[0] / 2], [0, focal, image_size[1] / 2], [0, 0, 1]])
        base = rng.uniform(0, 2 * np.pi)
        places = [_place(rng, room, base + 2 * np.pi * view / views) for view in range(views)]
        targets = np.stack([rng.normal(0, 0.35, views), rng.normal(0, 0.35, views), rng.uniform(0.6, 1.1, views)], -1)
        exposures = [rng.uniform(0.8, 1.2, views), rng.uniform(0.85, 1.2, views), rng.uniform(0, 0.03, views)]
        return cls(
            intrinsics=np.broadcast_to(intrinsics, (views, 3, 3)).copy(),
            places=np.array(places),
            targets=targets,
            rolls=rng.normal(0, 0.03, views),
            exposures=np.stack(exposures, -1),
            image_size=image_size,
            moving=moving,
        )

    def world_from_camera(self, times: np.ndarray) -> np.ndarray:
        """(V, T, 4, 4) at (T,) seconds."""
        views = len(self.places)
        places = np.broadcast_to(self.places[:, None], (views, len(times), 3)).copy()
        if self.moving:
            phase = np.arange(views)[:, None] + times
            places += SWAY * np.stack([np.sin(phase), np.cos(0.9 * phase), 0.2 * np.sin(1.3 * phase)], -1)
        forward = self.targets[:, None] - places
        forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
        right = np.cross(forward, [0.0, 0, 1])
        right /= np.linalg.norm(right, axis=-1, keepdims=True)
        down = np.cross(forward, right)
        cos, sin = np.cos(self.rolls)[:, None, None], np.sin(self.rolls)[:, None, None]
        right, down = cos * right + sin * down, cos * down - sin * right
        poses = np.zeros((views, len(times), 4, 4))
        poses[..., :3, :] = np.stack([right, down, forward, places], -1)
        poses[..., 3, 3] = 1
        return poses


def _place(rng: np.random.Generator, room: Room, angle: float) -> np.ndarray:
    """A place near the wall in the direction ``angle``, not in or right behind furniture."""
    for _ in range(20):
        a = angle + rng.uniform(-0.4, 0.4)
        direction = np.array([np.cos(a), np.sin(a)])
        reach = ((room.half[:2] - 0.15) / np.maximum(np.abs(direction), 1e-6)).min()
        place = np.array(
            [*(direction * reach * rng.uniform(0.8, 0.95)), rng.uniform(1.3, min(2.5, room.half[2] - 0.2))]
        )
        tall = room.boxes[:, 5] > place[2] - 0.6
        near = np.hypot(*(room.boxes[:, :2] - place[:2]).T) < np.hypot(room.boxes[:, 2], room.boxes[:, 3]) + 0.25
        if not (tall & near).any():
            break
    return place
