"""What is known of the cameras beforehand, brought to the form in which the network takes it.

Poses lose their frame and their scale on the way (the first view is the origin, the mean distance is 1), depth loses
its scale: known extrinsics make the network's geometry better but do not set its scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from .attention import BLOCK_EPS, Attention, LayerScale, Mlp
from .rotary import PoseRotary

STATIC_RIG = 0.02
"""Poses whose centres all lie within this distance of the first are not rescaled (metres, or mean depths)."""

KINDS = ('intrinsics', 'rays', 'world_from_camera', 'depths')
"""Names of the conditions; a mask has the name of what it masks."""


@dataclass(frozen=True)
class Conditions:
    """Normalised conditions of B samples of N views. Masks live on the host, because they decide what runs."""

    rays: torch.Tensor | None = None
    """(B, N, 2, H, W) tangents x/z, y/z of the pixel centres."""
    use_rays: torch.Tensor | None = None  # (B, N) bool
    depth: torch.Tensor | None = None
    """(B, N, 2, H, W) depth in mean depths, and where it is valid."""
    use_depth: torch.Tensor | None = None  # (B, N) bool
    world_from_camera: torch.Tensor | None = None
    """(B, N, 4, 4) with view 0 at the origin, scaled."""
    use_poses: torch.Tensor | None = None  # (B, N) bool


def ray_map(intrinsics: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(..., 2, H, W) tangents x/z, y/z of the pixel centres at (column + 0.5, row + 0.5).

    Args:
        intrinsics: (..., 3, 3) in pixels of an image of ``height`` x ``width``.
    """
    device, inverse = intrinsics.device, torch.linalg.inv(intrinsics.float())
    u, v = torch.meshgrid(
        torch.arange(width, device=device) + 0.5, torch.arange(height, device=device) + 0.5, indexing='xy'
    )
    pixels = torch.stack([u, v, torch.ones_like(u)])
    return torch.einsum('...ij,jhw->...ihw', inverse[..., :2, :], pixels)


def invert_poses(poses: torch.Tensor) -> torch.Tensor:
    """Inverse of rigid transforms (..., 4, 4)."""
    rotation = poses[..., :3, :3].transpose(-1, -2)
    translation = -(rotation @ poses[..., :3, 3:])
    return torch.cat([torch.cat([rotation, translation], -1), poses[..., 3:, :]], -2)


