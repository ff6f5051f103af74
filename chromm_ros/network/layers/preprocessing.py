"""From camera images to the size and range in which the scene network takes them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image


def target_size(width: int, height: int, patch: int, pixel_limit: int) -> tuple[int, int]:
    """(width, height) in whole patches, nearly the aspect of the image and at most ``pixel_limit`` pixels.

    Small images are enlarged. Squashing an image to another aspect would spoil the focal length that the network
    recovers, so all cameras of a window should have one aspect.
    """
    if width < 1 or height < 1:
        raise ValueError(f'an image of {width}x{height} px has no pixels')
    scale = math.sqrt(pixel_limit / (width * height))
    wide, high = width * scale, height * scale
    columns, rows = round(wide / patch), round(high / patch)
    while columns * patch * rows * patch > pixel_limit:
        if columns / rows > wide / high:
            columns -= 1
        else:
            rows -= 1
    return max(1, columns) * patch, max(1, rows) * patch


def resize(images: Sequence[np.ndarray], size: tuple[int, int]) -> torch.Tensor:
    """(N, 3, H, W) float in [0, 1] from uint8 RGB images (h, w, 3) of any sizes.

    Args:
        size: (W, H), see :func:`target_size`.

    Raises:
        ValueError: an image is not uint8 RGB.
    """
    resized = []
    for index, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f'image {index} is {image.dtype} {image.shape}; expected uint8 RGB (height, width, 3)')
        if image.shape[1::-1] != tuple(size):
            image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
        resized.append(image)
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).float() / 255


def resize_depth(depths: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Depth maps (N, h, w) at the nearest pixel, (N, H, W); what is not finite or not positive becomes 0: unknown.

    Args:
        size: (W, H).
    """
    resized = torch.nn.functional.interpolate(depths[:, None], size=(size[1], size[0]), mode='nearest')[:, 0]
    return torch.where(resized.isfinite() & (resized > 0), resized, torch.zeros_like(resized))


def check_batch(images: torch.Tensor) -> None:
    """Refuse what is not a (B, N, 3, H, W) batch of images in [0, 1]; raises ValueError."""
    if images.ndim != 5 or images.shape[2] != 3 or 0 in images.shape[:2]:
        raise ValueError(f'images have shape {tuple(images.shape)}; expected (B, N, 3, H, W) with at least one view')
    if not images.is_floating_point():
        raise ValueError(f'images are {images.dtype}; expected floating point in [0, 1]: divide uint8 by 255')
    if images.device.type == 'meta':
        return
    low, high = (float(value) for value in images.aminmax())
    if not (low >= -1e-3 and high <= 1 + 1e-3):
        problem = 'contain NaN' if low != low else f'lie in [{low:.3g}, {high:.3g}]'
        raise ValueError(f'images {problem}; expected values in [0, 1]')
