"""Fitting images of any size into the canvas of a batch: whole, in the middle, black around."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from chromm_ros.training.clips import TRUTH_STRIDE

SQUASHED = 16
"""An image that leaves less than this of the canvas is stretched over it [px]."""


@dataclass(frozen=True)
class Fitted:
    """Where an image lies on the canvas."""

    size: tuple[int, int]
    """Width, height of the image [px]."""
    canvas: tuple[int, int]
    """Width, height of the canvas [px]."""

    @property
    def content(self) -> tuple[int, int]:
        """Width, height of the image on the canvas [px]."""
        scale = min(self.canvas[0] / self.size[0], self.canvas[1] / self.size[1])
        # the canvas is in whole patches of nearly the aspect of the image: the last pixels are squashed, not left
        wide, high = self.size[0] * scale, self.size[1] * scale
        if self.canvas[0] - wide < SQUASHED and self.canvas[1] - high < SQUASHED:
            return self.canvas
        return max(1, round(wide)), max(1, round(high))

    @property
    def corner(self) -> tuple[int, int]:
        """Left, top of the content [px of the canvas]."""
        return (self.canvas[0] - self.content[0]) // 2, (self.canvas[1] - self.content[1]) // 2

    @property
    def scale(self) -> tuple[float, float]:
        """Canvas pixels per image pixel, along and down."""
        return self.content[0] / self.size[0], self.content[1] / self.size[1]

    @property
    def maps(self) -> tuple[int, int]:
        """(rows, columns) of truth maps: every TRUTH_STRIDE-th pixel of the canvas."""
        return self.canvas[1] // TRUTH_STRIDE, self.canvas[0] // TRUTH_STRIDE

    def intrinsics(self, intrinsics: np.ndarray) -> np.ndarray:
        """(3, 3) of the image -> of the canvas."""
        (sx, sy), (x, y) = self.scale, self.corner
        return np.array([[sx, 0, x], [0, sy, y], [0, 0, 1]]) @ intrinsics

    def image(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 on the canvas."""
        interpolation = cv2.INTER_AREA if min(self.scale) < 1 else cv2.INTER_LINEAR
        resized = cv2.resize(image, self.content, interpolation=interpolation)
        if self.content == self.canvas:
            return np.asarray(resized)
        placed = np.zeros((self.canvas[1], self.canvas[0], 3), np.uint8)
        (x, y), (width, height) = self.corner, self.content
        placed[y : y + height, x : x + width] = resized
        return placed

    def sampled(self, picture: np.ndarray) -> np.ndarray:
        """(rows, columns) of a truth map (H, W) of the image; 0 beside the image."""
        (x, y), (sx, sy), (width, height) = self.corner, self.scale, self.size
        rows, columns = self.maps
        across = np.floor((np.arange(columns) * TRUTH_STRIDE + 0.5 - x) / sx).astype(int)
        down = np.floor((np.arange(rows) * TRUTH_STRIDE + 0.5 - y) / sy).astype(int)
        inside = ((down >= 0) & (down < height))[:, None] & ((across >= 0) & (across < width))[None]
        found = picture[down.clip(0, height - 1)[:, None], across.clip(0, width - 1)[None]]
        return np.where(inside, found, np.zeros((), picture.dtype))

    def paint(self, truth_map: np.ndarray, box: np.ndarray, value: bool) -> None:
        """Set a box (x0, y0, x1, y1 of the image) of a truth map."""
        (x, y), (sx, sy) = self.corner, self.scale
        x0, x1 = (np.array(box[[0, 2]]) * sx + x) / TRUTH_STRIDE
        y0, y1 = (np.array(box[[1, 3]]) * sy + y) / TRUTH_STRIDE
        rows = slice(max(0, int(np.floor(y0))), max(0, int(np.ceil(y1))))
        columns = slice(max(0, int(np.floor(x0))), max(0, int(np.ceil(x1))))
        truth_map[rows, columns] = value
