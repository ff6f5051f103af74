"""Losses of scene pre-training: point maps, cameras, confidence (Pi3X's training, spec 6.6 of this project's notes).

B sequences of N images. The tiny preset is trained in a gauge of its own: cameras stand in the frame of the studio.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

FARTHEST = 15.0
"""Depths are compared up to here [m]; a studio room ends before."""


def depth_loss(depth: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted L1 of log depth, (..., h, w) each: a relative error, so near and far count alike."""
    error = (_log(depth) - _log(truth)).abs() * (truth > 0)
    return (error * weight).sum() / (weight * (truth > 0)).sum().clamp(min=1)


def depth_edge_loss(depth: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """L1 of the differences of log depth between neighbours: keeps surfaces flat and edges sharp."""
    error = _log(depth) - _log(truth)
    return error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def ray_loss(rays: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """L1 of the tangents x/z, y/z, (..., h, w, 2) each."""
    return (rays - truth).abs().mean()


def camera_loss(pose: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean chordal rotation error and mean distance [m] of poses (..., 4, 4)."""
    rotation = (pose - truth)[..., :3, :3].square().sum((-1, -2)).add(1e-6).sqrt().mean()
    translation = (pose - truth)[..., :3, 3].square().sum(-1).add(1e-6).sqrt().mean()
    return rotation, translation


def relative_poses(world_from_camera: torch.Tensor) -> torch.Tensor:
    """(B, N, 4, 4) -> (B, N (N - 1), 4, 4): every camera seen from every other one."""
    count = world_from_camera.shape[1]
    pairs = (_inverse(world_from_camera)[:, :, None] @ world_from_camera[:, None]).flatten(1, 2)
    # without the diagonal: after the first entry, every (count + 1)-th one is on it
    return pairs[:, 1:].unflatten(1, (count - 1, count + 1))[:, :, :-1].flatten(1, 2)


def confidence_loss(logits: torch.Tensor, points: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """BCE of confidence logits (..., h, w) against exp(-50 e), e the relative point error (no gradient to points)."""
    error = (points - truth).detach().abs().mean(-1) / truth[..., 2].clamp(min=0.1)
    target = torch.exp(-50 * error) * (truth[..., 2] > 0)
    return F.binary_cross_entropy_with_logits(logits, target)


def _log(depth: torch.Tensor) -> torch.Tensor:
    return depth.clamp(0.1, FARTHEST).log()


def _inverse(pose: torch.Tensor) -> torch.Tensor:
    rotation = pose[..., :3, :3].transpose(-1, -2)
    top = torch.cat([rotation, -rotation @ pose[..., :3, 3:]], dim=-1)
    return torch.cat([top, pose[..., 3:, :]], dim=-2)
