"""Rotations from directions, single rotation vectors, and means of rotations. The rest comes from ``roma``."""

from __future__ import annotations

import cv2
import numpy as np

NEWTON_STEPS = 6
"""Newton's iteration for the polar factor converges quadratically; six steps reach 1e-12 from the guard below."""

WELL_CONDITIONED = 0.2
"""Determinant above which Newton's iteration is used, for matrices no larger than a rotation (a mean never is): their
smallest singular value is then at least 0.1."""


def nearest_rotation(matrices: np.ndarray) -> np.ndarray:
    """The rotations closest to ``matrices`` (..., 3, 3) in the Frobenius norm.

    Newton's iteration X <- (X + X^-T) / 2 where the matrix is close to a rotation, which a vectorised 3 x 3 does
    thirty times faster than LAPACK; the singular value decomposition elsewhere. NaN stays NaN.
    """
    nearest = np.array(matrices, dtype=np.float64)
    finite = np.asarray(np.isfinite(nearest).all((-1, -2)))
    bounded = np.where(finite[..., None, None], nearest, 0.0)
    good = ((bounded**2).sum((-1, -2)) < 3.001) & (_determinant(bounded) > WELL_CONDITIONED)
    nearest[good] = _polar(nearest[good])
    hard = finite & ~good
    if hard.any():
        u, _, vt = np.linalg.svd(nearest[hard])
        u[..., :, 2] *= np.linalg.det(u @ vt)[..., None]
        nearest[hard] = u @ vt
    return nearest


def mean_rotation(rotations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Chordal mean over the first axis.

    It minimises the sum of squared Frobenius distances, and equals the quaternion mean of Markley et al. (2007), the
    largest eigenvector of sum w q q^T: no sign of a quaternion has to be chosen.

    Args:
        rotations: (N, ..., 3, 3).
        weights: (N, ...) or any shape that broadcasts against it; 0 leaves a rotation out, whatever it holds.

    Returns:
        (..., 3, 3); the identity where all weights are 0.
    """
    weights = np.broadcast_to(weights, rotations.shape[:-2])
    used = np.where((weights > 0)[..., None, None], rotations, 0.0)
    total = np.einsum('n...,n...ij->...ij', weights, used)
    count = weights.sum(0)
    mean = total / np.where(count > 0, count, 1.0)[..., None, None]
    mean[count <= 0] = np.eye(3)
    return nearest_rotation(mean)


def shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotations (..., 3, 3) that take directions ``start`` (..., 3) to ``end`` (..., 3).

    The lengths do not matter. Opposite directions have no smallest rotation: any half turn is given.
    """
    a, b = np.broadcast_arrays(_unit(start), _unit(end))
    cosine = (a * b).sum(-1)
    # between opposite directions any perpendicular axis will do: across the smallest component of ``a``
    across = np.cross(a, np.eye(3)[np.abs(a).argmin(-1)])
    middle = np.where((cosine < -1 + 1e-8)[..., None], _unit(across), _unit(a + b))
    # two reflections make a rotation: first a to -a, then to b by the plane between them
    outer = middle[..., :, None] * middle[..., None, :]
    half_turn = 2 * outer - np.eye(3)
    flip = np.eye(3) - 2 * a[..., :, None] * a[..., None, :]
    return -half_turn @ flip


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def rotation_of(vector: np.ndarray) -> np.ndarray:
    """(3, 3) rotation by a rotation vector (3,); for single small vectors far quicker than the batched libraries."""
    return cv2.Rodrigues(vector)[0]


def vector_of(rotation: np.ndarray) -> np.ndarray:
    """(3,) rotation vector of a rotation (3, 3)."""
    return cv2.Rodrigues(rotation)[0][:, 0]


def _polar(matrices: np.ndarray) -> np.ndarray:
    x = np.moveaxis(matrices, (-2, -1), (0, 1)).copy()  # (3, 3, ...): one contiguous plane per entry
    for _ in range(NEWTON_STEPS):
        cofactors = np.stack([_cross(x[1], x[2]), _cross(x[2], x[0]), _cross(x[0], x[1])])
        determinant = (x[0] * cofactors[0]).sum(0)
        x = 0.5 * (x + cofactors / determinant)
    return np.moveaxis(x, (0, 1), (-2, -1))


def _determinant(matrices: np.ndarray) -> np.ndarray:
    x = np.moveaxis(matrices, (-2, -1), (0, 1))
    return (x[0] * _cross(x[1], x[2])).sum(0)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross product along the first axis; ``np.cross`` moves axes about for longer than it multiplies."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