def _scaled(poses: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Camera centres of ``poses`` (B, N, 4, 4) divided by ``factor`` (B,)."""
    centres = poses[..., :3, 3:] / factor[:, None, None, None]
    return torch.cat([torch.cat([poses[..., :3, :3], centres], -1), poses[..., 3:, :]], -2)


def _mask(masks: Mapping[str, torch.Tensor], kind: str, shape: torch.Size) -> torch.Tensor:
    """(B, N) bool on the host; all views when there is no mask."""
    if kind not in masks:
        return torch.ones(shape, dtype=torch.bool)
    mask = torch.as_tensor(masks[kind]).bool().cpu()
    if mask.shape != shape:
        raise ValueError(f'mask of {kind} has shape {tuple(mask.shape)}; expected (B, N) = {tuple(shape)}')
    return mask


def prepare(
    size: tuple[int, int],
    *,
    intrinsics: torch.Tensor | None = None,
    rays: torch.Tensor | None = None,
    world_from_camera: torch.Tensor | None = None,
    depths: torch.Tensor | None = None,
    masks: Mapping[str, torch.Tensor] | None = None,
) -> Conditions | None:
    """Normalise conditions; None when there are none, or all are masked out.

    Args:
        size: height and width of the network's images.
        intrinsics: (B, N, 3, 3) pixels of those images, pixel centres at +0.5.
        rays: (B, N, H, W, 3) directions in the camera frame with z > 0, instead of intrinsics (fisheye lenses).
        world_from_camera: (B, N, 4, 4), one world for all views of a sample.
        depths: (B, N, H, W), 0 where unknown.
        masks: (B, N) bool per kind (names of these arguments): which views the condition counts for. Default: all.

    Raises:
        ValueError: a shape or a mask does not fit; a value is not finite; both intrinsics and rays are given.
    """
    given = {'intrinsics': intrinsics, 'rays': rays, 'world_from_camera': world_from_camera, 'depths': depths}
    given = {kind: value for kind, value in given.items() if value is not None}
    masks = masks or {}
    _check(size, given, masks)
    parts: dict[str, torch.Tensor] = {}
    if rays is not None:
        parts |= {'rays': (rays[..., :2] / (rays[..., 2:] + 1e-6)).movedim(-1, -3)}
        parts |= {'use_rays': _mask(masks, 'rays', rays.shape[:2])}
    if intrinsics is not None:
        parts |= {'rays': ray_map(intrinsics, *size), 'use_rays': _mask(masks, 'intrinsics', intrinsics.shape[:2])}
    parts |= _metric_parts(world_from_camera, depths, masks)
    # A kind that counts for no view must cost nothing.
    for use, value in (('use_rays', 'rays'), ('use_depth', 'depth'), ('use_poses', 'world_from_camera')):
        if use in parts and not parts[use].any():
            del parts[use], parts[value]
    return Conditions(**parts) if parts else None


def _metric_parts(
    poses: torch.Tensor | None, depths: torch.Tensor | None, masks: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Depth and poses, which share one scale: the mean depth where depth counts, else the mean baseline."""
    parts: dict[str, torch.Tensor] = {}
    unit = None
    if depths is not None:
        use_depth = _mask(masks, 'depths', depths.shape[:2])
        valid = depths > 0
        counts = valid.flatten(1).sum(1)
        # The mean is over all views, also those that are masked out.
        mean = (depths * valid).flatten(1).sum(1) / counts.clamp(min=1)
        unit = torch.where(counts > 0, mean, torch.ones_like(mean))
        scaled = depths * valid / (unit + 1e-8)[:, None, None, None]
        parts |= {'depth': torch.stack([scaled, valid.to(scaled.dtype)], 2), 'use_depth': use_depth}
    if poses is not None:
        use_poses = _mask(masks, 'world_from_camera', poses.shape[:2])
        # One known pose says nothing about the others.
        use_poses = use_poses & (use_poses.sum(1, keepdim=True) != 1)
        relative = invert_poses(poses[:, :1].float()) @ poses.float()
        if unit is not None:
            relative = _scaled(relative, unit)
        by_depth = parts['use_depth'].any(1) if unit is not None else torch.zeros(len(poses), dtype=torch.bool)
        baseline = _baseline(relative, by_depth.to(relative.device))
        parts |= {'world_from_camera': _scaled(relative, baseline), 'use_poses': use_poses}
        if unit is not None:
            by_baseline = parts['depth'][:, :, :1] / baseline[:, None, None, None, None]
            parts['depth'] = torch.cat([by_baseline, parts['depth'][:, :, 1:]], 2)
    return parts


def _baseline(poses: torch.Tensor, scale_is_known: torch.Tensor) -> torch.Tensor:
    """(B,) what to divide by: the mean distance of the views from view 0; 1 for static rigs and known scales."""
    if poses.shape[1] == 1:
        return poses.new_ones(len(poses))
    distance = poses[:, 1:, :3, 3].norm(dim=-1)
    keep = scale_is_known | (distance.amax(1) < STATIC_RIG)
    return torch.where(keep, torch.ones_like(distance[:, 0]), distance.mean(1) + 1e-8)


def _check(size: tuple[int, int], given: Mapping[str, torch.Tensor], masks: Mapping[str, torch.Tensor]) -> None:
    unknown = set(masks) - set(given)
    if unknown:
        raise ValueError(
            f'masks of {", ".join(sorted(unknown))} mask nothing that is given '
            f'({", ".join(given) or "no conditions"}); a mask has the name of its condition: {", ".join(KINDS)}'
        )
    if 'intrinsics' in given and 'rays' in given:
        raise ValueError('give either intrinsics or rays, not both: rays are what the network makes of intrinsics')
    tails = {'intrinsics': (3, 3), 'rays': (*size, 3), 'world_from_camera': (4, 4), 'depths': size}
    views = None
    for kind, value in given.items():
        if value.ndim != 2 + len(tails[kind]) or value.shape[2:] != tails[kind]:
            raise ValueError(
                f'{kind} has shape {tuple(value.shape)}; expected (B, N, {", ".join(map(str, tails[kind]))})'
            )
        if views is not None and value.shape[:2] != views:
            raise ValueError(
                f'{kind} are of {tuple(value.shape[:2])} (B, N) views, other conditions of {tuple(views)}'
            )
        views = value.shape[:2]
        if value.device.type == 'cpu' and not value.isfinite().all():
            raise ValueError(f'{kind} contain NaN or infinite values; mask those views out and fill them with zeros')


class PoseInjection(nn.Module):
    """What known poses add to the patch tokens: the two branches of a block side by side, without its residuals."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.attn = Attention(width, heads, qk_norm=True)
        self.ls1 = LayerScale(width, 0.01)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.mlp = Mlp(width, 4 * width)
        self.ls2 = LayerScale(width, 0.01)

    def forward(self, x: torch.Tensor, world_from_camera: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """(B, N * P, C) to add to the patch tokens ``x`` (B, N * P, C) of views with poses (B, N, 4, 4)."""
        head_width = x.shape[-1] // self.attn.heads
        position = PoseRotary.at(invert_poses(world_from_camera), world_from_camera, grid, head_width)
        return self.ls1(self.attn(self.norm1(x), position)) + self.ls2(self.mlp(self.norm2(x)))
