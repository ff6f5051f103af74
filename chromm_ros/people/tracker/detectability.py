"""How probably each view detects each person, wherever the person may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people.tracker.tables import CameraViews, Sighted

EDGE = 0.05
"""Distance from the edge of an image, as a part of its size, within which heads are missed more often."""

CLOSEST = 0.4
"""Depth of a head below which nobody is detected [m]."""

HIDES, HIDES_SURELY = 0.35, 1.0
"""How far the scene must lie before a head to hide it, perhaps and surely [m]; more than half a body is thick."""

HALF_SEEN = 0.35
"""Share of visible body joints from which a person is detected as well as if all were."""

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
GRID = np.stack(np.meshgrid(NODES, NODES, indexing='ij'), -1).reshape(-1, 2)
"""(S, 2) points of a standard normal law of two dimensions, in standard deviations (Gauss-Hermite)."""

WEIGHTS = np.outer(NODE_WEIGHTS, NODE_WEIGHTS).ravel() / NODE_WEIGHTS.sum() ** 2
"""(S,) their weights."""


@dataclass(frozen=True)
class Detectability:
    """T people, each at S points of where it may be, in V views."""

    points: np.ndarray  # (T, S, 3) heads, world [m]
    rate: np.ndarray  # (T, S, V) probability that the view detects the person if the head is there
    pixels: np.ndarray  # (V, T, 2) of the mean head

    @property
    def mean(self) -> np.ndarray:
        """(T, V) over where the person may be."""
        return np.einsum('s,tsv->tv', WEIGHTS, self.rate)


def detectability(
    place: np.ndarray, covariance: np.ndarray, posture: np.ndarray, cameras: CameraViews, errors: EstimateErrors
) -> Detectability:
    """
    Args:
        place: (T, 3) mean heads, world [m].
        covariance: (T, 3, 3) of it; its two widest axes are looked at.
        posture: (T, 22, 3) joints relative to the head [m].
    """
    values, vectors = np.linalg.eigh(covariance)
    axes = vectors[:, :, 1:] * np.sqrt(np.maximum(values[:, None, 1:], 1e-9))  # (T, 3, 2)
    points = place[:, None] + np.einsum('tik,sk->tsi', axes, GRID)
    head = cameras.look_at(points)
    rate = _head_rate(head, cameras, errors)  # (V, T, S)
    body = cameras.look_at(place[:, None] + posture)  # (V, T, 22)
    visible = (body.inside & ~(body.behind < -HIDES)).mean(-1)
    rate = rate * np.clip(visible / HALF_SEEN, 0.5, 1.0)[..., None]
    return Detectability(points, np.moveaxis(errors.detection.rate * rate, 0, -1), head.pixels[:, :, len(GRID) // 2])


def clear_view(points: np.ndarray, cameras: CameraViews, errors: EstimateErrors) -> np.ndarray:
    """(N,) bool: some view would more probably than not detect a head at these points (N, 3), world [m]."""
    rate = errors.detection.rate * _head_rate(cameras.look_at(points), cameras, errors)
    return np.asarray((rate > 0.5).any(0))


def _head_rate(head: Sighted, cameras: CameraViews, errors: EstimateErrors) -> np.ndarray:
    """(V, ...) part of the detection probability that is left for heads near an edge, or behind something."""
    sizes = cameras.sizes.reshape(-1, *[1] * (head.depth.ndim - 1), 2)
    share = head.pixels / sizes
    margin = np.minimum(share, 1 - share).min(-1)
    rate = np.where(margin > EDGE, 1.0, errors.detection.edge_rate) * (head.inside & (head.depth > CLOSEST))
    # a depth that is not known (NaN) hides nobody
    partly, surely = errors.detection.hidden_rate
    hidden = np.where(head.behind < -HIDES_SURELY, surely, partly)
    return rate * np.where(head.behind < -HIDES, hidden, 1.0)


def crowding(pixels: np.ndarray, detected: np.ndarray, widths: np.ndarray, errors: EstimateErrors) -> np.ndarray:
    """(T, V) factors on the detection probability of somebody close in the image to somebody who is detected.

    A network gives one detection for heads that share a patch.

    Args:
        pixels: (V, T, 2) heads.
        detected: (T, V) bool.
        widths: (V,) of the images [px].
    """
    apart = np.linalg.norm(pixels[:, :, None] - pixels[:, None], axis=-1) / widths[:, None, None]  # (V, T, T)
    apart[:, np.arange(len(detected)), np.arange(len(detected))] = np.inf
    nearest = np.where(detected.T[:, None], apart, np.inf).min(-1, initial=np.inf)
    return np.interp(nearest, errors.detection.crowd, (errors.detection.crowd_rate, 1.0)).T
