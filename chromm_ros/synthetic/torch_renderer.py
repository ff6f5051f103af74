"""The renderer on any torch device, behind the interface of :mod:`chromm_ros.synthetic.renderer`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from chromm_ros.body.model import BodyModel
from chromm_ros.synthetic import raster_torch as raster
from chromm_ros.synthetic.people import Looks
from chromm_ros.synthetic.renderer import Background, BodyShapes, Camera, Picture, gamma_table, stack_looks
from chromm_ros.synthetic.rooms import Room


class TorchRenderer:
    """Gives the pictures of :class:`~chromm_ros.synthetic.renderer.NumbaRenderer`, computed on ``device``."""

    def __init__(self, device: str | torch.device = 'cpu'):
        self.device = torch.device(device)
        self.body = BodyModel.load_proxy(self.device)
        self._rest = self.body.template - self.body.joint_template[0]
        self._part = self.body.weights.argmax(1)

    def background(self, room: Room, camera: Camera) -> Background:
        """The empty room."""
        width, height = camera.image_size
        color, depth, floor = raster.trace_room(
            self._put(camera.lens), self._put(camera.world_from_camera), self._put(room.half), self._put(room.boxes),
            self._put(room.surfaces), self._put(room.door), self._put(room.light), (height, width),
        )  # fmt: skip
        return Background(color.cpu().numpy(), depth.cpu().numpy(), floor.to(torch.uint8).cpu().numpy())

    def dress(self, vertices: np.ndarray, looks: Sequence[Looks], feet: np.ndarray) -> BodyShapes:
        """Clothe bare skins ``vertices`` (K, N, 3), world [m]."""
        colors, styles = stack_looks(looks)
        looseness = np.array([look.looseness for look in looks]).reshape(-1, colors.shape[1])
        skins = torch.as_tensor(vertices, device=self.device)
        dressed, normals = raster.dress(
            skins, self.body.faces, self._rest, self._part, self._put(styles), self._put(looseness)
        )
        return BodyShapes(dressed.cpu().numpy(), normals.cpu().numpy(), colors, styles, feet)

    def draw(
        self, room: Room, camera: Camera, background: Background, figures: BodyShapes, exposure: np.ndarray, seed: int
    ) -> Picture:
        """Draw the people over the room and expose the picture."""
        lens, pose, light = self._put(camera.lens), self._put(camera.world_from_camera), self._put(room.light)
        color, depth = (torch.as_tensor(array, device=self.device) for array in (background.color, background.depth))
        floor = torch.as_tensor(background.floor, device=self.device).bool()
        color = raster.cast_shadows(lens, pose, floor, depth, self._put(figures.feet), color)
        color, depth, instance = raster.draw_people(
            lens, self._put(camera.camera_from_world), self.body.faces, self._rest, self._part,
            torch.as_tensor(figures.vertices, device=self.device),
            torch.as_tensor(figures.normals, device=self.device),
            self._put(figures.colors), self._put(figures.styles), light, color, depth,
        )  # fmt: skip
        gain, table = self._put(room.light_color * exposure[0]), self._put(gamma_table(exposure[1]))
        image = raster.expose(color, gain, table, float(exposure[2]), seed)
        return Picture(image.cpu().numpy(), depth.cpu().numpy(), instance.cpu().numpy())

    def _put(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float64, device=self.device)
