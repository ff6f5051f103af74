"""Where to look for people in an image: where they were in the last one, and all over it when somebody may have come.

Looking all over an image costs as much as reading the landmarks of three people. It is done in the first image, when
somebody was lost, when the picture changed where nobody is known to be, and every now and then.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from chromm_ros.network.open.crops import Pyramid
from chromm_ros.network.open.reader import Persons

SIDE = 48
"""Cells of the small grey picture by which a change is seen, along each side."""
CHANGE = 0.05
"""Difference of a cell that is a change, of [0, 1]; noise and compression stay far below."""
CELLS = 3
"""Cells that have to change: somebody far away covers as many."""
PERIOD = 12
"""Images after which an image is looked all over anyhow."""
MARGIN = 0.15
"""Of the size of a person: around the landmarks, what changes belongs to the person."""
KNOWN = 0.2
"""Side of a region within which the middle of another one is the same person."""

WIDTH = SIDE * SIDE + 1


@dataclass(frozen=True)
class Attention:
    """What one image leaves for the next of the same camera."""

    picture: np.ndarray
    """(48, 48) grey in [0, 1], when the image was last looked all over."""
    age: int
    """Images since then."""

    def packed(self) -> np.ndarray:
        """(WIDTH,) float32."""
        return np.append(self.picture.ravel(), self.age).astype(np.float32)

    @staticmethod
    def unpacked(values: np.ndarray) -> Attention:
        return Attention(values[:-1].reshape(SIDE, SIDE), round(float(values[-1])))

    def wanders(self, picture: np.ndarray, known: Persons, size: tuple[int, int]) -> bool:
        """Whether an image has to be looked all over, although those in ``known`` were found again.

        Args:
            picture: of the image, see :func:`small_picture`.
            size: (height, width) of the image.
        """
        if self.age >= PERIOD:
            return True
        change = picture - self.picture
        change = np.abs(change - np.median(change)) > CHANGE  # the light of the room may have changed
        for points in known.pixels / (size[1], size[0]) * SIDE:
            low, high = points.min(0), points.max(0)
            low, high = (
                np.clip(edge, 0, SIDE) for edge in (low - MARGIN * (high - low), high + MARGIN * (high - low))
            )
            change[int(low[1]) : int(np.ceil(high[1])), int(low[0]) : int(np.ceil(high[0]))] = False
        return int(change.sum()) >= CELLS


def small_picture(pyramid: Pyramid) -> np.ndarray:
    """(48, 48) grey in [0, 1]."""
    coarse = pyramid.levels[-1]
    small = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return small.mean(-1, dtype=np.float32) / 255


def unknown(regions: np.ndarray, known: Persons) -> np.ndarray:
    """Those of the ``regions`` (P, 4) that are not around somebody who is ``known``."""
    apart = np.linalg.norm(regions[:, None, :2] - known.following[None, :, :2], axis=-1)
    return regions[(apart > KNOWN * regions[:, None, 2]).all(1)]
