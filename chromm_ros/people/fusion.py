"""One person from the views that see it: what all views share is averaged, what depends on the view is fused in the
world (CHROMM 3.2)."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol, cast

import numpy as np
import roma
import torch

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import People, ViewPeople
from chromm_ros.geometry.cameras import rotate, transform, unproject
from chromm_ros.geometry.rotations import mean_rotation
from chromm_ros.people.heads import HeadRays, Heads, locate
from chromm_ros.people.landmarks import ShapedBody, with_landmarks
from chromm_ros.people.settings import FusionSettings
from chromm_ros.skeleton import HEAD, JOINTS


class Body(Protocol):
    """What fusion needs of :class:`chromm_ros.body.BodyModel`."""

    def joints(self, betas: Any, pose: Any, root_rotation: Any) -> Any:
        """Tensors (N, 10), (N, 52, 3, 3), (N, 3, 3) to joints (N, 55, 3) with the pelvis at the origin [m]."""


def fuse(
    people: ViewPeople, identity: np.ndarray, settings: FusionSettings, errors: EstimateErrors, body: Body
) -> People:
    """The K people of a window in the world.

    Args:
        identity: (V, T, M) of :func:`chromm_ros.people.association.associate`; at most one detection of a person in
            an image.
        errors: of the network that made the detections, and the cameras where they were not given.
    """
    views, steps, _ = identity.shape
    count = int(identity.max(initial=-1)) + 1
    view, step, detection = np.nonzero(identity >= 0)
    place = (view, step, identity[view, step, detection])
    rows = (view, step, detection)

    def dense(values: np.ndarray) -> np.ndarray:
        """Values (rows, ...) as (V, T, K, ...), zero where a person is absent."""
        result = np.zeros((views, steps, count, *values.shape[1:]), values.dtype)
        result[place] = values
        return result

    pose = people.world_from_camera[view, step]
    weights = dense(people.score[rows] if settings.use_scores else np.ones(len(view)))
    points = dense(transform(pose, people.head[rows]))
    present = dense(np.ones(len(view), bool))
    heads = _located(people, rows, pose, dense, present, weights, points, settings, errors)
    used = np.moveaxis(heads.used.reshape(steps, count, views), -1, 0)
    weights = weights * used
    mean = mean_rotation if settings.pose_mean == 'chordal' else _axis_angle_mean
    betas = np.einsum('vtk,vtkb->tkb', weights, dense(people.betas[rows].astype(np.float64)))
    betas /= np.maximum(weights.sum(0), 1e-12)[..., None]
    theta = mean(dense(people.pose[rows]), weights[..., None])
    root = mean(dense(pose[:, :3, :3] @ people.root_rotation[rows]), weights)
    valid = np.asarray(present.any(0))
    position = heads.position.reshape(steps, count, 3)
    missed = np.moveaxis(heads.missed.reshape(steps, count, views), -1, 0)
    fused = People(
        identity=identity,
        valid=valid,
        pose=theta,
        betas=betas,
        root_rotation=root,
        head=position,
        head_covariance=heads.covariance.reshape(steps, count, 3, 3),
        joints=_joints(betas, theta, root, position, valid, body),
        fused=used,
        residual=np.where(present, missed, np.nan),
        dropped=_dropped(present, used, heads),
    )
    return fused if people.landmarks is None else with_landmarks(people, fused, errors, cast(ShapedBody, body))


def pooled_tokens(people: ViewPeople, identity: np.ndarray) -> np.ndarray:
    """(T, K, D) maximum over the views of each person's tokens, zeros where nobody sees it.

    The alternative that the paper compares with (Table 5): decode a pooled token instead of averaging parameters.
    """
    view, step, detection = np.nonzero(identity >= 0)
    count = int(identity.max(initial=-1)) + 1
    pooled = np.full((identity.shape[1], count, people.token.shape[-1]), -np.inf, people.token.dtype)
    np.maximum.at(pooled, (step, identity[view, step, detection]), people.token[view, step, detection])
    return np.where(np.isfinite(pooled), pooled, 0)


def _located(
    people: ViewPeople,
    rows: tuple[np.ndarray, ...],
    pose: np.ndarray,
    dense: Any,
    present: np.ndarray,
    weights: np.ndarray,
    points: np.ndarray,
    settings: FusionSettings,
    errors: EstimateErrors,
) -> Heads:
    """Heads of all (T * K) people-steps. The rays go through the detected pixels, not through the estimated heads."""
    view, step, _ = rows
    if settings.position == 'auto':
        triangulated = not errors.rough_rig or people.given[people.seen].all()
        settings = dataclasses.replace(settings, position='triangulation' if triangulated else 'weighted')
    sigma, _ = errors.cameras(people.given[view, step])
    direction = rotate(
        pose[:, :3, :3], unproject(people.head_px[rows], np.ones(len(view)), people.intrinsics[view, step])
    )
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)

    def stacked(values: np.ndarray) -> np.ndarray:
        """(V, T, K, ...) as (T * K, V, ...)."""
        return np.moveaxis(values.astype(np.float64), 0, 2).reshape(-1, len(values), *values.shape[3:])

    return locate(
        HeadRays(
            present=stacked(present) > 0,
            weights=stacked(weights),
            origins=stacked(dense(pose[:, :3, 3])),
            directions=stacked(dense(direction)),
            points=stacked(points),
            sigma=stacked(dense(sigma)),
        ),
        settings,
        errors,
    )


def _axis_angle_mean(rotations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rotation of the mean axis-angle vector over the first axis; only sensible for small rotations."""
    vectors = roma.rotmat_to_rotvec(torch.from_numpy(np.where(weights[..., None, None] > 0, rotations, np.eye(3))))
    scaled = np.broadcast_to(weights, rotations.shape[:-2])
    total = np.einsum('v...,v...i->...i', scaled, vectors.numpy())
    mean = total / np.maximum(scaled.sum(0), 1e-12)[..., None]
    return roma.rotvec_to_rotmat(torch.from_numpy(mean)).numpy()


def _joints(
    betas: np.ndarray, pose: np.ndarray, root: np.ndarray, head: np.ndarray, valid: np.ndarray, body: Body
) -> np.ndarray:
    """(T, K, 55, 3) joints in the world with the head where it was found; zeros where a person is absent."""
    result = np.zeros((*valid.shape, JOINTS, 3))
    if valid.any():
        with torch.inference_mode():
            parameters = (torch.from_numpy(array[valid].astype(np.float32)) for array in (betas, pose, root))
            joints = body.joints(*parameters).cpu().numpy()
        result[valid] = joints - joints[:, HEAD, None] + head[valid][:, None]
    return result


def _dropped(present: np.ndarray, used: np.ndarray, heads: Heads) -> dict[str, int]:
    counts = {
        'view off the others': int((present & ~used).sum()),
        'two views disagree': int(heads.disagreeing.sum()),
    }
    return {reason: number for reason, number in counts.items() if number}
