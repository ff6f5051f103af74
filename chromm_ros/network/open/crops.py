"""Turned squares out of an image, for networks that look at one person at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SMALLEST = 128
"""Sides [px] below which no smaller copy of an image is made."""


@dataclass(frozen=True)
class Pyramid:
    """An image at full size, at half of it, and so on: a crop is sampled from the copy that it does not alias in."""

    levels: tuple[Tensor, ...]  # (1, 3, H, W) float in [0, 1], largest first

    @staticmethod
    def of(image: np.ndarray, device: torch.device) -> Pyramid:
        """Of (H, W, 3) uint8 RGB."""
        levels = [torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1).float()[None] / 255]
        while min(levels[-1].shape[-2:]) > SMALLEST:
            levels.append(functional.avg_pool2d(levels[-1], 2))
        return Pyramid(tuple(levels))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image."""
        height, width = self.levels[0].shape[-2:]
        return height, width

    def at_least(self, height: int) -> Tensor:
        """The smallest copy that has this many rows, or the image itself."""
        return next((level for level in reversed(self.levels) if level.shape[-2] >= height), self.levels[0])

    def crop(self, region: np.ndarray, side: int) -> Tensor:
        """(1, 3, side, side) of a turned square; black outside of the image.

        Args:
            region: (4,) centre x, y, side [px of the image], angle [rad] from its up to that of the image, clockwise.
        """
        x, y, size, angle = (float(value) for value in region)
        finest = len(self.levels) - 1
        level = self.levels[min(finest, max(0, math.floor(math.log2(max(size / side, 1.0)))))]
        height, width = self.size
        cosine, sine = math.cos(angle) * size, math.sin(angle) * size
        matrix = level.new_tensor(
            [[cosine / width, -sine / width, 2 * x / width - 1], [sine / height, cosine / height, 2 * y / height - 1]]
        )
        grid = functional.affine_grid(matrix[None], [1, 3, side, side], align_corners=False)
        return functional.grid_sample(level, grid, mode='bilinear', padding_mode='zeros', align_corners=False)


def crops(pyramids: Sequence[Pyramid], regions: Sequence[np.ndarray], side: int) -> Tensor:
    """(N, 3, side, side): the regions (P, 4) of each image, one image after the other; at least one in all."""
    return torch.cat([pyramid.crop(region, side) for pyramid, own in zip(pyramids, regions) for region in own])


def to_image(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Pixels of the image (N, K, 2) of points (N, K, 2) in [0, 1] of their regions (N, 4)."""
    centre, size, angle = regions[:, None, :2], regions[:, None, 2:3], regions[:, None, 3]
    offset = (points - 0.5) * size
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = [cosine * offset[..., 0] - sine * offset[..., 1], sine * offset[..., 0] + cosine * offset[..., 1]]
    return centre + np.stack(turned, -1)
