"""How known poses enter the decoder."""

from __future__ import annotations

import torch
from torch import nn

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.network.layers.attention import BLOCK_EPS, Attention, LayerScale, Mlp
from chromm_ros.network.layers.rotary import PoseRotary


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
        position = PoseRotary.at(invert_rigid(world_from_camera), world_from_camera, grid, head_width)
        return self.ls1(self.attn(self.norm1(x), position)) + self.ls2(self.mlp(self.norm2(x)))
