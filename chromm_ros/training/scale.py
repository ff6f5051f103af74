"""Scales that bring a prediction to the truth: the ROE solver, and the head-pelvis ratio of CHROMM eq. 2 and 3."""

from __future__ import annotations

import torch

SHORTEST = 0.02
"""Head-pelvis lengths below this share of the image's long side say nothing about scale."""

RATIO_RANGE = (0.3, 3.0)
"""Ratios outside of it come from a wrong pelvis, not from a wrong scale."""


def optimal_scale(estimate: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The scale s that minimises ``sum weight * |s * estimate - target|``: s_opt of CHROMM 3.4.

    The cost is convex and piecewise linear in s; its breaks lie at the ratios target / estimate, so the minimum is
    their median weighted by ``weight * |estimate|``. That is the exact answer of the ROE solver (MoGe) when only a
    scale is sought. No gradient flows through it: the alignment is part of the measurement.

    Args:
        estimate, target: (B, ..., 3) points or (B, ...) depths.
        weight: as ``estimate``, without the last axis for points; zero where the truth is unknown. MoGe and Pi3 use
            the inverse depth.

    Returns:
        (B,); 1 where nothing had weight.
    """
    with torch.no_grad():
        if weight.ndim < estimate.ndim:
            weight = weight[..., None].expand_as(estimate)
        estimate, target, weight = (values.flatten(1).float() for values in (estimate, target, weight))
        known = (weight > 0) & (estimate.abs() > 1e-9) & target.isfinite() & estimate.isfinite()
        mass = torch.where(known, weight * estimate.abs(), 0.0)
        ratio = torch.where(known, target / torch.where(known, estimate, 1.0), 0.0)
        ratio, order = ratio.sort(dim=1)
        reached = mass.gather(1, order).cumsum(1)
        total = reached[:, -1:]
        middle = (reached < total / 2).sum(1, keepdim=True).clamp(max=ratio.shape[1] - 1)
        return torch.where(total > 0, ratio.gather(1, middle), 1.0)[:, 0]


def head_pelvis_ratio(
    head_px: torch.Tensor,
    pelvis_px: torch.Tensor,
    joints_px: torch.Tensor,
    group: torch.Tensor,
    groups: int,
    long_side: float,
    rows: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over people of (projected SMPL length) / (length seen in the image): r of CHROMM eq. 3, differentiable.

    Args:
        head_px, pelvis_px: (M, 2) detected [px].
        joints_px: (M, 2, 2) head and pelvis of the body as it is placed now, projected [px].
        group: (M,) the sequence that each person votes in.
        groups: number of sequences.
        long_side: of the image [px].
        rows: (M,) bool: who has a vote; None: everybody.

    Returns:
        (groups,); 1 where nobody qualifies.
    """
    seen = (head_px - pelvis_px).norm(dim=-1)
    projected = (joints_px[:, 0] - joints_px[:, 1]).norm(dim=-1)
    ratio = projected / seen.clamp(min=1e-3)
    low, high = RATIO_RANGE
    usable = (seen > SHORTEST * long_side) & (ratio > low) & (ratio < high)
    usable = (usable if rows is None else usable & rows).to(ratio.dtype)
    total = ratio.new_zeros(groups).index_add(0, group, ratio * usable)
    votes = ratio.new_zeros(groups).index_add(0, group, usable)
    return torch.where(votes > 0, total / votes.clamp(min=1), 1.0)
