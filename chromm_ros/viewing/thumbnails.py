"""Images as small as the page shows them, and as small as a minute of them should be in memory."""

from __future__ import annotations

import cv2
import numpy as np

QUALITY = 80
"""Of the JPEG, in percent."""


def thumbnail(pixels: np.ndarray, width: int, quality: int = QUALITY) -> bytes:
    """JPEG of an (H, W, 3) uint8 RGB image, ``width`` pixels wide."""
    return encoded(shrunk(pixels, width), quality)


def shrunk(pixels: np.ndarray, width: int) -> np.ndarray:
    """(H, W, 3) uint8 -> the same ``width`` pixels wide."""
    height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def encoded(pixels: np.ndarray, quality: int = QUALITY) -> bytes:
    """JPEG of an (H, W, 3) uint8 RGB image."""
    _, jpeg = cv2.imencode('.jpg', cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()


def pixels_of(jpeg: bytes) -> np.ndarray:
    """(h, w, 3) uint8 RGB of a thumbnail."""
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None, 'not a thumbnail'
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)


def smaller(jpeg: bytes, width: int = 150, quality: int = 55) -> bytes:
    """A thumbnail for pages that are sent around."""
    return thumbnail(pixels_of(jpeg), width, quality)
