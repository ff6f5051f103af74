"""From a score per patch to at most ten heads per image (Multi-HMR, CenterNet)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from chromm_ros.flow import MAX_PEOPLE


@dataclass(frozen=True)
class Heads:
    """Patches that hold a head, best first, padded to M = MAX_PEOPLE so that shapes never depend on the images."""

    index: torch.Tensor
    """(B, M) int64: row * columns + column of the patch."""
    score: torch.Tensor
    """(B, M) in [0, 1]."""
    valid: torch.Tensor
    """(B, M) bool: a head; false: padding."""
    found: torch.Tensor
    """(B,) int64: heads above the threshold, those beyond M included."""


def suppress(scores: torch.Tensor, kernel: int = 3) -> torch.Tensor:
    """Scores (..., rows, columns) that are the largest of their ``kernel`` x ``kernel`` neighbourhood; 0 elsewhere."""
    peaks = F.max_pool2d(scores[:, None] if scores.ndim == 3 else scores, kernel, stride=1, padding=kernel // 2)
    return torch.where(scores == peaks.view_as(scores), scores, 0)


def find_heads(
    logits: torch.Tensor, grid: tuple[int, int], threshold: float = 0.3, kernel: int = 3, people: int = MAX_PEOPLE
) -> Heads:
    """The best ``people`` local maxima of each image whose score reaches ``threshold``.

    Args:
        logits: (B, rows * columns) detection logits. The maxima are taken on the logits, not on the clamped scores
            as in Multi-HMR: two neighbours that are both certain would tie there, and one person become two.
        grid: (rows, columns).
    """
    logits = logits.float()
    is_peak = (
        F.max_pool2d(logits.unflatten(1, grid)[:, None], kernel, stride=1, padding=kernel // 2).flatten(1) == logits
    )
    scores = torch.where(is_peak & (torch.sigmoid(logits) >= threshold), torch.sigmoid(logits), 0.0)
    kept = min(people, scores.shape[1])
    score, index = scores.topk(kept, dim=1)
    padding = (0, people - kept)
    score, index = F.pad(score, padding), F.pad(index, padding)
    return Heads(index, score, valid=score > 0, found=(scores > 0).sum(1))


def take(tokens: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Tokens (B, P, D) at patches (B, M) -> (B, M, D)."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))
