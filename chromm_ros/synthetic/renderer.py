"""One interface to draw a room with people, on the CPU (numba) or any torch device; both give the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from chromm_ros.body.model import BodyModel
from chromm_ros.synthetic import raster_numba as raster
from chromm_ros.synthetic.people import Looks
from chromm_ros.synthetic.rooms import Room


@dataclass(frozen=True)
class Camera:
    """One camera at one time."""

    intrinsics: np.ndarray  # (3, 3) [px]
    world_from_camera: np.ndarray  # (4, 4)
    image_size: tuple[int, int]  # width, height [px]

    @property
    def lens(self) -> np.ndarray:
        """(4,) fx, fy, cx, cy [px]."""
        return np.array([self.intrinsics[0, 0], self.intrinsics[1, 1], self.intrinsics[0, 2], self.intrinsics[1, 2]])

    @property
    def camera_from_world(self) -> np.ndarray:
        """(4, 4)"""
        inverse = np.eye(4)
        inverse[:3, :3] = self.world_from_camera[:3, :3].T
        inverse[:3, 3] = -inverse[:3, :3] @ self.world_from_camera[:3, 3]
        return inverse


@dataclass(frozen=True)
class Background:
    """The empty room as one camera sees it; a static camera keeps it."""

    color: np.ndarray  # (H, W, 3) float32 linear RGB
    depth: np.ndarray  # (H, W) float32 [m]
    floor: np.ndarray  # (H, W) uint8


@dataclass(frozen=True)
class BodyShapes:
    """Dressed people at one time."""

    vertices: np.ndarray  # (K, N, 3) float32 world [m]
    normals: np.ndarray  # (K, N, 3) float32
    colors: np.ndarray  # (K, 7, 3)
    styles: np.ndarray  # (K, 7)
    feet: np.ndarray  # (K, 2) where the shadow falls, world [m]


@dataclass(frozen=True)
class Picture:
    """What one camera saw."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    depth: np.ndarray  # (H, W) float32 z [m]
    instance: np.ndarray  # (H, W) uint8: 0 nobody, k + 1 person k


class Renderer(Protocol):
    """What the world needs to draw itself."""

    body: BodyModel

    def background(self, room: Room, camera: Camera) -> Background: ...

    def dress(self, vertices: np.ndarray, looks: Sequence[Looks], feet: np.ndarray) -> BodyShapes: ...

    def draw(
        self, room: Room, camera: Camera, background: Background, figures: BodyShapes, exposure: np.ndarray, seed: int
    ) -> Picture: ...


class NumbaRenderer:
    """Draws on one CPU core; releases the interpreter while it does."""

    def __init__(self) -> None:
        self.body = BodyModel.load_proxy()
        self._faces = self.body.faces.numpy().astype(np.int32)
        self._rest = (self.body.template - self.body.joint_template[0]).numpy()
        self._part = self.body.weights.argmax(1).numpy().astype(np.int32)

    def background(self, room: Room, camera: Camera) -> Background:
        """The empty room."""
        width, height = camera.image_size
        color = np.empty((height, width, 3), np.float32)
        depth = np.empty((height, width), np.float32)
        floor = np.empty((height, width), np.uint8)
        raster.trace_room(
            camera.lens, camera.world_from_camera, room.half, room.boxes, room.surfaces, room.door, room.light,
            color, depth, floor,
        )  # fmt: skip
        return Background(color, depth, floor)

    def dress(self, vertices: np.ndarray, looks: Sequence[Looks], feet: np.ndarray) -> BodyShapes:
        """Clothe bare skins ``vertices`` (K, N, 3), world [m]."""
        vertices = np.array(vertices, np.float32)
        normals = np.empty_like(vertices)
        for k, look in enumerate(looks):
            raster.dress(vertices[k], self._faces, self._rest, self._part, look.style, look.looseness, normals[k])
        return BodyShapes(vertices, normals, *stack_looks(looks), feet)

    def draw(
        self, room: Room, camera: Camera, background: Background, figures: BodyShapes, exposure: np.ndarray, seed: int
    ) -> Picture:
        """Draw the people over the room and expose the picture."""
        color, depth = background.color.copy(), background.depth.copy()
        instance = np.zeros(depth.shape, np.uint8)
        raster.cast_shadows(camera.lens, camera.world_from_camera, background.floor, depth, figures.feet, color)
        raster.draw_people(
            camera.lens, camera.camera_from_world, self._faces, self._rest, self._part, figures.vertices,
            figures.normals, figures.colors, figures.styles, room.light, (color, depth, instance),
        )  # fmt: skip
        image = np.empty(color.shape, np.uint8)
        raster.expose(color, room.light_color * exposure[0], gamma_table(exposure[1]), exposure[2], seed, image)
        return Picture(image, depth, instance)


def gamma_table(gamma: float) -> np.ndarray:
    """(2048,) value of a linear colour in [0, 1.5] after the camera's gamma; a table, for powers are slow."""
    return ((np.arange(2048) + 0.5) * 1.5 / 2047) ** gamma


def stack_looks(looks: Sequence[Looks]) -> tuple[np.ndarray, np.ndarray]:
    """Colours (K, 7, 3) and styles (K, 7)."""
    colors = np.array([look.colors for look in looks]).reshape(-1, 7, 3)
    return colors, np.array([look.style for look in looks]).reshape(-1, 7)
