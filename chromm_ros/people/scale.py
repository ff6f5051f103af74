"""Metric scale of the scene: from the size of the people in it (CHROMM eq. 2 and 3), or from a known rig."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.cameras import project
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.observations import usable
from chromm_ros.people.settings import ScaleSettings
from chromm_ros.skeleton import HEAD, PELVIS


@dataclass(frozen=True)
class ScaleEstimate:
    """What a window says about its scale."""

    ratio: float
    """Factor on every length of the scene; 1 where nobody voted."""
    spread: float
    """Standard deviation of a single vote, as a part of the ratio; NaN with fewer than two votes."""
    votes: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Votes that did not count, by reason."""


def scale_ratio(people: ViewPeople, settings: ScaleSettings) -> ScaleEstimate:
    """Ratio of the scale that makes projected bodies as long as people are in the images.

    A body has metric size whatever the scene says: at too small a depth its head-pelvis length is projected too long,
    the ratio is above 1, and the scene grows.
    """
    mask, _ = usable(people, 0.0)
    view, step, detection = np.nonzero(mask)
    intrinsics = people.intrinsics[view, step]
    root = people.root_rotation[view, step, detection]
    canonical = people.canonical_joints[view, step, detection]
    pelvis = ((canonical[:, PELVIS] - canonical[:, HEAD])[:, None] @ root.swapaxes(-1, -2))[:, 0]
    head = people.head[view, step, detection]
    seen = people.head_px[view, step, detection] - people.pelvis_px[view, step, detection]
    image_length = np.linalg.norm(seen, axis=-1)
    # the image is about twice as large as its principal point is far from its corner
    diagonal = 2 * np.linalg.norm(intrinsics[:, :2, 2], axis=-1)
    ratio = 1.0
    for _ in range(settings.passes):
        body_length = _projected_length(ratio * head, pelvis, intrinsics)
        estimate = _combined(body_length, image_length, image_length >= settings.min_length * diagonal, settings)
        ratio *= estimate.ratio
    return dataclasses.replace(estimate, ratio=ratio)


def rescaled(people: ViewPeople, ratio: float) -> ViewPeople:
    """The window with every length of the scene times ``ratio``: depths and camera centres, never the bodies."""
    return people.moved(Similarity.scaling(ratio))


def rig_scale(estimated: np.ndarray, given: np.ndarray, min_baseline: float = 0.3) -> ScaleEstimate:
    """Ratio of the scale that makes the baselines of the estimated rig those of the given one.

    Args:
        estimated, given: (N, 4, 4) world_from_camera of the same cameras; rows with a NaN do not vote.
        min_baseline: given distance [m] from which a pair of cameras says something about scale.

    Returns:
        The ratio of the summed baselines; a vote for every pair of cameras.
    """
    first, second = np.triu_indices(len(given), 1)
    lengths, truth = (
        np.linalg.norm(poses[first, :3, 3] - poses[second, :3, 3], axis=-1) for poses in (estimated, given)
    )
    counted = np.isfinite(lengths) & (truth >= min_baseline) & (lengths > 0)
    lengths, truth = lengths[counted], truth[counted]
    dropped = {'short or unknown baseline': int((~counted).sum())} if (~counted).any() else {}
    if not len(truth):
        return ScaleEstimate(1.0, np.nan, 0, dropped)
    ratio = float(truth.sum() / lengths.sum())
    return ScaleEstimate(ratio, _spread(truth / lengths, ratio), len(truth), dropped)


def _projected_length(head: np.ndarray, pelvis: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """(N,) distance in the image of head and pelvis [px]; NaN where the pelvis is behind the camera."""
    ends = np.stack([head, head + pelvis], 1)
    pixels = project(ends, intrinsics)
    in_front = (ends[..., 2] > 0).all(-1)
    return np.where(in_front, np.linalg.norm(pixels[:, 0] - pixels[:, 1], axis=-1), np.nan)


def _combined(body: np.ndarray, image: np.ndarray, long_enough: np.ndarray, settings: ScaleSettings) -> ScaleEstimate:
    with np.errstate(divide='ignore', invalid='ignore'):
        ratios = body / image
    plausible = (ratios >= settings.min_ratio) & (ratios <= settings.max_ratio)
    counts = {
        'head-pelvis length too short': int((~long_enough).sum()),
        'implausible ratio': int((long_enough & ~plausible).sum()),
    }
    dropped = {reason: count for reason, count in counts.items() if count}
    counted = long_enough & plausible
    if not counted.any():
        return ScaleEstimate(1.0, np.nan, 0, dropped)
    votes = ratios[counted]
    ratio = {
        'mean': lambda: votes.mean(),
        'median': lambda: np.median(votes),
        'sums': lambda: body[counted].sum() / image[counted].sum(),
    }[settings.estimator]()
    return ScaleEstimate(float(ratio), _spread(votes, float(ratio)), len(votes), dropped)


def _spread(votes: np.ndarray, ratio: float) -> float:
    return float(votes.std(ddof=1) / ratio) if len(votes) > 1 else float('nan')
