"""From patch tokens to a value per pixel by transposed convolutions (after MoGe), in fp32.

On GPUs PyTorch lets fp32 convolutions use TF32 unless ``torch.backends.cudnn.allow_tf32`` is off.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from chromm_ros.network.layers.precision import full_precision

WIDTHS = (256, 128, 64)
OUTPUT_WIDTH = 32
CHUNK = 16
"""Images at a time without gradients: the last maps of one full-size image take 0.1 GB."""


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode='replicate')


def view_plane(columns: int, rows: int, aspect: float, device: torch.device | None = None) -> torch.Tensor:
    """(rows, columns, 2) coordinates u, v of the pixel centres; the diagonal of the whole image spans [-1, 1].

    Args:
        columns, rows: resolution of the map.
        aspect: width over height of the image.
    """
    diagonal = (1 + aspect**2) ** 0.5
    across = aspect / diagonal * (columns - 1) / columns
    down = 1 / diagonal * (rows - 1) / rows
    u = torch.linspace(-across, across, columns, device=device)
    v = torch.linspace(-down, down, rows, device=device)
    return torch.stack(torch.meshgrid(u, v, indexing='xy'), -1)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after a group norm and a ReLU, around a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(1, width),
            nn.ReLU(),
            _convolution(width, 2 * width),
            nn.GroupNorm(2 * width // 32, 2 * width),
            nn.ReLU(),
            _convolution(2 * width, width),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class ConvolutionHead(nn.Module):
    """Three doublings of the patch grid, a resize to the image, then one small branch per output.

    Args:
        width: channels of the patch tokens.
        outputs: channels of every output, for example (2, 1) for xy and z.
        patch: side of a patch [px].
        widths: channels of the three stages.
        output_width: hidden channels of the output branches.
    """

    FULL_PRECISION = True

    def __init__(
        self,
        width: int,
        outputs: tuple[int, ...],
        patch: int,
        widths: tuple[int, ...] = WIDTHS,
        output_width: int = OUTPUT_WIDTH,
    ) -> None:
        super().__init__()
        self.patch = patch
        self.upsample_blocks = nn.ModuleList(
            nn.Sequential(
                nn.Sequential(nn.ConvTranspose2d(inputs + 2, stage, 2, 2), _convolution(stage, stage)),
                ResidualBlock(stage),
                ResidualBlock(stage),
            )
            for inputs, stage in zip((width, *widths), widths)
        )
        self.output_block = nn.ModuleList(
            nn.Sequential(_convolution(widths[-1] + 2, output_width), nn.ReLU(), nn.Conv2d(output_width, channels, 1))
            for channels in outputs
        )

    def forward(self, tokens: torch.Tensor, grid: tuple[int, int]) -> list[torch.Tensor]:
        """One map (N, channels, H, W) fp32 per output, from patch tokens (N, P, C) on ``grid`` (rows, columns)."""
        with full_precision(tokens.device):
            if torch.is_grad_enabled() or len(tokens) <= CHUNK:
                return self._maps(tokens.float(), grid)
            chunks = [self._maps(part.float(), grid) for part in tokens.split(CHUNK)]
            return [torch.cat(maps) for maps in zip(*chunks)]

    def _maps(self, tokens: torch.Tensor, grid: tuple[int, int]) -> list[torch.Tensor]:
        rows, columns = grid
        x = tokens.transpose(1, 2).unflatten(2, grid)
        for stage in self.upsample_blocks:
            x = stage(self._with_plane(x, columns / rows))
        x = functional.interpolate(x, (rows * self.patch, columns * self.patch), mode='bilinear', align_corners=False)
        x = self._with_plane(x, columns / rows)
        return [output(x) for output in self.output_block]

    @staticmethod
    def _with_plane(x: torch.Tensor, aspect: float) -> torch.Tensor:
        """Append u and v, so that convolutions know where in the image they are."""
        plane = view_plane(x.shape[-1], x.shape[-2], aspect, x.device).permute(2, 0, 1)
        return torch.cat([x, plane.expand(len(x), -1, -1, -1)], 1)
