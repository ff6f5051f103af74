"""Geometry as the scene branch gives it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn import functional


@dataclass(frozen=True)
class SceneOutput:
    """Geometry of B samples of N views, in metres by the network's own estimate of scale."""

    tangents: torch.Tensor
    """(B, N, H, W, 2) x/z, y/z of the viewing ray of every pixel."""
    depth: torch.Tensor
    """(B, N, H, W) z in the camera frame [m], always positive."""
    confidence: torch.Tensor | None
    """(B, N, H, W, 1) logits: sigmoid is about exp(-50 * relative error); None when it was not asked for."""
    world_from_camera: torch.Tensor
    """(B, N, 4, 4) in the world frame of the sample, which is arbitrary: no view is the reference."""
    metric_scale: torch.Tensor
    """(B,) by which all geometry has been multiplied."""
    tokens: torch.Tensor
    """(B, N, P, 2C) decoded tokens of the patches."""

    @cached_property
    def local_points(self) -> torch.Tensor:
        """(B, N, H, W, 3) in the camera frame [m]."""
        depth = self.depth[..., None]
        return torch.cat([self.tangents * depth, depth], -1)

    @cached_property
    def points(self) -> torch.Tensor:
        """(B, N, H, W, 3) in the world frame of the sample [m]."""
        rotation, centre = self.world_from_camera[..., :3, :3], self.world_from_camera[..., :3, 3]
        return torch.einsum('bnij,bnhwj->bnhwi', rotation, self.local_points) + centre[:, :, None, None]

    @cached_property
    def rays(self) -> torch.Tensor:
        """(B, N, H, W, 3) unit directions in the camera frame."""
        return functional.normalize(functional.pad(self.tangents, (0, 1), value=1.0), dim=-1)


def scaled_poses(poses: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Camera centres of ``poses`` (B, N, 4, 4) times ``scale`` (B,)."""
    factors = torch.ones_like(poses)
    factors[..., :3, 3] = scale[:, None, None]
    return poses * factors
