"""The images of a clip, read ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from chromm_ros.datasets.interface import Instant

AHEAD = 32
"""Images that are read before they are asked for: while a network decodes, the next ones come."""

READERS = 4
"""Threads that read: decoding a picture releases the interpreter."""

Seen = tuple[Instant, dict[str, np.ndarray]]
"""An instant with its images (H, W, 3) uint8 RGB by view."""


def read_images(instants: Iterable[Instant]) -> Iterator[Seen]:
    """Every instant with its images by view, in order; the next ones are read while these are used.

    Raises:
        OSError, ValueError: an image is missing or broken.
    """
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[tuple[Instant, dict[str, Future[np.ndarray]]]] = deque()
        for instant in instants:
            ahead.append((instant, {view.name: pool.submit(view.image) for view in instant.views}))
            if len(ahead) * max(len(instant.views), 1) > AHEAD:
                yield _ready(*ahead.popleft())
        while ahead:
            yield _ready(*ahead.popleft())


def _ready(instant: Instant, images: dict[str, Future[np.ndarray]]) -> Seen:
    return instant, {name: image.result() for name, image in images.items()}
