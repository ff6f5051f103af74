"""Fitting an image into the fixed input of the human encoder, and pixels there and back.

The image keeps its aspect and lies in the middle; the rest is black (Multi-HMR, Human3R).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True)
class Letterbox:
    """Where an image of one size lies inside the input of the encoder. Pixels: first centre at (0.5, 0.5)."""

    image: tuple[int, int]
    """(height, width) of the image."""
    canvas: tuple[int, int]
    """(height, width) of the encoder's input."""

    @property
    def scale(self) -> float:
        """Canvas pixels per image pixel."""
        return min(self.canvas[0] / self.image[0], self.canvas[1] / self.image[1])

    @property
    def content(self) -> tuple[int, int]:
        """(height, width) of the image inside the canvas, rounded down (Human3R)."""
        return int(self.image[0] * self.scale + 1e-6) or 1, int(self.image[1] * self.scale + 1e-6) or 1

    @property
    def offset(self) -> tuple[float, float]:
        """(x, y) of the image's corner, exactly centred; :meth:`place` is off by at most half a pixel."""
        (height, width), (rows, columns) = self.image, self.canvas
        return (columns - width * self.scale) / 2, (rows - height * self.scale) / 2

    def patches(self, patch: int) -> tuple[slice, slice]:
        """Rows and columns of the patches of the canvas that show something of the image."""
        left, right, top, bottom = self.margins
        return (
            slice(top // patch, (self.canvas[0] - bottom - 1) // patch + 1),
            slice(left // patch, (self.canvas[1] - right - 1) // patch + 1),
        )

    def to_canvas(self, pixels: torch.Tensor) -> torch.Tensor:
        """(..., 2) pixels of the image -> pixels of the canvas."""
        left, top = self.offset
        x, y = pixels.unbind(-1)
        return torch.stack([x * self.scale + left, y * self.scale + top], -1)

    def to_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """(..., 2) pixels of the canvas -> pixels of the image; padding lands outside of the image."""
        left, top = self.offset
        x, y = pixels.unbind(-1)
        return torch.stack([(x - left) / self.scale, (y - top) / self.scale], -1)

    def holds(self, pixels: torch.Tensor) -> torch.Tensor:
        """Whether pixels (..., 2) of the canvas lie on the image: (...) bool."""
        x, y = self.to_image(pixels).unbind(-1)
        return (x >= 0) & (x < self.image[1]) & (y >= 0) & (y < self.image[0])

    def intrinsics(self, intrinsics: torch.Tensor) -> torch.Tensor:
        """(..., 3, 3) of the image -> of the canvas."""
        left, top = self.offset
        x, y, one = intrinsics.unbind(-2)
        return torch.stack([self.scale * x + left * one, self.scale * y + top * one, one], -2)

    def place(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, C, H, W) in [0, 1] -> (B, C, rows, columns), enlarged bilinearly, black around (Human3R)."""
        if tuple(images.shape[-2:]) != self.image:
            raise ValueError(f'images of {tuple(images.shape[-2:])} given to a letterbox for {self.image} (H, W)')
        if self.content != self.image:
            images = functional.interpolate(images, size=self.content, mode='bilinear', align_corners=False)
        return functional.pad(images, self.margins) if self.content != self.canvas else images

    @property
    def margins(self) -> tuple[int, int, int, int]:
        """Left, right, top, bottom of :attr:`content` [px]."""
        return self._margins(self.content)

    def crop(self, canvas: torch.Tensor) -> torch.Tensor:
        """The image part (..., h, w) of a map (..., rows, columns) over the canvas, at the canvas' scale."""
        height, width = self.content
        left, _, top, _ = self.margins
        return canvas[..., top : top + height, left : left + width]

    def place_photo(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H, W, 3) -> uint8 (rows, columns, 3), resized with Pillow's bicubic filter (Multi-HMR's demo)."""
        from PIL import Image

        height, width = (round(side * self.scale) for side in self.image)
        resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
        left, right, top, bottom = self._margins((height, width))
        return np.pad(resized, ((top, bottom), (left, right), (0, 0)))

    def _margins(self, content: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, right, top, bottom."""
        down, right = self.canvas[0] - content[0], self.canvas[1] - content[1]
        return right // 2, right - right // 2, down // 2, down - down // 2
