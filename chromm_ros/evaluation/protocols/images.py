"""The images of a clip as a pinhole camera would give them, read ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import cv2
import numpy as np

from chromm_ros.datasets.interface import Instant, View

AHEAD = 8
"""Images that are read before they are asked for."""

READERS = 2
"""Threads that read: decoding a picture releases the interpreter."""

Key = tuple[str, bytes, bytes, tuple[int, int]]


def undistorted(view: View) -> np.ndarray:
    """(H, W, 3) uint8 RGB of the same intrinsics without distortion."""
    image, lens = view.image(), view.lens
    if lens.model == 'pinhole' or not lens.distortion.any():
        return image
    key = (lens.model, lens.intrinsics.tobytes(), lens.distortion.astype(float).tobytes(), lens.size)
    return cv2.remap(image, *_maps(key), cv2.INTER_LINEAR)


def read_images(
    instants: Iterable[Instant], read: Callable[[View], np.ndarray]
) -> Iterator[tuple[Instant, dict[str, np.ndarray]]]:
    """Every instant with its images by view, in order; the next ones are read while these are used.

    Raises:
        OSError, ValueError: an image is missing or broken.
    """
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[tuple[Instant, dict[str, Future[np.ndarray]]]] = deque()
        for instant in instants:
            ahead.append((instant, {view.name: pool.submit(read, view) for view in instant.views}))
            if len(ahead) * max(len(instant.views), 1) > AHEAD:
                yield _ready(*ahead.popleft())
        while ahead:
            yield _ready(*ahead.popleft())


def _ready(instant: Instant, images: dict[str, Future[np.ndarray]]) -> tuple[Instant, dict[str, np.ndarray]]:
    return instant, {name: image.result() for name, image in images.items()}


@lru_cache(maxsize=32)
def _maps(key: Key) -> tuple[np.ndarray, np.ndarray]:
    model, intrinsics, distortion, size = key
    matrix = np.frombuffer(intrinsics).reshape(3, 3)
    coefficients = np.frombuffer(distortion)
    if model == 'fisheye':
        return cv2.fisheye.initUndistortRectifyMap(matrix, coefficients, np.eye(3), matrix, size, cv2.CV_32FC1)
    return cv2.initUndistortRectifyMap(matrix, coefficients, None, matrix, size, cv2.CV_32FC1)
