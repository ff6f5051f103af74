"""From patch tokens to a value per pixel by an MLP per patch: human masks, and the point head of the tiny preset."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from chromm_ros.network.layers.attention import Mlp
from chromm_ros.network.layers.precision import full_precision


class PixelShuffleHead(nn.Module):
    """An MLP gives ``cells`` x ``cells`` values per patch, which are enlarged bilinearly to the patch.

    Args:
        width: channels of the patch tokens.
        outputs: channels of every output map.
        patch: side of a patch [px].
        cells: values along the side of a patch; None: one per pixel. Must divide ``patch``.
    """

    FULL_PRECISION = True

    def __init__(self, width: int, outputs: tuple[int, ...], patch: int, cells: int | None = None) -> None:
        super().__init__()
        self.outputs = outputs
        self.cells = patch if cells is None else cells
        if patch % self.cells:
            raise ValueError(f'{cells} cells do not divide a patch of {patch} px')
        self.enlarge = patch // self.cells
        self.mlp = Mlp(width, width, sum(outputs) * self.cells**2)

    def forward(self, tokens: torch.Tensor, grid: tuple[int, int]) -> list[torch.Tensor]:
        """One map (N, channels, H, W) fp32 per output, from patch tokens (N, P, C) on ``grid`` (rows, columns)."""
        with full_precision(tokens.device):
            cells = self.mlp(tokens.float()).transpose(1, 2).unflatten(2, grid)
            maps = functional.pixel_shuffle(cells, self.cells)
            if self.enlarge > 1:
                maps = functional.interpolate(maps, scale_factor=self.enlarge, mode='bilinear', align_corners=False)
        return list(maps.split(self.outputs, 1))
