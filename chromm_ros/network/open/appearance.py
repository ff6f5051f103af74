"""What somebody wears, as numbers: colours at places of the body that the landmarks point at."""

from __future__ import annotations

import numpy as np

from chromm_ros.network.open.reader import Persons

AT_LANDMARKS = (0, 11, 12, 13, 14, 23, 24, 25, 26)
"""Nose, shoulders, elbows, hips, knees."""
BETWEEN = ((11, 24), (12, 23), (23, 25), (24, 26), (25, 27), (26, 28))
"""Across the chest, and along thighs and shins."""
WIDTH = 3 * (len(AT_LANDMARKS) + len(BETWEEN))
RADIUS = 0.02
"""Spacing of the 3 x 3 pixels that a colour is the mean of, as a part of the person's height in the image."""


def appearance(image: np.ndarray, persons: Persons) -> np.ndarray:
    """(P, 45) colours in the order of the places; half of their mean is taken away, which light changes most.

    Args:
        image: (H, W, 3) uint8 RGB.
    """
    points = persons.pixels
    between = np.stack([(points[:, a] + points[:, b]) / 2 for a, b in BETWEEN], 1)
    places = np.concatenate([points[:, AT_LANDMARKS], between], 1)
    spacing = np.maximum(RADIUS * np.ptp(points[..., 1], axis=1), 1.0)[:, None, None, None]
    neighbours = np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)])
    at = places[:, :, None] + spacing * neighbours
    column = np.clip(at[..., 0], 0, image.shape[1] - 1).astype(int)
    row = np.clip(at[..., 1], 0, image.shape[0] - 1).astype(int)
    colors = image[row, column].mean(2, dtype=np.float32) / 255
    return (colors - 0.5 * colors.mean(1, keepdims=True)).reshape(len(points), WIDTH)
