"""Which views are compared with one another: nearest neighbours, and what keeps them connected."""

from __future__ import annotations

import numpy as np


def view_pairs(centres: np.ndarray, neighbours: int) -> np.ndarray:
    """Pairs (E, 2) of views, smaller number first, in order.

    Each view is paired with its ``neighbours`` nearest ones, ties included, so that the order of the views does not
    matter. If that leaves islands, the edges of the minimum spanning tree join them: without a path between two
    views, a person could not have one identity in both.

    Args:
        centres: (V, 3) mean camera centres [m]; views with a NaN are left out.
    """
    known = np.nonzero(np.isfinite(centres).all(-1))[0]
    if len(known) < 2:
        return np.zeros((0, 2), int)
    distance = np.linalg.norm(centres[known][:, None] - centres[known][None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    count = min(neighbours, len(known) - 1)
    reach = np.partition(distance, count - 1, axis=1)[:, count - 1]
    near = distance <= reach[:, None] * (1 + 1e-9)
    near |= near.T
    if not _connected(near):
        near |= _spanning_tree(distance)
    return known[np.argwhere(np.triu(near))]


def _connected(near: np.ndarray) -> bool:
    reached = near[0].copy()
    for _ in range(len(near)):
        reached |= near[reached].any(0)
    return bool(reached.all())


def _spanning_tree(distance: np.ndarray) -> np.ndarray:
    """Prim's algorithm. (scipy's takes a distance of 0, two cameras in one place, for no edge at all.)"""
    tree = np.zeros(distance.shape, bool)
    inside = np.zeros(len(distance), bool)
    inside[0] = True
    while not inside.all():
        crossing = np.where(inside[:, None] & ~inside[None, :], distance, np.inf)
        a, b = np.unravel_index(crossing.argmin(), crossing.shape)
        tree[a, b] = tree[b, a] = inside[b] = True
    return tree
