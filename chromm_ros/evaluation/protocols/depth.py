"""Depth of single images (PROX, CHROMM Table 9): AbsRel and the share of pixels right within a quarter."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from chromm_ros.evaluation import metrics
from chromm_ros.evaluation.protocols.clips import Clip
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.scores import ClipScore

SHAPE_TOLERANCE = 0.15
"""Logarithm of the ratio of proportions beyond which a depth map is of another picture; networks round to patches."""

SCALES = ('median', 'lsq')


def score_depth(clip: Clip, estimates: Estimates, scale: str = 'median') -> ClipScore:
    """Depth errors of every image of a clip, after one scale per image.

    Errors: ``absrel`` and ``delta`` as asked for, the other alignment as ``absrel_*`` and ``delta_*``, and both
    without the pixels that show people as ``absrel_static`` and ``delta_static``.

    Args:
        scale: ``median``: ratio of the medians; ``lsq``: the factor with the least squared error.
    """
    errors: dict[str, list[float]] = {}
    true = compared = 0
    for instant in clip.instants():
        view = instant.views[0]
        truth = view.depth()
        if truth is None or not (truth > 0).any():
            continue
        true += 1
        at = np.flatnonzero(estimates.frames == instant.frame)
        if not len(at) or len(estimates.depth) <= at[0]:
            continue
        rows, columns = np.nonzero(truth > 0)
        guess = sampled(estimates.depth[at[0]], truth.shape, rows, columns)
        if not (np.isfinite(guess) & (guess > 0)).any():
            continue
        compared += 1
        people = view.people_mask()
        static = np.ones(len(rows), bool) if people is None else ~people[rows, columns]
        for name, value in depth_errors(truth[rows, columns], guess, static, scale).items():
            errors.setdefault(name, []).append(value)
    return ClipScore(
        errors={name: np.array(values) for name, values in errors.items()},
        true=true,
        compared=compared,
        estimates=len(estimates.depth),
        matched=compared,
        instants=len(clip.indices),
    )


def depth_errors(truth: np.ndarray, guess: np.ndarray, static: np.ndarray, scale: str) -> dict[str, float]:
    """Errors (by name) of the pixels (n,) of one image; ``static`` (n,) bool: no person is there."""
    other = SCALES[1 - SCALES.index(scale)]
    found = {}
    for suffix, kind, used in (('', scale, None), (f'_{other}', other, None), ('_static', scale, static)):
        valid = np.ones(len(truth), bool) if used is None else used
        factor = alignment(truth[valid], guess[valid], kind)
        scores = metrics.depth_scores(truth, guess * factor, valid, align_scale=False)
        found[f'absrel{suffix}'], found[f'delta{suffix}'] = scores
    return found


def alignment(truth: np.ndarray, guess: np.ndarray, kind: str) -> float:
    """Factor that brings estimated depths (n,) to the true ones."""
    good = np.isfinite(guess) & (guess > 0)
    if not good.any():
        return 1.0
    a, b = truth[good].astype(np.float64), guess[good].astype(np.float64)
    if kind == 'median':
        return float(np.median(a) / np.median(b))
    return float((a * b).sum() / (b * b).sum())


def sampled(depth: np.ndarray, size: tuple[int, ...], rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n,) bilinear samples of a depth map (h, w) at pixels of an image of ``size`` (H, W).

    Raises:
        ValueError: the map has another shape than the image.
    """
    height, width = depth.shape
    if abs(np.log(width / height * size[0] / size[1])) > SHAPE_TOLERANCE:
        raise ValueError(
            f'depth maps are {width} x {height}, the images {size[1]} x {size[0]}: expected the same proportions'
        )
    x = (columns + 0.5) * width / size[1] - 0.5
    y = (rows + 0.5) * height / size[0] - 0.5
    return map_coordinates(depth.astype(np.float64), [y, x], order=1, mode='nearest')
