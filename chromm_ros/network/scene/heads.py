"""What the scene branch reads out of the decoder besides maps: head transformers, cameras, metric scale."""

from __future__ import annotations

import functools

import roma
import torch
from torch import nn
from torch.nn import functional

from chromm_ros.network.layers.attention import Block, CrossBlock
from chromm_ros.network.layers.precision import full_precision
from chromm_ros.network.layers.rotary import Rotary2D


class HeadTransformer(nn.Module):
    """A few blocks within each frame before a head: no norms of queries and keys, no LayerScale."""

    def __init__(self, inputs: int, width: int, heads: int, blocks: int, outputs: int) -> None:
        super().__init__()
        self.projects = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.linear_out = nn.Linear(width, outputs)

    def forward(self, hidden: torch.Tensor, position: Rotary2D) -> torch.Tensor:
        """(N, T, inputs) -> (N, T, outputs), frame by frame, special tokens included."""
        x = self.projects(hidden).float()
        for block in self.blocks:
            x = block(x, position)
        return self.linear_out(x)


class _ResidualMlp(nn.Module):
    """Three linear layers around a residual (the public weights call them convolutions)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.res_conv1 = nn.Linear(width, width)
        self.res_conv2 = nn.Linear(width, width)
        self.res_conv3 = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = x
        for layer in (self.res_conv1, self.res_conv2, self.res_conv3):
            branch = layer(branch).relu()
        return x + branch


@functools.cache
def _fill_constants_of_roma(device: torch.device) -> None:
    """Let roma make the constants that it keeps per device outside of inference mode; autograd refuses others."""
    with torch.inference_mode(False):
        roma.special_procrustes(torch.eye(3, device=device))


def nearest_rotation(numbers: torch.Tensor) -> torch.Tensor:
    """(..., 9), a matrix by rows -> (..., 3, 3), the rotation nearest to it once its rows have unit length."""
    if not torch.compiler.is_compiling():
        _fill_constants_of_roma(numbers.device)
    return roma.special_procrustes(functional.normalize(numbers.unflatten(-1, (3, 3)), dim=-1))


class CameraHead(nn.Module):
    """Patch tokens of a view -> its pose, in fp32."""

    FULL_PRECISION = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.res_conv = nn.ModuleList(_ResidualMlp(width) for _ in range(2))
        self.more_mlps = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.fc_t = nn.Linear(width, 3)
        self.fc_rot = nn.Linear(width, 9)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, P, C) -> (N, 4, 4) world_from_camera, in the network's own scale."""
        with full_precision(tokens.device):
            x = tokens.float()
            for block in self.res_conv:
                x = block(x)
            x = self.more_mlps(x.mean(1))
            rotation = nearest_rotation(self.fc_rot(x))
            top = torch.cat([rotation, self.fc_t(x)[..., None]], -1)
            first = top[:, :1]
            bottom = torch.cat([torch.zeros_like(first[..., :3]), torch.ones_like(first[..., 3:])], -1)
            return torch.cat([top, bottom], 1)


class MetricDecoder(nn.Module):
    """One query reads the hidden tokens of all views, in fp32."""

    FULL_PRECISION = True

    def __init__(self, inputs: int, width: int, heads: int, blocks: int, outputs: int) -> None:
        super().__init__()
        self.projects_x = nn.Linear(inputs, width)
        self.projects_y = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(CrossBlock(width, heads) for _ in range(blocks))
        self.linear_out = nn.Linear(width, outputs)

    def forward(self, query: torch.Tensor, context: torch.Tensor, position: Rotary2D) -> torch.Tensor:
        """``query`` (B, Q, inputs), ``context`` (B, S, inputs) at ``position`` -> (B, Q, outputs)."""
        with full_precision(context.device):
            x, y = self.projects_x(query.float()), self.projects_y(context.float())
            for block in self.blocks:
                x = block(x, y, position)
            return self.linear_out(x)


class ScaleHead(nn.Linear):
    """The token of the metric decoder -> the scale of the sample, in fp32."""

    FULL_PRECISION = True

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)

    def forward(self, token: torch.Tensor) -> torch.Tensor:
        """(B, Q, width) -> (B, Q), positive."""
        with full_precision(token.device):
            return super().forward(token.float())[..., 0].exp()
