"""Chamfer loss between the visible skin of people and the depth that the scene branch sees on them (stage 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from chromm_ros.geometry.cameras import project


def chamfer_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Mean distance of each point of (A, 3) to the nearest of (B, 3), plus the reverse; 0 when a set is empty."""
    if not len(first) or not len(second):
        return first.sum() * 0 + second.sum() * 0
    distance = torch.cdist(first, second)
    return distance.amin(1).mean() + distance.amin(0).mean()


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
        pixels = project(torch.where(ahead[..., None], vertices, vertices.new_tensor([0.0, 0.0, 1.0])), intrinsics)
        inside = (pixels >= 0).all(-1) & (pixels < pixels.new_tensor([image_size[1], image_size[0]])).all(-1)
        return facing & ahead & inside


def thinned_out(points: torch.Tensor, limit: int) -> torch.Tensor:
    """At most ``limit`` of the points (A, 3), evenly spread over their order."""
    return points[:: max(1, -(-len(points) // limit))]


def chamfer_loss(
    vertices: torch.Tensor,
    visible: torch.Tensor,
    frame: torch.Tensor,
    points: torch.Tensor,
    mask: torch.Tensor,
    limit: int = 512,
) -> torch.Tensor:
    """Mean over images of the Chamfer distance [m] between the people's visible skin and the masked point map.

    Args:
        vertices: (M, V, 3) placed people, camera frame; ``visible`` (M, V).
        frame: (M,) image of each person.
        points: (F, h, w, 3) point maps, camera frame; ``mask`` (F, h, w) true on people.
        limit: points of either side that are compared, per image.
    """
    losses = []
    for image in frame.unique().tolist():
        mine = frame == image
        skin = thinned_out(vertices[mine][visible[mine]], limit)
        seen = thinned_out(points[image][mask[image]], limit)
        if len(skin) and len(seen):
            losses.append(chamfer_distance(skin, seen))
    return torch.stack(losses).mean() if losses else vertices.sum() * 0 + points.sum() * 0
