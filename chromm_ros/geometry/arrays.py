"""Functions that take numpy arrays and torch tensors alike.

The two libraries share operators, indexing and most method names; :func:`namespace` gives the module for the rest.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""A numpy array or a torch tensor. Results are of the kind, precision and device of what came in."""


def namespace(array: Array) -> ModuleType:
    """The module (numpy or torch) whose functions fit ``array``."""
    if isinstance(array, (np.ndarray, np.generic)):
        return np
    import torch  # imported only by those who already hold a tensor

    return torch


def spread(values: Array, batch: int, ndim: int) -> Array:
    """Insert axes of length 1 after the first ``batch`` axes of ``values``, so that it has ``ndim`` axes.

    Cameras (V, T, 3, 3) meet points (V, T, M, J, 3): the batch axes of both are the first ones.
    """
    missing = ndim - values.ndim
    if missing < 0:
        raise ValueError(
            f'an array of shape {tuple(values.shape)} has more batch axes than what it is applied to: '
            f'expected at most {ndim} axes; add axes to the other array'
        )
    return values[(slice(None),) * batch + (None,) * missing]


def dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Scalar products (...) of vectors (..., n); a sum over a short last axis takes three times as long."""
    return np.einsum('...i,...i->...', one, other)


def length(vectors: np.ndarray) -> np.ndarray:
    """Euclidean length (...) of numpy vectors (..., 3); three times faster than ``np.linalg.norm`` on short axes."""
    return np.sqrt(dot(vectors, vectors))
