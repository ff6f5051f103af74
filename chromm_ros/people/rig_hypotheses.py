"""Who is who while the cameras themselves are misplaced.

Eq. 4 compares places in the world. Where cameras are only estimated, one person may look farther apart in two views
than two people are. But a misplaced pair of cameras shifts everybody by about as much: the shift is searched under
which most people of the two views match, in place and in facing, and a large shift has its price.
"""

from __future__ import annotations

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.arrays import length
from chromm_ros.people.assignment import cheapest_pairs
from chromm_ros.people.association import merge
from chromm_ros.people.tracklet_stack import TrackletStack, mean_over

PLACE_NOISE = 0.2
"""Standard deviation [m] of a place after the shift, across the viewing rays: cameras are also turned wrongly."""

FACING_NOISE, FACING_PRICE = 0.6, 4.0
"""Standard deviation [rad] of the angle between two views of a facing, and its largest price: facings may flip."""

UNMATCHED = 12.0
"""Price of a pair from which two tracklets rather stay unmatched (squared standard deviations)."""

REACH = 3.0
"""Standard deviations that a shift may be long."""

TRIED, REFITS = 8, 3
"""Shifts whose best matching is computed, those that promise most, and how often each is fitted to its matches."""


def match_misplaced(
    people: ViewPeople, stack: TrackletStack, noise: np.ndarray, errors: EstimateErrors
) -> np.ndarray:
    """(N,) group of each tracklet.

    Args:
        noise: (V,) standard deviation of the position of each camera, per axis [m].
        errors: of the network that made the detections.
    """
    matches: list[tuple[float, int, int]] = []
    facing = _facings(people, stack)
    for one in range(len(people.valid)):
        for other in range(one + 1, len(people.valid)):
            first, second = np.nonzero(stack.view == one)[0], np.nonzero(stack.view == other)[0]
            if len(first) and len(second):
                variance = noise[one] ** 2 + noise[other] ** 2
                cost, row, column = _best_matching(stack, facing, first, second, variance, errors.depth)
                matches += zip(cost[row, column], first[row], second[column])
    return merge(sorted(matches), stack.view, stack.present)


def _best_matching(
    stack: TrackletStack, facing: np.ndarray, first: np.ndarray, second: np.ndarray, variance: float, depth: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Costs (A, B) of the tracklets of two views under the best shift, and rows and columns of the matches."""
    a, b = first[:, None], second[None]
    both = stack.present[a] & stack.present[b]
    offset = np.moveaxis(mean_over(np.moveaxis(stack.head[a] - stack.head[b], -1, 0), both), 0, -1)
    covariance = _covariance(stack, first, depth)[:, None] + _covariance(stack, second, depth)[None]
    information = np.linalg.inv(covariance)
    fixed = np.where(both.any(-1), _facing_price(facing, a, b, both), np.inf)
    prior = np.eye(3) / variance

    def costs(shift: np.ndarray) -> np.ndarray:
        """(..., A, B) under shifts (..., 3)."""
        apart = offset - shift[..., None, None, :]
        return np.einsum('...abi,abij,...abj->...ab', apart, information, apart) + fixed

    def fitted(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """The likeliest shift when these pairs match."""
        known = information[row, column]
        return np.linalg.solve(prior + known.sum(0), np.einsum('nij,nj->i', known, offset[row, column]))

    pairs = np.argwhere(both.any(-1))
    shifts = np.stack([np.zeros(3), *(fitted(pair[:1], pair[1:]) for pair in pairs)])
    shifts = shifts[length(shifts) <= REACH * np.sqrt(variance)]
    best = (np.inf, costs(np.zeros(3)), np.zeros(0, int), np.zeros(0, int))
    for start in _promising(costs(shifts) - UNMATCHED, (shifts**2).sum(-1) / variance):
        shift = shifts[start]
        for _ in range(REFITS):
            cost = costs(shift)
            row, column = cheapest_pairs(cost, UNMATCHED)
            total = (cost[row, column] - UNMATCHED).sum() + shift @ shift / variance
            if total < best[0] - 1e-9:
                best = (total, cost, row, column)
            shift = fitted(row, column)
    return best[1:]


def _promising(gains: np.ndarray, price: np.ndarray) -> np.ndarray:
    """The shifts (H,) with the least total cost that a one-to-one matching of ``gains`` (H, A, B) might reach."""
    bounds = [np.minimum(gains.min(axis), 0.0).sum(-1) for axis in (1, 2)]
    return np.argsort(np.maximum(*bounds) + price, kind='stable')[:TRIED]


def _covariance(stack: TrackletStack, tracklets: np.ndarray, depth: float) -> np.ndarray:
    """(A, 3, 3) of the places of tracklets, stretched along their mean rays."""
    present = stack.present[tracklets]
    ray = np.moveaxis(mean_over(np.moveaxis(stack.ray[tracklets], -1, 0), present), 0, -1)
    return PLACE_NOISE**2 / 2 * np.eye(3) + depth**2 * ray[:, :, None] * ray[:, None, :]


def _facings(people: ViewPeople, stack: TrackletStack) -> np.ndarray:
    """(N, T, 3, 3) world from body."""
    view, step, _ = stack.rows
    rotation = np.zeros((*stack.present.shape, 3, 3))
    rotation[stack.of_row, step] = people.world_from_camera[view, step, :3, :3] @ people.root_rotation[stack.rows]
    return rotation


def _facing_price(facing: np.ndarray, a: np.ndarray, b: np.ndarray, both: np.ndarray) -> np.ndarray:
    """(A, B) price of the mean angle between the facings of two tracklets."""
    trace = np.einsum('abtij,abtij->abt', facing[a], facing[b])
    angle = mean_over(np.arccos(np.clip((trace - 1) / 2, -1, 1)), both)
    return np.minimum((angle / FACING_NOISE) ** 2, FACING_PRICE)
