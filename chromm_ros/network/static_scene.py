"""Which points of a point map are worth keeping: confident, not smeared over an edge, not a person.

A pixel is an edge where the depth jumps AND the surface turns: a slanted floor jumps without turning, a fold turns
without jumping, and both are good points.
"""

from __future__ import annotations

import torch
from torch.nn import functional

CONFIDENCE = 0.1
"""Least confidence; the network's 0.1 stands for a relative error of about 4.6 %."""

DEPTH_JUMP = 0.03
"""Largest range of depth within 3x3 pixels, relative to the depth."""

NORMAL_TURN = 5.0
"""Largest angle between the normals of neighbours [deg]."""


def keep_mask(
    local_points: torch.Tensor,
    confidence: torch.Tensor | None = None,
    people: torch.Tensor | None = None,
    threshold: float = CONFIDENCE,
) -> torch.Tensor:
    """(..., H, W) bool: points of the static scene.

    Args:
        local_points: (..., H, W, 3) in the camera frame.
        confidence: (..., H, W) in [0, 1]; None: all points are trusted.
        people: (..., H, W) bool, pixels of people; None: nobody.
        threshold: confidence that a point must exceed.
    """
    keep = _valid(local_points) if confidence is None else confidence > threshold
    keep = keep & ~depth_normal_edge(local_points, keep)
    return keep if people is None else keep & ~people


def depth_normal_edge(
    points: torch.Tensor, mask: torch.Tensor | None = None, jump: float = DEPTH_JUMP, turn: float = NORMAL_TURN
) -> torch.Tensor:
    """(..., H, W) bool: within ``mask`` the depth of ``points`` (..., H, W, 3) jumps and their normals turn."""
    valid = _valid(points) if mask is None else _valid(points) & mask
    normal, has_normal = normals(points, mask)
    return depth_edge(points[..., 2], valid, relative=jump) & normal_edge(normal, has_normal, turn) & valid


def depth_edge(
    depth: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    relative: float | None = None,
    absolute: float | None = None,
) -> torch.Tensor:
    """(..., H, W) bool: the range of depth over the 3x3 neighbours in ``mask`` exceeds a limit.

    Args:
        depth: (..., H, W).
        relative: limit as a share of the depth of the pixel.
        absolute: limit in the unit of ``depth``.
    """
    if mask is None:
        mask = torch.ones_like(depth, dtype=torch.bool)
    nothing = torch.full_like(depth, -torch.inf)
    span = _largest(torch.where(mask, depth, nothing)) + _largest(torch.where(mask, -depth, nothing))
    edge = torch.zeros_like(mask)
    if relative is not None:
        # Beside a step a depth of 0 is an edge (infinite ratio); NaN is not.
        edge = edge | (torch.nan_to_num(span / depth, nan=0.0) > relative)
    if absolute is not None:
        edge = edge | (span > absolute)
    return edge


def normals(points: torch.Tensor, mask: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Normals of a point map.

    Args:
        points: (..., H, W, 3).
        mask: (..., H, W) bool, points that count; None: all. Points that are not finite never do.

    Returns:
        (..., H, W, 3) unit normals (0 where there is none), and (..., H, W) bool where there is one.
    """
    finite = points.isfinite().all(-1)
    mask = finite if mask is None else finite & mask
    points = torch.where(mask[..., None], points, torch.zeros_like(points))
    padded = functional.pad(points, (0, 0, 1, 1, 1, 1))
    inside = functional.pad(mask, (1, 1, 1, 1))
    height, width = mask.shape[-2:]
    # Up, left, down, right: a turn around the pixel.
    places = [(0, 1), (1, 0), (2, 1), (1, 2)]
    around = [padded[..., row : row + height, column : column + width, :] - points for row, column in places]
    there = [inside[..., row : row + height, column : column + width] & mask for row, column in places]
    total, counted = torch.zeros_like(points), torch.zeros_like(mask)
    for first in range(4):
        second = (first + 1) % 4
        pair = there[first] & there[second]
        normal = functional.normalize(torch.cross(around[first], around[second], dim=-1), dim=-1, eps=1e-12)
        total = total + normal * pair[..., None]
        counted = counted | pair
    return functional.normalize(total, dim=-1, eps=1e-12), counted


def normal_edge(normal: torch.Tensor, mask: torch.Tensor, turn: float = NORMAL_TURN) -> torch.Tensor:
    """(..., H, W) bool: unit normals (..., H, W, 3) in ``mask`` differ by more than ``turn`` degrees within 3x3."""
    height, width = mask.shape[-2:]
    padded, present = _replicated(normal), _replicated(mask[..., None].float())[..., 0] > 0
    angle = torch.zeros_like(normal[..., 0])
    for row in range(3):
        for column in range(3):
            window = (..., slice(row, row + height), slice(column, column + width))
            cosine = (padded[(*window, slice(None))] * normal).sum(-1).clamp(-1, 1)
            angle = torch.maximum(angle, torch.where(present[window], cosine.acos(), 0.0))
    return (torch.rad2deg(_largest(angle)) > turn) & mask


def _valid(points: torch.Tensor) -> torch.Tensor:
    return points.isfinite().all(-1) & (points[..., 2] > 0)


def _replicated(maps: torch.Tensor) -> torch.Tensor:
    """(..., H, W, C) with the outermost pixels repeated once on every side."""
    height, width, channels = maps.shape[-3:]
    flat = functional.pad(maps.reshape(-1, height, width, channels).movedim(-1, 1), (1, 1, 1, 1), mode='replicate')
    return flat.movedim(1, -1).reshape(*maps.shape[:-3], height + 2, width + 2, channels)


def _largest(values: torch.Tensor) -> torch.Tensor:
    """Largest of the 3x3 neighbours, (..., H, W)."""
    flat = values.reshape(-1, 1, *values.shape[-2:])
    return functional.max_pool2d(flat, 3, 1, 1).view(values.shape)
