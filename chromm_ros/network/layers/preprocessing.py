"""From camera images to the size and range in which the scene network takes them."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from PIL import Image

Kernel = Literal['lanczos', 'bicubic']
"""How pixels are weighted; both are widened where an image shrinks, so that nothing aliases."""


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


def resize(
    images: Sequence[np.ndarray],
    size: tuple[int, int],
    device: torch.device | str = 'cpu',
    kernel: Kernel = 'lanczos',
) -> list[torch.Tensor]:
    """(3, H, W) uint8 on ``device`` of each uint8 RGB image (h, w, 3) of any size, as Pillow has it (within 2 of 255
    where both sides shrink or both grow). The bytes are uploaded as they are and resized there.

    Args:
        size: (W, H), see :func:`target_size`.

    Raises:
        ValueError: an image is not uint8 RGB.
    """
    device = torch.device(device)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f'image {index} is {image.dtype} {image.shape}; expected uint8 RGB (height, width, 3)')
        by_shape.setdefault(image.shape, []).append(index)
    resized: dict[int, torch.Tensor] = {}
    for shape, rows in by_shape.items():
        if shape[1::-1] == tuple(size) or _has_lanczos(device.type):
            pixels = torch.from_numpy(np.stack([images[row] for row in rows]))
            if device.type == 'cuda':
                pixels = pixels.pin_memory().to(device, non_blocking=True)
            pixels = _resampled(pixels.permute(0, 3, 1, 2), size, kernel)
        else:
            pixels = torch.from_numpy(np.stack([pillow(images[row], size, kernel) for row in rows]))
            pixels = pixels.permute(0, 3, 1, 2).to(device)
        resized.update(zip(rows, pixels))
    return [resized[index] for index in range(len(images))]


def batch(pixels: Sequence[torch.Tensor]) -> torch.Tensor:
    """(N, 3, H, W) float in [0, 1] of N images (3, H, W) uint8 from :func:`resize`, on their device."""
    # The layout of the images themselves, which convolutions take as it is.
    made = torch.empty((len(pixels), *pixels[0].shape), device=pixels[0].device, memory_format=torch.channels_last)
    for row, image in zip(made, pixels):
        row.copy_(image, non_blocking=True)
    return made.div_(255)


def _resampled(pixels: torch.Tensor, size: tuple[int, int], kernel: Kernel) -> torch.Tensor:
    """uint8 (N, 3, h, w) -> uint8 (N, 3, H, W), on the device that they are on."""
    width, height = size
    if pixels.shape[-2:] == (height, width):
        return pixels
    interpolated = functools.partial(torch.nn.functional.interpolate, mode=kernel, antialias=True)
    if pixels.device.type == 'cpu':
        return interpolated(pixels, size=(height, width))
    # Rounded to bytes between the axes, as Pillow and the uint8 kernel of the CPU do: in one pass an edge would ring
    # by up to 22 of 255 more.
    for shape in ((pixels.shape[-2], width), (height, width)):
        pixels = interpolated(pixels.float(), size=shape).clamp_(0, 255).round_()
    return pixels.to(torch.uint8)


def pillow(image: np.ndarray, size: tuple[int, int], kernel: Kernel = 'lanczos') -> np.ndarray:
    """What :func:`resize` does where PyTorch is too old for it, (h, w, 3) uint8 to (H, W, 3)."""
    return np.array(Image.fromarray(image).resize(size, Image.Resampling[kernel.upper()]))


@functools.cache
def _has_lanczos(kind: str) -> bool:
    """Whether this PyTorch resizes by Lanczos on this kind of device; older ones do not know the word."""
    probe = torch.zeros((1, 3, 8, 8), dtype=torch.uint8, device=kind)
    try:
        _resampled(probe, (4, 4), 'lanczos')
    except (NotImplementedError, RuntimeError, ValueError):
        return False
    return True


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


def check_images(images: Sequence[np.ndarray]) -> None:
    """Refuse what is not a list of (H, W, 3) uint8 images; raises ValueError."""
    if len(images) == 0:
        raise ValueError('no images to encode; expected at least one')
    for number, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(
                f'image {number} is {image.dtype} of shape {image.shape}; expected uint8 RGB of shape (H, W, 3)'
            )
