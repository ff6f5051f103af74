"""Which joints the cameras really see: inside the image and not behind the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.capture.scene.surfaces import Surfaces
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.skeleton import BODY_JOINTS, HEAD

EDGE = 0.05
"""A head this near to the edge of an image, as a part of its size, need not be detected."""


@dataclass(frozen=True)
class Visibility:
    """Joints of K people in N images."""

    pixels: np.ndarray  # (N, K, J, 2) projections, pixels of the camera images
    in_front: np.ndarray  # (N, K, J) bool
    visible: np.ndarray  # (N, K, J) bool
    sizes: np.ndarray  # (N, 2) width, height [px]

    def fraction(self, image: int, person: int) -> float:
        """Share of the body joints that the image sees."""
        return float(self.visible[image, person, :BODY_JOINTS].mean())

    def expected(self, person: int) -> np.ndarray:
        """(N,) bool: the image shows so much of the person that it should be detected: head and half of the body."""
        pixels, edge = self.pixels[:, person, HEAD], EDGE * self.sizes
        inside = ((pixels > edge) & (pixels < self.sizes - edge)).all(-1)
        half = self.visible[:, person, :BODY_JOINTS].mean(-1) >= 0.5
        return inside & half & self.visible[:, person, HEAD]

    def box(self, image: int, person: int) -> tuple[int, int, int, int]:
        """x, y, width, height [px] of the projected joints, cut to the image; zeros when nothing is inside."""
        front = self.in_front[image, person]
        if not front.any():
            return 0, 0, 0, 0
        pixels = self.pixels[image, person, front]
        low = np.clip(np.floor(pixels.min(0)), 0, self.sizes[image])
        high = np.clip(np.ceil(pixels.max(0)), 0, self.sizes[image])
        if (high <= low).any():
            return 0, 0, 0, 0
        return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def joint_visibility(
    joints: np.ndarray,
    surfaces: Surfaces,
    scale: float,
    intrinsics: np.ndarray,
    world_from_camera: np.ndarray,
    margin: float,
) -> Visibility:
    """Project joints into images and compare them with the depth that the images see.

    Args:
        joints: (K, J, 3) world [m].
        surfaces: depth of the N images.
        scale: metres of the world per metre of ``surfaces``.
        intrinsics: (N, 3, 3) pixels of the camera images.
        world_from_camera: (N, 4, 4).
        margin: how far the scene must be in front of a joint to hide it [m]; more than half a body is thick, or
            people would hide their own joints.
    """
    count = len(intrinsics)
    flat = np.broadcast_to(joints.reshape(-1, 3), (count, joints.shape[0] * joints.shape[1], 3))
    local = transform(invert_rigid(world_from_camera), flat)
    pixels = project(local, intrinsics)
    in_front = local[..., 2] > 0.05
    with np.errstate(invalid='ignore'):
        seen = surfaces.depth_at(np.where(in_front[..., None], pixels, -1.0)) * scale
        visible = in_front & (seen > local[..., 2] - margin)  # NaN outside of the image: not visible
    shape = (count, *joints.shape[:2])
    return Visibility(pixels.reshape(*shape, 2), in_front.reshape(shape), visible.reshape(shape), surfaces.sizes)
