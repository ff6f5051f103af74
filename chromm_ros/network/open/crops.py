"""Turned squares out of an image, for networks that look at one person at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

SMALLEST = 128
"""Sides [px] below which no smaller copy of an image is made."""


@dataclass(frozen=True)
class Pyramid:
    """An image at full size, at half of it, and so on: a crop is sampled from the copy that it does not alias in."""

    levels: tuple[np.ndarray, ...]  # (H, W, 3) uint8, largest first

    @staticmethod
    def of(image: np.ndarray) -> Pyramid:
        """Of (H, W, 3) uint8 RGB."""
        levels = [np.ascontiguousarray(image)]
        while min(levels[-1].shape[:2]) > SMALLEST:
            height, width = levels[-1].shape[:2]
            levels.append(cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA))
        return Pyramid(tuple(levels))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the image."""
        height, width = self.levels[0].shape[:2]
        return height, width

    def resized(self, height: int, width: int) -> np.ndarray:
        """(height, width, 3) uint8."""
        from_level = next((one for one in reversed(self.levels) if one.shape[0] >= height), self.levels[0])
        shrinks = from_level.shape[0] > height
        return cv2.resize(from_level, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def crop(self, region: np.ndarray, side: int) -> np.ndarray:
        """(side, side, 3) uint8 of a turned square; black outside of the image.

        Args:
            region: (4,) centre x, y, side [px of the image], angle [rad] from its up to that of the image, clockwise.
        """
        x, y, size, angle = (float(value) for value in region)
        level = min(len(self.levels) - 1, max(0, math.floor(math.log2(max(size / side, 1.0)))))
        image = self.levels[level]
        across, down = image.shape[1] / self.size[1], image.shape[0] / self.size[0]
        cosine, sine = math.cos(angle) * size / side, math.sin(angle) * size / side
        # The centre of the first pixel is at 0 for OpenCV and at 0.5 here.
        start = 0.5 - side / 2
        matrix = np.array(
            [
                [across * cosine, -across * sine, across * (x + start * (cosine - sine)) - 0.5],
                [down * sine, down * cosine, down * (y + start * (sine + cosine)) - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_CONSTANT)


def as_batch(images: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
    """(N, 3, H, W) float in [0, 1] of N images (H, W, 3) uint8."""
    return torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2).float() / 255


def crops(
    pyramids: Sequence[Pyramid], regions: Sequence[np.ndarray], side: int, device: torch.device
) -> torch.Tensor:
    """(N, 3, side, side): the regions (P, 4) of each image, one image after the other; at least one in all."""
    return as_batch([one.crop(region, side) for one, own in zip(pyramids, regions) for region in own], device)


def to_image(points: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Pixels of the image (N, K, 2) of points (N, K, 2) in [0, 1] of their regions (N, 4)."""
    centre, size, angle = regions[:, None, :2], regions[:, None, 2:3], regions[:, None, 3]
    offset = (points - 0.5) * size
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = [cosine * offset[..., 0] - sine * offset[..., 1], sine * offset[..., 0] + cosine * offset[..., 1]]
    return centre + np.stack(turned, -1)
