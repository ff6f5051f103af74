"""What the newest images see of the scene: depth on a grid, which of it is static, and its colours.

Everything that only needs a sample of the point maps (the voxel map, the floor, which joints are hidden) works on
this one grid, taken where the point maps lie (on the accelerator) and copied to the host once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from chromm_ros.capture.settings import SceneSettings
from chromm_ros.flow import Cloud, Human
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.network import SceneGeometry

PERSON_THRESHOLD = 0.5
MASK_MARGIN = 7
"""Pixels of the point map (an odd window) by which the mask of people grows: its edge is soft, and what lies there
moves."""

SOLE = 0.03
"""Metres from the lowest joint down to which a person reaches at least: the floor that people stand on stays."""

PERSON_MARGIN = 0.25
"""Metres around the joints of a known person that belong to no static scene."""


@dataclass(frozen=True)
class Surfaces:
    """Samples of the point maps of N images on a grid (h, w), in metres of the network."""

    depth: np.ndarray  # (N, h, w) z in the camera frame
    rays: np.ndarray  # (N, h, w, 2) x/z, y/z
    static: np.ndarray  # (N, h, w) bool: no person, no edge, not too far, confident
    colors: np.ndarray  # (N, h, w, 3) uint8
    confidence: np.ndarray  # (N, h, w) in [0, 1]
    sizes: np.ndarray  # (N, 2) width, height of the camera images [px]

    @property
    def static_depth(self) -> np.ndarray:
        """(N, h, w) depth, NaN where the sample is not static."""
        return np.where(self.static, self.depth, np.nan)

    def static_cloud(self, scale: float, world_from_camera: np.ndarray) -> Cloud:
        """The static samples in the world; ``world_from_camera`` (N, 4, 4)."""
        depth = self.depth[..., None] * np.float32(scale)
        points = np.concatenate([self.rays * depth, depth], -1)
        points = transform(world_from_camera.astype(np.float32), points)
        return Cloud(points[self.static], self.colors[self.static], self.confidence[self.static])

    def depth_at(self, pixels: np.ndarray) -> np.ndarray:
        """(N, K) depth [m of the network] seen at camera pixels (N, K, 2); NaN outside of the image."""
        height, width = self.depth.shape[1:]
        cells = np.floor(pixels / self.sizes[:, None] * (width, height))
        inside = ((cells >= 0) & (cells < (width, height))).all(-1)
        column, row = np.where(inside[..., None], cells, 0).astype(int).transpose(2, 0, 1)
        return np.where(inside, self.depth[np.arange(len(pixels))[:, None], row, column], np.nan)


def sample_surfaces(
    geometry: SceneGeometry, rows: slice, images: Sequence[np.ndarray], settings: SceneSettings
) -> Surfaces:
    """Sample the point maps of some rows of a scene geometry.

    Args:
        geometry: ``local_points`` (F, h, w, 3), ``human_mask`` (F, h, w), ``confidence`` (F, h, w) or None, tensors.
        rows: which of the F images.
        images: the camera images (H, W, 3) of these rows.
        settings: how many points, how far, which edges.
    """
    points = geometry.local_points[rows].float()
    count, height, width = points.shape[:3]
    stride = max(1, math.ceil(math.sqrt(count * height * width / settings.points_per_window)))
    grid = (slice(None), slice(stride // 2, None, stride), slice(stride // 2, None, stride))
    depth = points[..., 2][grid]
    static = ~_near_people(geometry.human_mask[rows], stride)
    static &= (_bend(points[..., 2], stride) < settings.edge) & (depth < settings.range)
    confidence = torch.ones_like(depth) if geometry.confidence is None else geometry.confidence[rows][grid].float()
    static &= confidence >= settings.confidence
    packed = torch.cat([points[grid], static[..., None].float(), confidence[..., None]], -1).cpu().numpy()
    sampled = packed[..., :3]
    sizes = np.array([[image.shape[1], image.shape[0]] for image in images], float)
    pixels = _grid_pixels(height, width, stride)  # (h, w, 2) share of the image
    rays = sampled[..., :2] / sampled[..., 2:]
    colors = np.stack([_colors(image, pixels) for image in images])
    return Surfaces(sampled[..., 2], rays, packed[..., 3] > 0.5, colors, packed[..., 4], sizes)


def without_people(cloud: Cloud, humans: Sequence[Human]) -> Cloud:
    """The cloud (world, z up) without what lies in the upright cylinders around people."""
    x, y, z = np.ascontiguousarray(cloud.points.T)
    inside = np.zeros(len(cloud.points), bool)
    for human in humans:
        middle, joints = human.joints[0, :2], human.joints
        radius = np.linalg.norm(joints[:, :2] - middle, axis=1).max() + PERSON_MARGIN
        low, high = joints[:, 2].min() - SOLE, joints[:, 2].max() + PERSON_MARGIN
        inside |= ((x - middle[0]) ** 2 + (y - middle[1]) ** 2 < radius**2) & (z > low) & (z < high)
    return Cloud(cloud.points[~inside], cloud.colors[~inside], cloud.confidence[~inside])


def seen_through(
    points: np.ndarray, surfaces: Surfaces, scale: float, intrinsics: np.ndarray, world_from_camera: np.ndarray
) -> np.ndarray:
    """(K,) bool: a camera sees something well behind these points (K, 3), world [m].

    Args:
        intrinsics: (N, 3, 3) pixels of the camera images.
        world_from_camera: (N, 4, 4).
    """
    local = transform(invert_rigid(world_from_camera), np.broadcast_to(points, (len(intrinsics), *points.shape)))
    depth = local[..., 2]
    seen = surfaces.depth_at(project(local, intrinsics)) * scale
    with np.errstate(invalid='ignore'):
        return ((depth > 0.1) & (seen > depth + np.maximum(0.3, 0.1 * depth))).any(0)


def _near_people(mask: torch.Tensor, stride: int) -> torch.Tensor:
    """(N, h, w) bool at the samples: a person is within ``MASK_MARGIN``."""
    start, radius = stride // 2, MASK_MARGIN // 2
    padded = torch.nn.functional.pad(mask.float(), (radius, radius, radius, radius))[:, None, start:, start:]
    near = torch.nn.functional.max_pool2d(padded, MASK_MARGIN, stride)[:, 0]
    height, width = (len(range(start, size, stride)) for size in mask.shape[1:])
    return near[:, :height, :width] > PERSON_THRESHOLD


def _bend(depth: torch.Tensor, stride: int) -> torch.Tensor:
    """(N, h, w) at the samples: how far the depth is from that of a plane through its neighbours, over the depth.

    Inverse depth is linear in the image on every plane, however slanted, so only edges and clutter bend it.
    """
    inverse = torch.nn.functional.pad(1.0 / depth.clamp(min=1e-3)[:, None], (1, 1, 1, 1), mode='replicate')[:, 0]

    def sampled(down: int, right: int) -> torch.Tensor:
        start, (height, width) = stride // 2, depth.shape[1:]
        return inverse[:, start + down : height + down : stride, start + right : width + right : stride]

    middle = sampled(1, 1)
    across = sampled(1, 2) + sampled(1, 0) - 2 * middle
    along = sampled(2, 1) + sampled(0, 1) - 2 * middle
    return torch.maximum(across.abs(), along.abs()) / middle


def _grid_pixels(height: int, width: int, stride: int) -> np.ndarray:
    """(h, w, 2) place of the samples as a share of the image (x, y)."""
    x = (np.arange(stride // 2, width, stride) + 0.5) / width
    y = (np.arange(stride // 2, height, stride) + 0.5) / height
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), -1).astype(np.float32)


def _colors(image: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    column = (pixels[..., 0] * image.shape[1]).astype(int)
    row = (pixels[..., 1] * image.shape[0]).astype(int)
    return image[row, column]
