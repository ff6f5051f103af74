"""The metrics of the paper's tables, each as one function of arrays. Lengths are metres unless a name says otherwise.

World metrics take one person over time, (T, J, 3); multi-view metrics take the people of one instant, (P, J, 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.geometry.arrays import length
from chromm_ros.geometry.similarity import Similarity, align_rigs, fit_similarity

CHUNK = 100
"""Frames that W-MPJPE and WA-MPJPE align together."""

FLAT = 0.05
"""Camera centres whose second largest extent is below this part of the largest determine no rotation alone."""


def world_aligned_error(truth: np.ndarray, estimate: np.ndarray, chunk: int = CHUNK) -> np.ndarray:
    """WA-MPJPE: (T,) mean joint error after one Sim(3) per ``chunk`` frames, fitted to all its joints.

    Args:
        truth, estimate: (T, J, 3).
    """
    return _chunked(truth, estimate, chunk, chunk)


def world_error(truth: np.ndarray, estimate: np.ndarray, chunk: int = CHUNK, fitted: int = 2) -> np.ndarray:
    """W-MPJPE: (T,) mean joint error after a Sim(3) fitted to the first two frames of each ``chunk`` frames."""
    return _chunked(truth, estimate, chunk, fitted)


def root_translation_error(truth: np.ndarray, estimate: np.ndarray, with_scale: bool = False) -> np.ndarray:
    """RTE: (T,) distance of the roots after one SE(3) over the sequence, in percent of the true path's length.

    Args:
        truth, estimate: (T, 3) root joint.
        with_scale: Sim(3) instead.

    Raises:
        ValueError: the true root never moves, which has no path to compare with.
    """
    path = length(np.diff(truth.astype(np.float64), axis=0)).sum()
    if not path > 0:
        raise ValueError('RTE compares with the length of the true path, but the true root never moves')
    fit = fit_similarity(estimate, truth, with_scale=with_scale)
    return 100 * length(fit.apply(estimate.astype(np.float64)) - truth) / path


def procrustes_error(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """PA-MPJPE: (...) mean joint error of each body (..., J, 3) after a Sim(3) of its own."""
    fit = fit_similarity(estimate, truth)
    return length(fit.apply(estimate.astype(np.float64)) - truth).mean(-1)


def pelvis_aligned_error(truth: np.ndarray, estimate: np.ndarray, root: tuple[int, ...] = (0,)) -> np.ndarray:
    """MPJPE: (...) mean joint error of each body (..., J, 3) after joining the means of the ``root`` joints."""
    offset = estimate.astype(np.float64) - truth
    return length(offset - offset[..., list(root), :].mean(-2, keepdims=True)).mean(-1)


def group_aligned_error(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """GA-MPJPE: (P,) mean joint error of the P people of an instant after one Sim(3) of them all."""
    flat = fit_similarity(estimate.reshape(-1, 3), truth.reshape(-1, 3))
    return length(flat.apply(estimate.reshape(-1, 3).astype(np.float64)).reshape(truth.shape) - truth).mean(-1)


def camera_aligned_error(
    truth: np.ndarray, estimate: np.ndarray, true_cameras: np.ndarray, estimated_cameras: np.ndarray
) -> np.ndarray:
    """W-MPJPE†: (P,) mean joint error after an SE(3) that aligns only the cameras.

    Args:
        truth, estimate: (P, J, 3).
        true_cameras, estimated_cameras: (V, 4, 4) world_from_camera.
    """
    fit = camera_alignment(true_cameras, estimated_cameras)
    return length(fit.apply(estimate.astype(np.float64)) - truth).mean(-1)


def camera_alignment(true_cameras: np.ndarray, estimated_cameras: np.ndarray) -> Similarity:
    """SE(3) from the estimated to the true world, by the centres of the cameras (V, 4, 4).

    Two cameras, or cameras on a line, leave a rotation open that their orientations then determine.
    """
    centres = true_cameras[:, :3, 3]
    extents = np.linalg.svd(centres - centres.mean(0), compute_uv=False)
    spread = len(centres) > 2 and extents[1] > FLAT * extents[0]
    return align_rigs(estimated_cameras, true_cameras, scale=1.0, orientation_weight=0.0 if spread else 1.0)


def camera_errors(
    true_cameras: np.ndarray, estimated_cameras: np.ndarray, angle: float = 10.0, share: float = 0.1
) -> dict[str, float]:
    """How far the cameras of an instant are off, as HSfM and HAMSt3R report it; CHROMM's tables do not.

    ``te`` and ``s_te``: mean distance of the centres [m] after SE(3) and Sim(3). ``ae``: mean angle of the relative
    rotations of pairs [deg]. ``rra``: share of pairs off by less than ``angle``. ``cca`` and ``s_cca``: share of
    centres within ``share`` of the scene's size, the largest distance of a true centre from their mean.

    Args:
        true_cameras, estimated_cameras: (V, 4, 4) world_from_camera, at least two.
    """
    centres = true_cameras[:, :3, 3]
    size = length(centres - centres.mean(0)).max()
    rigid = camera_alignment(true_cameras, estimated_cameras)
    similar = fit_similarity(estimated_cameras[:, :3, 3], centres)
    off, scaled_off = (length(fit.apply(estimated_cameras[:, :3, 3]) - centres) for fit in (rigid, similar))
    first, second = np.triu_indices(len(centres), 1)
    relative = [
        rig[first, :3, :3].swapaxes(-1, -2) @ rig[second, :3, :3] for rig in (true_cameras, estimated_cameras)
    ]
    angles = np.degrees(Rotation.from_matrix(relative[0].swapaxes(-1, -2) @ relative[1]).magnitude())
    return {
        'te': float(off.mean()),
        's_te': float(scaled_off.mean()),
        'ae': float(angles.mean()),
        'rra': float((angles < angle).mean()),
        'cca': float((off < share * size).mean()),
        's_cca': float((scaled_off < share * size).mean()),
    }


@dataclass(frozen=True)
class AssociationScore:
    """Pairs of detections of one step in two views, judged as same person or not (the paper's Table 6)."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def accuracy(self) -> float:
        total = self.true_positives + self.false_positives + self.false_negatives + self.true_negatives
        return _ratio(self.true_positives + self.true_negatives, total)

    @property
    def precision(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)


def association_score(truth: np.ndarray, identity: np.ndarray) -> AssociationScore:
    """How well identities tell over the views who is the same person.

    Args:
        truth: (V, T, M) true person of each detection; -1: no person (no detection, or a false one).
        identity: (V, T, M) estimated; -1: none, which is the same person as nobody.
    """
    counts = np.zeros((2, 2), int)
    first, second = np.triu_indices(len(truth), 1)
    known = (truth[first][..., :, None] >= 0) & (truth[second][..., None, :] >= 0)
    same = truth[first][..., :, None] == truth[second][..., None, :]
    called = (identity[first][..., :, None] == identity[second][..., None, :]) & (identity[first][..., :, None] >= 0)
    for is_same in (0, 1):
        for is_called in (0, 1):
            counts[is_same, is_called] = (known & (same == is_same) & (called == is_called)).sum()
    return AssociationScore(counts[1, 1], counts[0, 1], counts[1, 0], counts[0, 0])


def identity_switches(truth: np.ndarray, identity: np.ndarray) -> int:
    """Times that a true person in a view is given another identity than the last time; (V, T, M) as above."""
    switches = 0
    for view in range(len(truth)):
        for person in np.unique(truth[view][truth[view] >= 0]):
            step, detection = np.nonzero(truth[view] == person)
            given = identity[view, step, detection]
            given = given[given >= 0]
            switches += int((given[1:] != given[:-1]).sum())
    return switches


def depth_scores(
    truth: np.ndarray, estimate: np.ndarray, valid: np.ndarray | None = None, align_scale: bool = True
) -> tuple[float, float]:
    """AbsRel and the share of pixels with max(d / d*, d* / d) < 1.25, of depth maps of any shape.

    Args:
        valid: pixels that count; None: all with a positive true depth.
        align_scale: scale the estimate by the ratio of the medians first, as the paper's Table 9.
    """
    valid = (truth > 0) & np.isfinite(truth) & np.isfinite(estimate) & (True if valid is None else valid)
    if not valid.any():
        return float('nan'), float('nan')
    true, guess = truth[valid].astype(np.float64), estimate[valid].astype(np.float64)
    if align_scale:
        guess = guess * (np.median(true) / np.median(guess))
    with np.errstate(divide='ignore'):
        worse = np.maximum(guess / true, true / guess)
    return float((np.abs(guess - true) / true).mean()), float(((guess > 0) & (worse < 1.25)).mean())


def pelvis_error(truth: np.ndarray, estimate: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Eq. 7: (...) pelvis distance in the image over the longer side of the person's box.

    Args:
        truth, estimate: (..., 2) [px].
        box: (..., 2) width and height of the bounding box [px].
    """
    return length(estimate - truth) / box.max(-1)


def _chunked(truth: np.ndarray, estimate: np.ndarray, chunk: int, fitted: int) -> np.ndarray:
    errors = []
    for start in range(0, len(truth), chunk):
        true, guess = truth[start : start + chunk].astype(np.float64), estimate[start : start + chunk]
        fit = fit_similarity(guess[:fitted].reshape(-1, 3), true[:fitted].reshape(-1, 3))
        errors.append(length(fit.apply(guess.astype(np.float64)) - true).mean(-1))
    return np.concatenate(errors) if errors else np.zeros(0)


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else float('nan')
