"""Early fusion: people as further tokens of the scene decoder, to compare with (CHROMM table 9)."""

from __future__ import annotations

import torch
from torch import nn


class HumanTokens(nn.Module):
    """Head tokens of the human encoder in the width of the decoder; images with fewer people get a learned nobody.

    They sit where registers sit, at no place in the image, as in the paper.
    """

    def __init__(self, human_dim: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(human_dim, width)
        self.nobody = nn.Parameter(0.02 * torch.randn(width))

    def forward(self, tokens: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """Head tokens (..., M, human_dim), of which ``valid`` (..., M) are people -> (..., M, width)."""
        return torch.where(valid[..., None], self.project(tokens.float()), self.nobody)
