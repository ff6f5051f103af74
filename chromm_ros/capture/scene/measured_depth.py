"""What depth cameras measured, in place of what the network thinks: surfaces and the distance of heads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from chromm_ros.capture.scene.surfaces import Surfaces
from chromm_ros.capture.settings import SceneSettings
from chromm_ros.flow import Detections, ViewImage
from chromm_ros.geometry.cameras import unproject

JUMP = 0.05
"""Relative difference of depth to a neighbour from which a sample is at an edge."""

REACH = 2
"""Pixels to the neighbours that are compared."""

HEAD_RADIUS, SKIN = 0.07, 0.09
"""[m] around a head in the image that is looked at, and from what is seen of a head to its joint."""

LAYER = 0.25
"""[m] behind the nearest surface within which samples belong to the head."""

PLAUSIBLE = 1.6
"""A head is not farther from where the network has it than by this factor: something else was measured."""

NEAREST_FEW = 20
"""Percentile of the samples that stands for the nearest surface."""


def with_measured_depth(
    surfaces: Surfaces, images: Sequence[ViewImage], intrinsics: np.ndarray, scale: float, settings: SceneSettings
) -> Surfaces:
    """The surfaces of N images with the depth that was measured where there is any.

    Args:
        surfaces: as the network has them, in its metres.
        images: N of them, in order.
        intrinsics: (N, 3, 3) in use, pixels of the images.
        scale: metres of the world per metre of the network.
        settings: how many samples, how far.
    """
    if all(image.depth is None for image in images):
        return surfaces
    surfaces = _finer(surfaces, images, intrinsics, settings.points_per_window)
    depth, static, confidence = surfaces.depth.copy(), surfaces.static.copy(), surfaces.confidence.copy()
    for n, image in enumerate(images):
        if image.depth is None:
            continue
        row, column = _pixels(image.depth.shape, depth.shape[1:])
        measured = image.depth[row, column]
        known = np.isfinite(measured)
        depth[n] = np.where(known, measured / scale, depth[n])
        good = known & _smooth(image.depth, row, column) & (measured < settings.range)
        static[n] = np.where(known, good, static[n])
        confidence[n] = np.where(known, 1.0, confidence[n])
    return dataclasses.replace(surfaces, depth=depth, static=static, confidence=confidence)


def with_measured_heads(
    people: Detections[np.ndarray], image: ViewImage, intrinsics: np.ndarray
) -> Detections[np.ndarray]:
    """The people of one image (M,), in metres of the world, with heads as far away as was measured.

    A head stays where it is when nothing was measured at it, or something that cannot be it.
    """
    if image.depth is None:
        return people
    head = people.head.copy()
    for person in np.nonzero(people.valid)[0]:
        distance = _head_distance(image.depth, people.head_px[person], float(head[person, 2]), intrinsics[0, 0])
        if distance is not None:
            head[person] *= distance / head[person, 2]
    return dataclasses.replace(people, head=head)


def _head_distance(depth: np.ndarray, pixel: np.ndarray, expected: float, focal: float) -> float | None:
    """Depth of a head joint [m] from what was measured around its pixel (2,); None: nothing that can be it."""
    if expected <= 0 or not np.isfinite(pixel).all():
        return None
    radius = max(1, round(HEAD_RADIUS * focal / expected))
    column, row = (round(float(value) - 0.5) for value in pixel)
    down, right = (slice(max(0, at - radius), max(0, at + radius + 1)) for at in (row, column))
    patch = depth[down, right]
    values = patch[np.isfinite(patch)]
    values = values[(values > (expected - SKIN) / PLAUSIBLE) & (values < expected * PLAUSIBLE)]
    if len(values) < max(3, 0.1 * patch.size):
        return None
    nearest = np.percentile(values, NEAREST_FEW)
    return float(np.median(values[values < nearest + LAYER])) + SKIN


def _finer(surfaces: Surfaces, images: Sequence[ViewImage], intrinsics: np.ndarray, points: int) -> Surfaces:
    """The same on a grid as fine as ``points`` samples in all allow, where that of the network is coarser."""
    count, height, width = surfaces.depth.shape
    factor = int(math.sqrt(points / max(1, count * height * width)))
    if factor < 2:
        return surfaces
    names = ('depth', 'static', 'confidence')
    repeated = {name: getattr(surfaces, name).repeat(factor, 1).repeat(factor, 2) for name in names}
    fine = repeated['depth'].shape[1:]
    rays, colors = [], []
    for image, matrix in zip(images, intrinsics):
        row, column = _pixels(image.pixels.shape[:2], fine)
        colors.append(image.pixels[row, column])
        size = image.pixels.shape[1::-1]
        place = np.stack(np.broadcast_arrays(_centres(fine[1])[None], _centres(fine[0])[:, None]), -1) * size
        rays.append(unproject(place[None], np.ones((1, *fine)), matrix[None])[0, ..., :2])
    return dataclasses.replace(
        surfaces, **repeated, rays=np.stack(rays).astype(surfaces.rays.dtype), colors=np.stack(colors)
    )


def _pixels(size: tuple[int, ...], grid: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows (h, 1) and columns (1, w) of an image of ``size`` (height, width) at the samples of a grid (h, w)."""
    row, column = ((_centres(cells) * length).astype(int) for length, cells in zip(size, grid))
    return row[:, None], column[None]


def _centres(count: int) -> np.ndarray:
    """(count,) middles of as many cells of [0, 1]."""
    return (np.arange(count) + 0.5) / count


def _smooth(depth: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """(h, w) bool: the depth at these pixels is like that of the neighbours that were measured."""
    height, width = depth.shape
    here = depth[row, column]
    smooth = np.isfinite(here)
    for down, right in ((-REACH, 0), (REACH, 0), (0, -REACH), (0, REACH)):
        there = depth[np.clip(row + down, 0, height - 1), np.clip(column + right, 0, width - 1)]
        with np.errstate(invalid='ignore'):
            smooth &= ~(np.abs(there - here) > JUMP * here)
    return smooth
