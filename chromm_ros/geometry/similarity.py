"""Similarity transforms: fitted to points, fitted to camera rigs, applied. Safe for every degenerate input.

Windows are stitched with them (CHROMM 4.2) and the paper's metrics align with them; both use this file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.geometry.arrays import Array, spread
from chromm_ros.geometry.cameras import rotate

PRIOR = 1e-12
"""Relative pull of a fit towards the identity rotation. Invisible where the data determine the rotation; where they
do not (collinear points turn freely about their line) it picks the smallest turn instead of a random one."""

MIN_SIZE = 1e-6
"""Spread [units of the points] below which points count as one point, which has no scale."""


@dataclass(frozen=True)
class Similarity:
    """target = scale * rotation @ source + translation; batched over any leading axes."""

    scale: np.ndarray
    """(...)"""
    rotation: np.ndarray
    """(..., 3, 3)"""
    translation: np.ndarray
    """(..., 3)"""

    @staticmethod
    def identity() -> Similarity:
        return Similarity.scaling(1.0)

    @staticmethod
    def scaling(factor: float) -> Similarity:
        """All lengths times ``factor``."""
        return Similarity(np.asarray(factor, float), np.eye(3), np.zeros(3))

    @property
    def matrix(self) -> np.ndarray:
        """(..., 4, 4) for :func:`chromm_ros.geometry.cameras.transform`."""
        matrix = np.zeros((*self.rotation.shape[:-2], 4, 4))
        matrix[..., :3, :3] = self.scale[..., None, None] * self.rotation
        matrix[..., :3, 3] = self.translation
        matrix[..., 3, 3] = 1.0
        return matrix

    def apply(self, points: Array) -> Array:
        """Points ``(B..., *, 3)`` moved, in their own kind of array; B... are the batch axes of the transform."""
        batch = self.scale.ndim
        rotation, translation = self.scale[..., None, None] * self.rotation, self.translation
        if not isinstance(points, np.ndarray):
            rotation, translation = points.new_tensor(rotation), points.new_tensor(translation)
        return rotate(rotation, points) + spread(translation, batch, points.ndim)

    def apply_poses(self, world_from_camera: np.ndarray) -> np.ndarray:
        """Rigid poses ``(B..., *, 4, 4)`` in the target frame: turned and moved, never scaled."""
        moved = world_from_camera.copy()
        batch, ndim = self.scale.ndim, world_from_camera.ndim
        moved[..., :3, :3] = spread(self.rotation, batch, ndim) @ world_from_camera[..., :3, :3]
        moved[..., :3, 3] = self.apply(world_from_camera[..., :3, 3])
        return moved

    def inverse(self) -> Similarity:
        rotation = self.rotation.swapaxes(-1, -2)
        scale = 1.0 / self.scale
        return Similarity(scale, rotation, -scale[..., None] * (rotation @ self.translation[..., None])[..., 0])

    def __matmul__(self, first: Similarity) -> Similarity:
        """``first``, then this one."""
        turned = (self.rotation @ first.translation[..., None])[..., 0]
        return Similarity(
            self.scale * first.scale,
            self.rotation @ first.rotation,
            self.scale[..., None] * turned + self.translation,
        )


def fit_similarity(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None, with_scale: bool = True
) -> Similarity:
    """Least squares similarity (Umeyama 1991) that takes ``source`` to ``target``; never a reflection.

    Args:
        source, target: (..., N, 3). Points with a NaN in either are left out.
        weights: (..., N); None: all 1.
        with_scale: False: a rigid transform.

    Returns:
        The identity rotation and scale 1 where nothing determines them (no point, one point).
    """
    weights = _usable(source, target, weights)
    source_mean, source = _centred(source, weights)
    target_mean, target = _centred(target, weights)
    covariance = np.einsum('...n,...ni,...nj->...ij', weights, target, source)
    rotation = _best_rotation(covariance)
    variance = (weights * (source**2).sum(-1)).sum(-1)
    scale = np.ones(rotation.shape[:-2])
    if with_scale:
        overlap = np.einsum('...ij,...ij->...', rotation, covariance)
        known = (variance > MIN_SIZE**2 * weights.sum(-1)) & (overlap > 0)
        scale = np.where(known, overlap / np.where(known, variance, 1.0), 1.0)
    return _from_means(scale, rotation, source_mean, target_mean)


def align_rigs(
    source: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray | None = None,
    scale: float | None = None,
    orientation_weight: float = 1.0,
    min_size: float = 0.05,
) -> Similarity:
    """Similarity between two estimates of the same cameras; works for any rig, also of one or two cameras.

    Centres alone do not determine the rotation of two cameras, of cameras on a line or in one place, so every camera
    also votes with its orientation. A vote weighs as much as the offset of a camera at the mean distance from the
    middle of the rig. The scale is the ratio of the sizes of the two rigs, which has no bias when both are noisy (the
    least squares scale shrinks).

    Args:
        source, target: (N, 4, 4) world_from_camera of the same N cameras in two worlds; rows with a NaN are left out.
        weights: (N,); None: all 1.
        scale: None: from the baselines, 1 where there are none (one camera, all in one place); else this value.
        orientation_weight: 0: centres alone, the protocol of W-MPJPE† for a well spread rig.
        min_size: rms distance of the cameras from their middle [m] below which baselines are mostly noise: they give
            no scale, and orientations outweigh them.
    """
    source_centres, target_centres = source[:, :3, 3], target[:, :3, 3]
    weights = _usable(source[:, :3].reshape(-1, 12), target[:, :3].reshape(-1, 12), weights)
    source_mean, source_offsets = _centred(source_centres, weights)
    target_mean, target_offsets = _centred(target_centres, weights)
    total = max(weights.sum(), np.finfo(float).tiny)
    source_size = np.sqrt((weights * (source_offsets**2).sum(-1)).sum() / total)
    target_size = np.sqrt((weights * (target_offsets**2).sum(-1)).sum() / total)
    if scale is None:
        scale = target_size / source_size if min(source_size, target_size) > min_size else 1.0
    covariance = np.einsum('n,ni,nj->ij', weights, target_offsets, source_offsets)
    votes = weights > 0
    turns = target[votes, :3, :3] @ source[votes, :3, :3].swapaxes(-1, -2)
    lever = max(source_size, min_size) * max(target_size, min_size)
    covariance += orientation_weight * lever * np.einsum('n,nij->ij', weights[votes], turns)
    return _from_means(np.asarray(float(scale)), _best_rotation(covariance), source_mean, target_mean)


def _usable(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """(..., N) weights, 0 for points that are not finite in both."""
    if source.shape != target.shape:
        raise ValueError(f'source {source.shape} and target {target.shape} must have the same shape')
    finite = np.isfinite(source).all(-1) & np.isfinite(target).all(-1)
    return np.where(finite, 1.0 if weights is None else weights, 0.0)


def _centred(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean (..., 3) and float64 offsets (..., N, 3) from it; 0 for points without weight."""
    used = (weights > 0)[..., None]
    points = np.where(used, points, 0.0).astype(np.float64)
    total = np.maximum(weights.sum(-1), np.finfo(float).tiny)[..., None]
    mean = np.einsum('...n,...ni->...i', weights, points) / total
    return mean, np.where(used, points - mean[..., None, :], 0.0)


def _best_rotation(covariance: np.ndarray) -> np.ndarray:
    """argmax_R trace(R^T covariance) over rotations, with the smallest turn where several are best."""
    size = np.linalg.norm(covariance, axis=(-2, -1), keepdims=True)
    size = np.where(size > 0, size, 1.0)
    u, _, vt = np.linalg.svd(covariance / size + PRIOR * np.eye(3))
    u[..., :, 2] *= np.sign(np.linalg.det(u @ vt))[..., None]
    return u @ vt


def _from_means(
    scale: np.ndarray, rotation: np.ndarray, source_mean: np.ndarray, target_mean: np.ndarray
) -> Similarity:
    turned = (rotation @ source_mean[..., None])[..., 0]
    return Similarity(scale, rotation, target_mean - scale[..., None] * turned)
