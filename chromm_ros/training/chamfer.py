"""Chamfer loss between the visible skin of people and the depth that the scene branch sees on them (stage 2).

Sets of points are padded and carry which of their points count: how many do is never looked at by the host.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from chromm_ros.geometry.cameras import project
from chromm_ros.training.targets import in_front, within


def visible_vertices(
    vertices: torch.Tensor, faces: torch.Tensor, intrinsics: torch.Tensor, image_size: tuple[int, int]
) -> torch.Tensor:
    """(M, V) bool: vertices (M, V, 3) in the camera frame whose normal faces the camera and that lie in the image.

    Args:
        faces: (F, 3) counter-clockwise seen from outside.
        intrinsics: (M, 3, 3) [px].
        image_size: (height, width).
    """
    with torch.no_grad():
        corners = vertices[:, faces]  # (M, F, 3, 3)
        area = torch.linalg.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
        normals = torch.zeros_like(vertices)
        for corner in range(3):
            normals.index_add_(1, faces[:, corner], area)
        facing = (F.normalize(normals, dim=-1) * vertices).sum(-1) < 0
        ahead = vertices[..., 2] > 0.1
        pixels = project(torch.where(ahead[..., None], vertices, in_front(vertices)), intrinsics)
        return facing & ahead & within(pixels, *image_size)


def thinned_out(points: torch.Tensor, counts: torch.Tensor, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """At most ``limit`` of those points of each set (B, A, 3) that count, evenly spread over their order.

    Args:
        counts: (B, A) bool.

    Returns:
        (B, limit, 3), and which of them count (B, limit).
    """
    rank = counts.cumsum(1)
    number = rank[:, -1:]
    wanted = torch.arange(limit, device=points.device) * ((number + limit - 1) // limit).clamp(min=1)
    place = torch.searchsorted(rank, wanted + 1).clamp(max=points.shape[1] - 1)
    return torch.take_along_dim(points, place[..., None], 1), wanted < number


def chamfer_loss(
    skin: torch.Tensor, visible: torch.Tensor, points: torch.Tensor, mask: torch.Tensor, limit: int = 512
) -> torch.Tensor:
    """Mean distance [m] of each point to the nearest of the other set, plus the reverse; mean over the images that
    have both.

    Args:
        skin: (F, A, 3) vertices of the placed people of each image, camera frame; ``visible`` (F, A) bool.
        points: (F, B, 3) point maps, camera frame; ``mask`` (F, B) true on people.
        limit: points of either side that are compared, per image.
    """
    first, in_first = thinned_out(skin, visible, limit)
    second, in_second = thinned_out(points, mask, limit)
    both = in_first[:, :, None] & in_second[:, None]
    distance = torch.cdist(first, second).masked_fill(~both, torch.inf)
    loss = sum(_mean(distance.amin(axis), counts) for axis, counts in ((2, in_first), (1, in_second)))
    usable = in_first.any(1) & in_second.any(1)
    return torch.where(usable, loss, 0.0).sum() / usable.sum().clamp(min=1)


def _mean(values: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """(B,) means over those of (B, A) that count and are finite."""
    counts = counts & values.isfinite()
    return torch.where(counts, values, 0.0).sum(1) / counts.sum(1).clamp(min=1)
