"""What is known of the cameras beforehand, and how the scene branch takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from chromm_ros.geometry.cameras import pixel_rays, scale_intrinsics
from chromm_ros.network.scene.conditions import Conditions, prepare
from chromm_ros.network.scene.rays import intrinsics_from_tangents

FOCAL = 0.9
"""Focal length over the longer side of the image where it is not known: a field of view of 58 degrees."""


@dataclass(frozen=True)
class Calibration:
    """What is known of the cameras of N images. Rows that are not known may hold anything."""

    intrinsics: np.ndarray | None = None
    """(N, 3, 3) pixels of the original images."""
    has_intrinsics: np.ndarray | None = None
    """(N,) bool; None: all, if intrinsics are given."""
    world_from_camera: np.ndarray | None = None
    """(N, 4, 4) one frame for all rows [m]. The network takes their shape from them, not their scale."""
    has_pose: np.ndarray | None = None
    """(N,) bool; None: all, if poses are given."""
    depths: Sequence[np.ndarray | None] | None = None
    """Of N images the measured depth (H, W) [m], NaN where unknown; None: of none."""

    def known_intrinsics(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3, 3) intrinsics with something harmless where none are known, and (N,) bool: known."""
        return _filled(self.intrinsics, self.has_intrinsics, rows, 3, 'intrinsics')

    def known_poses(self, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, 4, 4) poses with something harmless where none are known, and (N,) bool: known."""
        return _filled(self.world_from_camera, self.has_pose, rows, 4, 'world_from_camera')


def _filled(
    values: np.ndarray | None, has: np.ndarray | None, rows: int, side: int, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Unknown rows are filled with the known ones in turn: the scene branch normalises poses by the mean distance of
    all rows, also of those that it is told not to look at."""
    if values is None:
        return np.broadcast_to(np.eye(side), (rows, side, side)), np.zeros(rows, bool)
    values = np.asarray(values, float)
    if values.shape != (rows, side, side):
        raise ValueError(f'{name} have shape {values.shape}; expected {(rows, side, side)}, one for each image')
    known = np.isfinite(values).all((1, 2)) & (True if has is None else np.asarray(has, bool))
    if not known.any():
        return np.broadcast_to(np.eye(side), values.shape), known
    source = np.where(known)[0]
    filled = values.copy()
    filled[~known] = values[source[np.arange((~known).sum()) % len(source)]]
    return filled, known


def conditions(
    calibration: Calibration,
    image_sizes: Sequence[tuple[int, int]],
    scene_size: tuple[int, int],
    device: torch.device,
    *,
    intrinsics: bool,
    poses: bool,
    depths: bool = False,
) -> Conditions | None:
    """The calibration of N images as conditions of one sample; None when nothing is known that can be used.

    Args:
        calibration: of all rows of the window.
        image_sizes: (height, width) of the N original images.
        scene_size: (height, width) of the scene encoder's images.
        device: of the network.
        intrinsics, poses, depths: what the network can take.
    """
    given, masks = {}, {}
    matrices, known = calibration.known_intrinsics(len(image_sizes))
    if intrinsics and known.any():
        heights, widths = np.asarray(image_sizes, float).T
        matrices = scale_intrinsics(matrices, scene_size[1] / widths, scene_size[0] / heights)
        given['intrinsics'] = _sample(matrices, device)
        masks['intrinsics'] = torch.from_numpy(known)[None]
    matrices, known = calibration.known_poses(len(image_sizes))
    if poses and known.sum() > 1:
        given['world_from_camera'] = _sample(matrices, device)
        masks['world_from_camera'] = torch.from_numpy(known)[None]
    measured = calibration.depths or ()
    if depths and any(depth is not None for depth in measured):
        maps = np.stack([_resized_depth(depth, scene_size) for depth in measured])
        given['depths'] = _sample(maps, device)
        masks['depths'] = torch.tensor([[depth is not None for depth in measured]])
    return prepare(scene_size, **given, masks=masks) if given else None


def _resized_depth(depth: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    """(h, w) nearest samples of a depth image; 0 where nothing is known."""
    if depth is None:
        return np.zeros(size)
    row, column = (
        ((np.arange(cells) + 0.5) / cells * length).astype(int) for cells, length in zip(size, depth.shape)
    )
    return np.nan_to_num(depth[row[:, None], column[None]], nan=0.0)


def _sample(matrices: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(matrices, np.float32))[None].to(device)


def on_known_rays(
    local_points: torch.Tensor,
    scale: torch.Tensor,
    calibration: Calibration,
    rows: Sequence[int],
    of: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points on the rays of the known cameras, and the intrinsics of all cameras.

    Args:
        local_points: (F, h, w, 3) of the rows ``rows``.
        scale: (F, 2) width and height of the original images over w and h.
        calibration: of all ``of`` rows of the window.
        rows: F of them.
        of: rows of the window.

    Returns:
        (F, h, w, 3) points at the same depths, and (F, 3, 3) in pixels of the original images: as given where
        they are known, else recovered from the points.
    """
    height, width = local_points.shape[1:3]
    tangents = local_points[..., :2] / local_points[..., 2:]
    recovered = scale_intrinsics(intrinsics_from_tangents(tangents), scale[:, 0], scale[:, 1])
    matrices, known = calibration.known_intrinsics(of)
    if not known[list(rows)].any():
        return local_points, recovered
    given = _sample(matrices[list(rows)], local_points.device)[0]
    use = torch.from_numpy(known[list(rows)]).to(local_points.device)
    tangents = pixel_rays(scale_intrinsics(given, 1 / scale[:, 0], 1 / scale[:, 1]), height, width)
    z = local_points[..., 2:]
    points = torch.where(use[:, None, None, None], torch.cat([tangents * z, z], -1), local_points)
    return points, torch.where(use[:, None, None], given, recovered)


def assumed_intrinsics(height: int, width: int) -> np.ndarray:
    """(3, 3) of a usual lens for an image of this size."""
    focal = FOCAL * max(height, width)
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
