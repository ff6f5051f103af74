"""One-to-one matching: optimal transport with a dustbin (Sinkhorn), and the Hungarian algorithm with a price."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

LARGEST_COST = 300.0
"""Costs are cut here: e^-300 is still a normal double, and no real match is near it."""


TINY = 1e-300
"""Makes 0 / 0 of padding 0; the dustbin keeps every other sum far above it."""


def sinkhorn(
    cost: np.ndarray, rows: np.ndarray, columns: np.ndarray, dustbin: float = -10.0, iterations: int = 20
) -> np.ndarray:
    """Transport plans between rows and columns, either of which may stay unmatched.

    The iteration of SuperGlue as Human3R uses it: scores -cost with one more row and column of score ``dustbin``,
    rows updated first. The number of iterations is part of the result: 20 are not converged. Doubles hold the plan
    itself, so its scaling form serves instead of the log domain; both give the same numbers.

    Args:
        cost: (..., N, M); batched, padded.
        rows: (..., N) bool, the rows that exist.
        columns: (..., M) bool.

    Returns:
        (..., N + 1, M + 1) plan, where a row or column of real entries sums to about 1; the dustbins come last.
        Padding gets no mass.
    """
    n, m = rows.sum(-1)[..., None], columns.sum(-1)[..., None]
    real = rows[..., :, None] & columns[..., None, :]
    kernel = np.full((*cost.shape[:-2], cost.shape[-2] + 1, cost.shape[-1] + 1), np.exp(dustbin))
    kernel[..., :-1, :-1] = np.where(real, np.exp(-np.minimum(np.where(real, cost, 0.0), LARGEST_COST)), 0.0)
    total = np.maximum(n + m, 1)
    mu = np.concatenate([rows / total, m / total], -1)
    nu = np.concatenate([columns / total, n / total], -1)
    kernel *= (mu > 0)[..., :, None] & (nu > 0)[..., None, :]
    mu, nu, transposed = mu[..., None], nu[..., None], kernel.swapaxes(-1, -2)
    v = np.where(nu > 0, 1.0, 0.0)
    for _ in range(iterations):
        u = mu / (kernel @ v + TINY)
        v = nu / (transposed @ u + TINY)
    return total[..., None] * u * kernel * v.swapaxes(-1, -2)


def mutual_best(plan: np.ndarray, threshold: float) -> np.ndarray:
    """(..., N) column that each row is matched to, -1 for none.

    A match is the largest entry of its row and of its column, dustbins left out, and above ``threshold``.

    Args:
        plan: (..., N + 1, M + 1) of :func:`sinkhorn`.
    """
    inner = plan[..., :-1, :-1]
    if 0 in inner.shape:
        return np.full(inner.shape[:-1], -1)
    column = inner.argmax(-1)
    row = inner.argmax(-2)
    best = np.take_along_axis(inner, column[..., None], -1)[..., 0]
    mutual = np.take_along_axis(row, column, -1) == np.arange(inner.shape[-2])
    return np.where(mutual & (best > threshold), column, -1)


def cheapest_pairs(cost: np.ndarray, price: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the one-to-one matching of least total cost, where staying unmatched costs ``price``.

    Only pairs cheaper than ``price`` are returned. Costs above it are cut to it first: a pair that would not be
    accepted anyway cannot push another out of its best match.
    """
    cut = np.where(cost < price, cost, price)
    row, column = linear_sum_assignment(cut)
    kept = cut[row, column] < price
    return row[kept], column[kept]
