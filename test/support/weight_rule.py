"""Weights from their names and shapes alone, the rule that the numbers of the parity fixtures were made with."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import torch


def drawn(key: str, shape: Sequence[int], matrix: float = 0.02, vector: float = 0.02) -> torch.Tensor:
    """A parameter from its name alone: N(0, matrix) for matrices, 1 + N(0, vector) for scales, N(0, vector) else."""
    values = torch.randn(tuple(shape), generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    if len(shape) >= 2:
        return values.mul_(matrix)
    return values.mul_(vector).add_(1.0 if key.endswith(('.weight', '.gamma')) else 0.0)
