"""Images are read before they are asked for, in order, and a missing one is an error where it is needed."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from chromm_ros.datasets.interface import Instant, Lens, View
from chromm_ros.evaluation.protocols.images import AHEAD, read_images

LENS = Lens(np.eye(3), (4, 3))


def instants(count: int, opener) -> list[Instant]:
    return [
        Instant(number, float(number), (View('camera', LENS, open_image=lambda number=number: opener(number)),), ())
        for number in range(count)
    ]


def test_the_next_images_are_read_while_one_is_used():
    opened, enough = [], threading.Event()

    def opener(number: int) -> np.ndarray:
        opened.append(number)
        if len(opened) > AHEAD // 2:
            enough.set()
        return np.full((3, 4, 3), number, np.uint8)

    stream = read_images(instants(2 * AHEAD, opener))
    first, images = next(stream)
    assert first.frame == 0
    assert enough.wait(10)  # more than the first were read, although nobody asked for them
    assert len(opened) <= AHEAD + 1
    assert images['camera'][0, 0, 0] == 0
    rest = [(instant.frame, int(images['camera'][0, 0, 0])) for instant, images in stream]
    assert rest == [(number, number) for number in range(1, 2 * AHEAD)]


def test_a_missing_image_is_raised_where_it_is_needed():
    def opener(number: int) -> np.ndarray:
        if number == 2:
            raise FileNotFoundError('00002.jpg does not exist')
        return np.zeros((3, 4, 3), np.uint8)

    stream = read_images(instants(4, opener))
    assert [next(stream)[0].frame for _ in range(2)] == [0, 1]
    with pytest.raises(FileNotFoundError, match=r'00002\.jpg'):
        next(stream)
