"""Depth images of cameras that bring them: registered to the colour image, taken by time, in metres."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from chromm_ros.intake.image_cdr import CompressedImage, RawImage

APART = 60_000_000
"""Nanoseconds by which a depth image may differ from the colour image that it belongs to: two frames at 30 Hz."""

SAME, ALIVE = 10_000_000, 1_000_000_000
"""Nanoseconds: a depth image this near is not waited for any longer; a stream this far behind is not waited for."""

KEPT = 30
"""Depth images that wait per camera."""

PROPORTIONS = 0.02
"""Relative difference of width over height from which a depth image shows something else than the colour image."""

ENCODINGS = {'16UC1': 'u2', 'mono16': 'u2', '32FC1': 'f4'}
MILLIMETRE = 0.001


class DepthError(ValueError):
    """A depth image that cannot be used; the text is for a person."""


class DepthImages:
    """The newest depth images of one camera. Written by one thread, read by another."""

    def __init__(
        self,
        read: Callable[[Any], RawImage | CompressedImage],
        topic: str = 'its depth topic',
        patience: float = 0.0,
    ) -> None:
        """
        Args:
            read: from what arrives to an undecoded image; raises ValueError.
            topic: where they come from, for messages.
            patience: seconds that :meth:`of` waits for the depth of an image, which mostly arrives after it.
        """
        self._patience = patience
        self.topic = topic
        self.problem = ''
        """Why the last one could not be used; empty: it could, or none came."""
        self.failures = 0
        self._read = read
        self._waiting: deque[tuple[int, Any]] = deque(maxlen=KEPT)
        self._arrived = threading.Condition()

    def add(self, stamp: int, item: Any) -> None:
        """Keep an image of a time [ns] until its colour image asks for it."""
        with self._arrived:
            self._waiting.append((stamp, item))
            self._arrived.notify_all()

    def of(self, stamp: int, size: tuple[int, int]) -> np.ndarray | None:
        """(H, W) float32 metres for the colour image of a time [ns], NaN where nothing is known; None: there is none.

        Args:
            size: width, height of the colour image; depth of another size and the same proportions is resized.
        """
        with self._arrived:
            newest = self._waiting[-1][0] if self._waiting else -ALIVE
            if stamp - newest < ALIVE:
                self._arrived.wait_for(lambda: self._waiting[-1][0] >= stamp - SAME, self._patience)
            nearest = min(self._waiting, key=lambda waiting: abs(waiting[0] - stamp), default=None)
        if nearest is None or abs(nearest[0] - stamp) > APART:
            return None
        try:
            depth = fitted(decode_depth(self._read(nearest[1])), size)
        except ValueError as error:
            self.problem, self.failures = f'{self.topic}: {error}', self.failures + 1
            return None
        self.problem = ''
        return depth


def decode_depth(image: RawImage | CompressedImage) -> np.ndarray:
    """(H, W) float32 depth [m] along the optical axis; NaN where the camera measured nothing.

    Raises:
        DepthError: the image is damaged, or no depth.
    """
    encoding = getattr(image, 'encoding', None)
    if not isinstance(image, RawImage) or encoding not in ENCODINGS:
        found = encoding or getattr(image, 'format', 'something else')
        raise DepthError(
            f'depth has the encoding {str(found)[:40]!r}; 16UC1 (mm) or 32FC1 (m) expected, uncompressed'
        )
    kind = np.dtype(ENCODINGS[encoding]).newbyteorder('>' if image.is_bigendian else '<')
    row = image.width * kind.itemsize
    if not image.width or not image.height or image.step < row:
        raise DepthError(f'depth image of {image.width} x {image.height} pixels with rows of {image.step} bytes')
    if len(image.data) < image.step * (image.height - 1) + row:
        raise DepthError(f'depth image has {len(image.data)} bytes, {image.step * (image.height - 1) + row} needed')
    values = np.ndarray((image.height, image.width), kind, image.data, strides=(image.step, kind.itemsize))
    depth = values.astype(np.float32) * np.float32(MILLIMETRE if kind.itemsize == 2 else 1.0)
    with np.errstate(invalid='ignore'):
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan))


def fitted(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W) the depth at the size (width, height) of the colour image; values are never mixed.

    Raises:
        DepthError: other proportions, so that it cannot be registered to the colour image.
    """
    height, width = depth.shape
    if (width, height) == size:
        return depth
    if abs(width / height * size[1] / size[0] - 1) > PROPORTIONS:
        raise DepthError(
            f'depth is {width} x {height}, the colour image {size[0]} x {size[1]}: it is not registered to it; '
            'use the depth that the driver aligns to colour (aligned_depth_to_color, depth_to_rgb)'
        )
    return cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
