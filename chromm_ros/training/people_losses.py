"""Losses on people: geometric, parametric and detection terms of CHROMM appendix A.

Everything is flat over the M people of a batch. L1 is the mean over all numbers, as in Human3R.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from chromm_ros.geometry.cameras import project

NEAREST = 0.05
"""Depth [m] below which a projection is meaningless."""


@dataclass(frozen=True)
class PersonState:
    """M people in the frames of their cameras; what is predicted and what is true have the same form."""

    pose: torch.Tensor  # (M, 52, 3, 3)
    betas: torch.Tensor  # (M, 10)
    root_rotation: torch.Tensor  # (M, 3, 3) camera from body
    head: torch.Tensor  # (M, 3) [m]
    joints: torch.Tensor  # (M, J, 3) camera frame [m]
    vertices: torch.Tensor | None = None  # (M, V, 3) camera frame [m]; None: not asked for

    def scaled(self, scale: torch.Tensor) -> PersonState:
        """The same people with positions multiplied by ``scale`` (M,): the alignment of CHROMM appendix A."""

        each = scale[:, None, None]
        vertices = None if self.vertices is None else self.vertices * each
        return PersonState(
            self.pose, self.betas, self.root_rotation, self.head * scale[:, None], self.joints * each, vertices
        )


def geometric_losses(
    estimate: PersonState,
    truth: PersonState,
    intrinsics: torch.Tensor,
    long_side: float,
    scale: torch.Tensor | None = None,
    true_intrinsics: torch.Tensor | None = None,
    seen: torch.Tensor | None = None,
    metric: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """``j3d``, ``j2d`` and, when both sides have vertices, ``v3d``, ``v2d``.

    Reprojections are divided by the image's long side, so that a weight of 1 means the same at every resolution.

    Args:
        intrinsics: (M, 3, 3) that the estimate is projected with [px].
        long_side: of the image [px].
        scale: (M,) s_opt of the frame of each person; None: none (stage 2).
        true_intrinsics: (M, 3, 3) where they are other ones [px].
        seen: (M,) bool: rows that are people; None: all.
        metric: (M,) bool: whose places can be compared in metres; None: ``seen``.
    """
    placed = estimate if scale is None else estimate.scaled(scale)
    metric = seen if metric is None else metric
    flat = (intrinsics, long_side, true_intrinsics, seen)
    losses = {
        'j3d': l1(placed.joints, truth.joints, metric),
        'j2d': reprojection_loss(estimate.joints, truth.joints, *flat),
    }
    if placed.vertices is not None and estimate.vertices is not None and truth.vertices is not None:
        losses['v3d'] = l1(placed.vertices, truth.vertices, metric)
        losses['v2d'] = reprojection_loss(estimate.vertices, truth.vertices, *flat)
    return losses


def reprojection_loss(
    estimate: torch.Tensor,
    truth: torch.Tensor,
    intrinsics: torch.Tensor,
    long_side: float,
    true_intrinsics: torch.Tensor | None = None,
    rows: torch.Tensor | None = None,
) -> torch.Tensor:
    """L1 of the projections of points (M, J, 3) in long sides; true points behind the camera are left out."""
    ahead = (truth[..., 2] > NEAREST).unsqueeze(-1)
    if rows is not None:
        ahead = ahead & rows[:, None, None]
    true_px = _project(truth, intrinsics if true_intrinsics is None else true_intrinsics)
    # a joint beside the camera projects to any distance; beyond two images it says nothing more
    difference = ((_project(estimate, intrinsics) - true_px).abs() / long_side).clamp(max=2.0) * ahead
    return difference.sum() / (2 * ahead.sum()).clamp(min=1)


def parametric_losses(
    estimate: PersonState,
    truth: PersonState,
    scale: torch.Tensor | None = None,
    seen: torch.Tensor | None = None,
    metric: torch.Tensor | None = None,
) -> dict[str, torch.Tensor]:
    """``theta`` (53 rotation matrices with the root), ``beta`` and ``tau`` (head position, of ``metric`` people)."""
    rotations = torch.cat([estimate.root_rotation[:, None], estimate.pose], dim=1)
    true_rotations = torch.cat([truth.root_rotation[:, None], truth.pose], dim=1)
    head = estimate.head if scale is None else estimate.head * scale[:, None]
    return {
        'theta': l1(rotations, true_rotations, seen),
        'beta': l1(estimate.betas, truth.betas[:, : estimate.betas.shape[1]], seen),
        'tau': l1(head, truth.head, seen if metric is None else metric),
    }


def rotation_loss(estimate: torch.Tensor, truth: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
    """Mean chordal distance ``|R - R*|`` of rotations (M, 3, 3): unlike L1 it does not depend on the axes."""
    return mean_of((estimate - truth).square().sum((-1, -2)).add(1e-6).sqrt(), rows)


def joints_loss(estimate: torch.Tensor, truth: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
    """Mean distance [m] of joints (M, J, 3)."""
    return mean_of((estimate - truth).square().sum(-1).add(1e-8).sqrt(), rows)


def focal_loss(probability: torch.Tensor, positive: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """CenterNet's penalty-reduced focal loss with hard targets, the ``L_head`` of Multi-HMR.

    Sum over all patches divided by the number of heads; not divided when there is none.

    Args:
        probability, positive: any shape; ``positive`` is 0 or 1.
        weight: of every patch; None: 1.
    """
    p = probability.clamp(1e-7, 1 - 1e-7)
    hits = p.log() * (1 - p).square() * positive
    misses = (1 - p).log() * p.square() * (1 - positive)
    loss = hits + misses if weight is None else (hits + misses) * weight
    return -loss.sum() / positive.sum().clamp(min=1)


def head_bce_loss(
    logits: torch.Tensor, positive: torch.Tensor, weight: torch.Tensor, positive_weight: float = 3.0
) -> torch.Tensor:
    """BCE over the patches, ``L_head`` as CHROMM writes it; ``weight`` (as ``logits``) damps doubtful patches."""
    loss = F.binary_cross_entropy_with_logits(logits, positive, reduction='none')
    return (loss * weight * (1 + (positive_weight - 1) * positive)).mean()


def mask_loss(logits: torch.Tensor, people: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
    """BCE of mask logits (N, H, W) at every (H / h)-th pixel against where people are (N, h, w).

    Args:
        known: (N, h, w) bool: pixels that count; None: all.
    """
    stride = logits.shape[-1] // people.shape[-1]
    logits, wanted = logits[:, ::stride, ::stride], people.to(logits.dtype)
    if known is None:
        return F.binary_cross_entropy_with_logits(logits, wanted)
    loss = F.binary_cross_entropy_with_logits(logits, wanted, reduction='none')
    return (loss * known).sum() / known.sum().clamp(min=1)


def l1(estimate: torch.Tensor, truth: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
    """Mean absolute difference; 0 with a gradient path when there is nobody."""
    return mean_of((estimate - truth).abs(), rows)


def mean_of(values: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
    """Mean over ``rows`` (M,) of values (M, ...), which are finite in all of them; 0 where there is none."""
    if rows is None:
        return values.sum() / max(1, values.numel())
    each = values.flatten(1).mean(1) if values.ndim > 1 else values
    return (each * rows).sum() / rows.sum().clamp(min=1)


def _project(points: torch.Tensor, intrinsics: torch.Tensor) -> torch.Tensor:
    depth = points[..., 2:].clamp(min=NEAREST)
    return project(torch.cat([points[..., :2], depth], dim=-1), intrinsics)
