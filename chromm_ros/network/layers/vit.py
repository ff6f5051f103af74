"""The one vision transformer: DINOv2 with and without registers, and the small encoders of the tiny preset."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from chromm_ros.network.layers.attention import BLOCK_EPS, Block
from chromm_ros.network.layers.precision import full_precision
from chromm_ros.network.presets import ViTConfig


class PatchStem(nn.Module):
    """One convolution over each patch."""

    def __init__(self, channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, patch)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) -> (N, P, width), row by row."""
        return self.proj(images).flatten(2).transpose(1, 2)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class ConvolutionStem(nn.Module):
    """Small convolutions down to patches of 16 px: a small transformer learns edges from them far sooner."""

    PATCH = 16

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.down = nn.Sequential(
            _convolution(channels, 24, 4, 2), _convolution(24, 48, 3, 2), _convolution(48, 96, 3, 2)
        )
        self.residual = _convolution(96, 96, 3, 1)
        self.proj = nn.Conv2d(96, width, 3, 2, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) -> (N, P, width), row by row."""
        # Channels last is the layout in which CPU convolutions are fast.
        x = self.down(images.contiguous(memory_format=torch.channels_last))
        return self.proj(x + self.residual(x)).flatten(2).transpose(1, 2)


def _stem(config: ViTConfig) -> nn.Module:
    if config.stem == 'patch':
        return PatchStem(config.channels, config.width, config.patch)
    if config.stem == 'convolution' and config.patch == ConvolutionStem.PATCH:
        return ConvolutionStem(config.channels, config.width)
    raise ValueError(
        f'stem {config.stem!r} with patches of {config.patch} px; '
        f"expected 'patch', or 'convolution' with patches of {ConvolutionStem.PATCH} px"
    )


class ViT(nn.Module):
    """Normalised images in, normed patch tokens out."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        rows, columns = config.position_grid
        entries = rows * columns + config.class_token
        self.patch_embed = _stem(config)
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, entries, config.width))
        if config.class_token:
            self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        if config.registers:
            self.register_tokens = nn.Parameter(0.02 * torch.randn(1, config.registers, config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, layer_scale=config.layer_scale) for _ in range(config.blocks)
        )
        self.norm = nn.LayerNorm(config.width, eps=BLOCK_EPS)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches of an image. Raises ValueError when it is not made of whole patches."""
        patch = self.config.patch
        if height % patch or width % patch or height <= 0 or width <= 0:
            near = tuple(max(1, round(side / patch)) * patch for side in (height, width))
            raise ValueError(
                f'image of {height}x{width} (height x width) does not consist of whole {patch}x{patch} px patches; '
                f'resize it, for example to {near[0]}x{near[1]} (chromm_ros.network.layers.preprocessing does it)'
            )
        return height // patch, width // patch

    def forward(self, images: torch.Tensor, part: tuple[slice, slice] | None = None) -> torch.Tensor:
        """Patch tokens after the final norm, special tokens dropped.

        Args:
            images: (N, channels, H, W), already normalised; H and W multiples of the patch.
            part: rows and columns of patches that are there, with the positions that they have in the whole image;
                None: all.

        Returns:
            (N, P, width) fp32, patches row by row.
        """
        grid = self.grid(*images.shape[-2:])
        positions = self.patch_positions(grid)
        if part is not None:
            rows, columns = (slice(cut.start * self.config.patch, cut.stop * self.config.patch) for cut in part)
            images = images[..., rows, columns]
            positions = positions.unflatten(1, grid)[:, part[0], part[1]].flatten(1, 2)
        x = self.patch_embed(images).float() + positions
        specials = self._specials().expand(len(x), -1, -1)
        x = torch.cat([specials, x], 1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, specials.shape[1] :]).float()

    def _specials(self) -> torch.Tensor:
        """(1, S, width) class token (with its own position entry) and registers (which have none)."""
        parts = [self.pos_embed[:, :0]]
        if self.config.class_token:
            parts.append(self.cls_token + self.pos_embed[:, :1])
        if self.config.registers:
            parts.append(self.register_tokens)
        return torch.cat(parts, 1)

    def patch_positions(self, grid: tuple[int, int]) -> torch.Tensor:
        """(1, P, width) position embedding of patches on ``grid`` (rows, columns)."""
        learned = self.config.position_grid
        embedding = self.pos_embed[:, int(self.config.class_token) :]
        if grid == learned:
            return embedding
        with full_precision(embedding.device):
            embedding = embedding.float().unflatten(1, learned).permute(0, 3, 1, 2)
            if self.config.position_resize == 'size':
                embedding = functional.interpolate(embedding, size=grid, mode='bicubic', antialias=True)
            else:
                scale = [(new + 0.1) / old for new, old in zip(grid, learned)]
                embedding = functional.interpolate(embedding, scale_factor=scale, mode='bicubic')
        return embedding.flatten(2).transpose(1, 2)
