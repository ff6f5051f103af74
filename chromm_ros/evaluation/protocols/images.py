"""The images of a clip, read ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from chromm_ros.datasets.interface import Instant

AHEAD = 8
"""Images that are read before they are asked for."""

READERS = 2
"""Threads that read: decoding a picture releases the interpreter."""


def read_images(instants: Iterable[Instant]) -> Iterator[tuple[Instant, dict[str, np.ndarray]]]:
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


def _ready(instant: Instant, images: dict[str, Future[np.ndarray]]) -> tuple[Instant, dict[str, np.ndarray]]:
    return instant, {name: image.result() for name, image in images.items()}
