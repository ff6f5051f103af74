"""Where rays meet: least squares, how well they determine the point, and how far they pass it. Numpy, batched."""

from __future__ import annotations

import numpy as np

MAX_CONDITION = 1e6
"""Condition number of the normal equations above which rays do not determine a point."""


def triangulate(origins: np.ndarray, directions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The points closest to their rays: ``argmin_x sum_v w_v |(I - d_v d_v^T) (x - c_v)|^2``.

    Args:
        origins: (..., V, 3) camera centres.
        directions: (..., V, 3) unit vectors.
        weights: (..., V); 0 leaves a ray out, whatever it holds; None: all 1.

    Returns:
        (..., 3); NaN where fewer than two rays are used or they are too close to parallel.
    """
    weights = np.ones(directions.shape[:-1]) if weights is None else np.broadcast_to(weights, directions.shape[:-1])
    used = (weights > 0)[..., None]
    origins = np.where(used, origins, 0.0)
    across = weights[..., None, None] * _across(np.where(used, directions, 0.0))
    # solving about the mean origin keeps the digits of rigs far from the origin of the world
    middle = origins.sum(-2) / np.maximum(used.sum(-2), 1)
    normal = across.sum(-3)
    offset = np.einsum('...vij,...vj->...i', across, np.where(used, origins - middle[..., None, :], 0.0))
    inverse, determined = invert_symmetric(normal)
    points = middle + np.einsum('...ij,...j->...i', inverse, offset)
    return np.where((determined & (used.sum((-2, -1)) > 1))[..., None], points, np.nan)


def intersection_covariance(directions: np.ndarray, sigma: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Covariance (..., 3, 3) of :func:`triangulate` when each ray misses the point by ``sigma`` (..., V).

    ``sigma`` is the standard deviation across the ray, at the point; a ray says nothing along itself. Zero where the
    rays determine nothing.
    """
    across = _across(np.where((weights > 0)[..., None], directions, 0.0))
    inverse, _ = invert_symmetric(np.einsum('...v,...vij->...ij', weights, across))
    spread = np.where(weights > 0, weights * sigma, 0.0) ** 2
    return inverse @ np.einsum('...v,...vij->...ij', spread, across) @ inverse


def largest_angle(directions: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Largest angle (...) [rad] between any two of the used lines (..., V, 3).

    Lines, not rays: two cameras that face each other with the point between them determine as little as two that
    look the same way, so the angle is at most 90 degrees. 0 with fewer than two lines.
    """
    directions = np.where(used[..., None], directions, 0.0)
    cosine = np.abs(directions @ directions.swapaxes(-1, -2))
    pairs = used[..., :, None] & used[..., None, :]
    return np.arccos(np.clip(np.where(pairs, cosine, 1.0).min((-2, -1)), 0.0, 1.0))


def along_and_across(
    points: np.ndarray, origins: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Signed length along each ray, and distance from it, of ``points`` (..., 3): two arrays (..., V)."""
    offset = points[..., None, :] - origins
    along = (offset * directions).sum(-1)
    return along, np.linalg.norm(offset - along[..., None] * directions, axis=-1)


def invert_symmetric(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse (..., N, N) of positive semi-definite matrices, and whether (...) each has one; zeros where not."""
    values, vectors = np.linalg.eigh(matrices)
    invertible = (values[..., -1] > 0) & (values[..., 0] * MAX_CONDITION > values[..., -1])
    inverted = np.where(invertible[..., None], 1.0 / np.where(invertible[..., None], values, 1.0), 0.0)
    return (vectors * inverted[..., None, :]) @ vectors.swapaxes(-1, -2), invertible


def _across(directions: np.ndarray) -> np.ndarray:
    """I - d d^T (..., 3, 3): what a ray says about a point."""
    return np.eye(3) * (directions**2).sum(-1)[..., None, None] - directions[..., :, None] * directions[..., None, :]
