"""Rigid transforms and the pinhole camera, for numpy arrays and torch tensors.

The first axes of points, pixels and depths are those of the cameras; any number of axes may follow: cameras
``(V, T)`` take points ``(V, T, 3)``, ``(V, T, M, 3)`` and ``(V, T, H, W, 3)``. Pixels are continuous: the centre of
the first pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math

import numpy as np

from chromm_ros.geometry.arrays import Array, namespace, spread


def transform(matrix: Array, points: Array) -> Array:
    """Points in the frame that ``matrix`` maps to.

    Args:
        matrix: (B..., 4, 4) rigid, or a similarity; ``world_from_camera`` maps camera to world.
        points: ``(B..., *, 3)``.
    """
    moved = rotate(matrix[..., :3, :3], points)
    return moved + spread(matrix[..., :3, 3], matrix.ndim - 2, moved.ndim)


def rotate(rotation: Array, vectors: Array) -> Array:
    """Vectors ``(B..., *, 3)`` turned by ``rotation`` (B..., R, 3)."""
    batch = rotation.ndim - 2
    if vectors.ndim <= batch:
        raise ValueError(
            f'matrices of shape {tuple(rotation.shape)} need vectors with at least {batch + 1} axes, '
            f'not {tuple(vectors.shape)}'
        )
    inner = tuple(vectors.shape[batch:-1])
    rows = vectors.reshape(*vectors.shape[:batch], math.prod(inner), vectors.shape[-1])
    turned = rows @ rotation.swapaxes(-1, -2)
    return turned.reshape(*turned.shape[:batch], *inner, rotation.shape[-2])


def invert_rigid(matrix: Array) -> Array:
    """Inverse of rigid transforms (..., 4, 4), exact and without a solver."""
    inverse = matrix * 1  # a copy in both libraries
    transposed = matrix[..., :3, :3].swapaxes(-1, -2)
    inverse[..., :3, :3] = transposed
    inverse[..., :3, 3] = -(transposed @ matrix[..., :3, 3, None])[..., 0]
    return inverse


def project(points: Array, intrinsics: Array) -> Array:
    """Pixels ``(B..., *, 2)`` of ``points`` ``(B..., *, 3)`` in the camera frame.

    Points on the camera plane give no finite pixel, points behind it their mirror image: test the depth.
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        return rotate(intrinsics[..., :2, :], points / points[..., 2:])


def unproject(pixels: Array, depth: Array, intrinsics: Array) -> Array:
    """Points ``(B..., *, 3)`` in the camera frame at ``pixels`` ``(B..., *, 2)``.

    Args:
        depth: ``(B..., *)`` z of the camera frame [m], not the distance from the camera.
        intrinsics: (B..., 3, 3).
    """
    tangents = _tangents(pixels, intrinsics)
    xp = namespace(tangents)
    return xp.concatenate([tangents * depth[..., None], (depth + 0 * tangents[..., 0])[..., None]], -1)


def scale_intrinsics(intrinsics: Array, sx: Array, sy: Array) -> Array:
    """Intrinsics (..., 3, 3) of the image resized by ``sx``, ``sy`` (new size / old size; numbers or (...))."""
    scaled = intrinsics * 1
    for row, factor in enumerate((sx, sy)):
        scaled[..., row, :] = intrinsics[..., row, :] * (factor if np.ndim(factor) == 0 else factor[..., None])
    return scaled


def pixel_rays(intrinsics: Array, height: int, width: int) -> Array:
    """(B..., H, W, 2) tangents x/z and y/z of the rays through the pixel centres."""
    xp = namespace(intrinsics)
    kind = {'dtype': intrinsics.dtype} if xp is np else {'dtype': intrinsics.dtype, 'device': intrinsics.device}
    u = xp.arange(width, **kind) + 0.5
    v = xp.arange(height, **kind) + 0.5
    pixels = xp.stack([u[None, :] + 0 * v[:, None], v[:, None] + 0 * u[None, :]], -1)
    batch = intrinsics.ndim - 2
    return _tangents(pixels[(None,) * batch], intrinsics)


def _tangents(pixels: Array, intrinsics: Array) -> Array:
    """``(B..., *, 2)`` x/z and y/z; the closed-form inverse of an upper triangular K, skew included."""
    batch, ndim = intrinsics.ndim - 2, pixels.ndim - 1
    fx, skew, cx, fy, cy = (
        spread(intrinsics[..., row, column], batch, ndim) for row, column in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2))
    )
    y = (pixels[..., 1] - cy) / fy
    x = (pixels[..., 0] - cx - skew * y) / fx
    return namespace(x).stack([x, y], -1)
