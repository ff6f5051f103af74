"""Rays and intrinsics, both ways. Pixel centres are at (column + 0.5, row + 0.5)."""

from __future__ import annotations

import torch


def pixel_centres(height: int, width: int, device: torch.device | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """u and v (H, W) of all pixels."""
    u, v = torch.arange(width, device=device) + 0.5, torch.arange(height, device=device) + 0.5
    across, down = torch.meshgrid(u, v, indexing='xy')
    return across, down


def ray_map(intrinsics: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(..., 2, H, W) tangents x/z, y/z of all pixels.

    Args:
        intrinsics: (..., 3, 3) in pixels of an image of ``height`` x ``width``.
    """
    u, v = pixel_centres(height, width, intrinsics.device)
    pixels = torch.stack([u, v, torch.ones_like(u)])
    return torch.einsum('...ij,jhw->...ihw', torch.linalg.inv_ex(intrinsics.float()).inverse[..., :2, :], pixels)


def intrinsics_from_tangents(tangents: torch.Tensor, centred: bool = True) -> torch.Tensor:
    """(..., 3, 3) intrinsics that explain tangents x/z, y/z best, in pixels of the map.

    Args:
        tangents: (..., H, W, 2).
        centred: the principal point is the image centre, only focal lengths are fitted; otherwise both are.
    """
    height, width = tangents.shape[-3:-1]
    pixels = torch.stack(pixel_centres(height, width, tangents.device), -1)
    t, p = tangents.flatten(-3, -2), pixels.flatten(0, 1)
    centre = torch.stack([pixels.new_full((), side / 2) for side in (width, height)]).expand(*t.shape[:-2], 2)
    if centred:
        focal = (t * (p - centre[..., None, :])).sum(-2) / t.square().sum(-2)
    else:
        offset, mean = t - t.mean(-2, keepdim=True), p.mean(0)
        focal = (offset * (p - mean)).sum(-2) / offset.square().sum(-2)
        centre = mean - focal * t.mean(-2)
    matrix = torch.diag_embed(torch.cat([focal, torch.ones_like(focal[..., :1])], -1))
    matrix[..., :2, 2] = centre
    return matrix
