"""People of the synthetic world for the fake copies of data sets: straight walks and studio scenes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import roma
import torch

from chromm_ros.body.library import BodyLibrary
from chromm_ros.synthetic.world import World, animate

GREY = (54, 96)
"""Height and width of pictures whose pixels do not matter."""


@dataclass(frozen=True)
class People:
    """K people at T times in a world whose axes ``world`` says."""

    betas: np.ndarray  # (K, 10)
    pose: np.ndarray  # (T, K, 52, 3, 3) CHROMM's theta
    root: np.ndarray  # (T, K, 3, 3) world from body
    pelvis: np.ndarray  # (T, K, 3) [m]

    def turned(self, rotation: np.ndarray) -> People:
        """In a world with other axes."""
        return People(self.betas, self.pose, rotation @ self.root, self.pelvis @ rotation.T)

    @property
    def smpl(self) -> np.ndarray:
        """(T, K, 23, 3, 3) pose of SMPL, the hands not turned."""
        hands = np.broadcast_to(np.eye(3), (*self.pose.shape[:2], 2, 3, 3))
        return np.concatenate([self.pose[:, :, :21], hands], 2)

    @property
    def smplx(self) -> np.ndarray:
        """(T, K, 54, 3, 3) pose of SMPL-X: body, jaw, eyes, hands."""
        eyes = np.broadcast_to(np.eye(3), (*self.pose.shape[:2], 2, 3, 3))
        return np.concatenate([self.pose[:, :, :21], self.pose[:, :, 51:], eyes, self.pose[:, :, 21:51]], 2)

    def transl(self, bodies: BodyLibrary, model: str, gender: str, person: int) -> np.ndarray:
        """(T, 3) what a file must say so that the pelvis is where it is."""
        return self.pelvis[:, person] - bodies.rest_pelvis(model, gender, self.betas[person])


Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""From the synthetic world (z up) to one with y up."""


@cache
def walkers(frames: int, people: int = 1, speed: float = 0.04, seed: int = 7) -> People:
    """People who walk straight on, side by side, the same way every frame; z up."""
    cast = World.sample(seed, views=1, people=(people, people), duration=20.0).cast
    scene = animate(cast, np.arange(frames) / 30)
    steps = np.arange(frames)[:, None, None] * np.array([speed, 0, 0])
    places = np.array([[0.0, 1.2 * k, 0.95] for k in range(people)])
    return People(scene.betas[0], scene.pose.astype(np.float64), scene.root_rotation, steps + places)


def looking_at(place: np.ndarray, target: np.ndarray, up: np.ndarray) -> np.ndarray:
    """(4, 4) world_from_camera of an upright camera."""
    forward = (target - place) / np.linalg.norm(target - place)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, place], 1)
    return pose


def axis_angle(rotations: np.ndarray) -> np.ndarray:
    """(..., 3) of (..., 3, 3)."""
    flat = torch.from_numpy(np.ascontiguousarray(rotations, np.float64)).reshape(-1, 3, 3)
    return roma.rotmat_to_rotvec(flat).numpy().reshape(*rotations.shape[:-2], 3)


def grey_pictures(paths: list[Path], size: tuple[int, int] = GREY[::-1]) -> None:
    """One grey picture of (width, height) under all the names."""
    first: Path | None = None
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        if first is None or first.suffix != path.suffix:
            cv2.imwrite(str(path), np.full((size[1], size[0], 3), 110, np.uint8))
            first = path
        else:
            path.hardlink_to(first)


def write_picture(path: Path, image: np.ndarray) -> None:
    """An RGB or grey picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)
