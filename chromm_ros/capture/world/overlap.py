"""Where two windows share images: how much larger one sees the scene than the other.

Pi3X stitches long sequences by a least squares Sim(3) between the points of the images that two chunks share. Here
the points give the scale only, and the cameras of the same images give frame and place: an image is taken from one
place, so its two point maps differ by a factor and by errors of depth, and errors of depth would turn the fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MIN_SAMPLES = 10
"""Samples that both windows must trust, as in the reference of Pi3X; people give the scale where there are fewer."""

PATCHES = (3, 4)
"""Rows and columns of an image within which errors of depth hang together: samples of a patch are one opinion."""

MIN_ERROR = 0.003
"""Nothing is known better [log of the ratio]."""


@dataclass(frozen=True)
class Seam:
    """What the surfaces of shared images say."""

    ratio: float
    """Metres of the world per metre that the network sees now."""
    error: float
    """Standard deviation of the logarithm of the ratio."""


def fit_seam(before: np.ndarray, now: np.ndarray) -> Seam | None:
    """Compare the depths of the same N images at the same samples; None where too few are trusted in both.

    Args:
        before: (N, h, w) as an earlier window put them into the world [m]; NaN where they are not to be trusted.
        now: (N, h, w) as the network sees them together with other images; NaN likewise.
    """
    if before.shape != now.shape:
        return None
    with np.errstate(invalid='ignore', divide='ignore'):
        logs = np.log(before / now)
    logs[~np.isfinite(logs)] = np.nan
    if np.isfinite(logs).sum() < MIN_SAMPLES:
        return None
    opinions = np.array([np.nanmedian(patch) for patch in _patches(logs) if np.isfinite(patch).any()])
    if len(opinions) < 2:
        return None
    error = float(np.std(opinions)) / math.sqrt(len(opinions) - 1)
    return Seam(math.exp(float(np.nanmedian(logs))), max(MIN_ERROR, error))


def _patches(maps: np.ndarray) -> list[np.ndarray]:
    """(N, h, w) cut into PATCHES of each image."""
    rows, columns = PATCHES
    return [
        patch
        for image in maps
        for strip in np.array_split(image, rows)
        for patch in np.array_split(strip, columns, axis=1)
        if patch.size
    ]
