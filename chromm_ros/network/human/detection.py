"""From a score per patch to the heads of an image, so many at most (Multi-HMR, CenterNet)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from chromm_ros.flow import MAX_PEOPLE

CANDIDATES = 64
"""Best patches of an image that are compared with each other."""


@dataclass(frozen=True)
class Heads:
    """Patches that hold a head, best first, padded to M so that shapes never depend on the images."""

    index: torch.Tensor
    """(B, M) int64: row * columns + column of the patch."""
    score: torch.Tensor
    """(B, M) in [0, 1]."""
    valid: torch.Tensor
    """(B, M) bool: a head; false: padding."""
    found: torch.Tensor
    """(B,) int64: heads above the threshold, those beyond M included."""


def local_maxima(scores: torch.Tensor, kernel: int = 3) -> torch.Tensor:
    """Which scores (B, rows, columns) are the largest within ``kernel`` x ``kernel`` around them: bool."""
    return functional.max_pool2d(scores, kernel, stride=1, padding=kernel // 2) == scores


def find_heads(
    logits: torch.Tensor, grid: tuple[int, int], threshold: float = 0.3, kernel: int = 3, people: int = MAX_PEOPLE
) -> Heads:
    """The best ``people`` local maxima of each image whose score reaches ``threshold``.

    Args:
        logits: (B, rows * columns) detection logits. Maxima are taken on them, not on the clamped scores as in
            Multi-HMR: two neighbours that are both certain would tie there, and one person become two.
        grid: (rows, columns).
        threshold: smallest score.
        kernel: side of the neighbourhood that holds one head at most [patches].
        people: heads kept per image.
    """
    logits = logits.float()
    scores = torch.sigmoid(logits)
    is_head = local_maxima(logits.unflatten(1, grid), kernel).flatten(1) & (scores >= threshold)
    return _best(torch.where(is_head, scores, 0.0), people)


def find_separate_heads(
    logits: torch.Tensor, places: torch.Tensor, threshold: float, separation: float, people: int = MAX_PEOPLE
) -> Heads:
    """The best ``people`` patches whose score reaches ``threshold`` and that no better patch says the same head of.

    People who stand close have heads in neighbouring patches, which :func:`find_heads` makes one; where each patch
    puts its head tells whether they are two.

    Args:
        logits: (B, P) detection logits.
        places: (B, P, 2) where the head of each patch is, in any unit.
        threshold: smallest score.
        separation: heads that are nearer to each other are one, in the unit of ``places``.
        people: heads kept per image.
    """
    logits, order = logits.float().topk(min(CANDIDATES, logits.shape[1]), dim=1)  # best first
    places = torch.take_along_dim(places.float(), order[..., None], 1)
    nearer = torch.cdist(places, places, compute_mode='donot_use_mm_for_euclid_dist') < separation
    scores = torch.sigmoid(logits)
    is_head = ~nearer.tril(-1).any(-1) & (scores >= threshold)
    heads = _best(torch.where(is_head, scores, 0.0), people)
    return replace(heads, index=torch.take_along_dim(order, heads.index, 1))


def _best(scores: torch.Tensor, people: int) -> Heads:
    """The best ``people`` of scores (B, P), in which 0 is no head."""
    kept = min(people, scores.shape[1])
    score, index = scores.topk(kept, dim=1)
    padding = (0, people - kept)
    score, index = functional.pad(score, padding), functional.pad(index, padding)
    return Heads(index, score, valid=score > 0, found=(scores > 0).sum(1))


def take(tokens: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Tokens (B, P, D) at patches (B, M) -> (B, M, D)."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))
