"""One head position from several views: where the rays meet, with its covariance and its fall-backs (CHROMM 3.2)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.triangulation import (
    along_and_across,
    intersection_covariance,
    invert_symmetric,
    largest_angle,
    triangulate,
)
from chromm_ros.people.settings import FusionSettings

MAX_MISS = 2.5
"""Standard deviations of a camera's position by which its ray may miss a head."""


@dataclass(frozen=True)
class HeadRays:
    """How the views see the heads of N people-steps; V views. Rows without ``present`` may hold anything finite."""

    present: np.ndarray  # (N, V) bool
    weights: np.ndarray  # (N, V)
    origins: np.ndarray  # (N, V, 3) camera centres, world [m]
    directions: np.ndarray  # (N, V, 3) unit, world
    points: np.ndarray  # (N, V, 3) the view's own head, world [m]
    sigma: np.ndarray  # (N, V) standard deviation of the camera's position [m]


@dataclass(frozen=True)
class Heads:
    """Fused head positions."""

    position: np.ndarray  # (N, 3) world [m]
    covariance: np.ndarray  # (N, 3, 3) [m^2]
    used: np.ndarray  # (N, V) bool
    disagreeing: np.ndarray  # (N,) bool: views pass each other too far, and nothing tells which is wrong
    missed: np.ndarray  # (N, V) distance at which the ray of each view passes the position [m]; 0 without a ray


def locate(rays: HeadRays, settings: FusionSettings, errors: EstimateErrors) -> Heads:
    """Position, covariance and the views used for it.

    Of three or more views, one that passes the head of the others by more than ``max_ray_distance`` is left out, and
    so on. Of two views that disagree neither is more right: their positions are averaged, and the covariance tells
    how far they are apart.
    """
    used = rays.present.copy()
    position, averaged = _position(rays, used, settings, errors)
    limit = np.maximum(settings.max_ray_distance, MAX_MISS * (rays.sigma * used).max(-1, initial=0.0))  # (N,)
    rows = np.arange(len(used))
    while True:
        # the least squares head yields to a wrong ray, so that it misses that ray by a third of the error or more
        missed = _misses(rays, used, position).max(-1, initial=0.0)[rows]
        rows = rows[(missed > limit[rows] / 3) & (used[rows].sum(-1) > 2)]
        remaining = _without_worst(rays, used, rows, limit, settings, errors)
        changed = (remaining != used[rows]).any(-1)
        rows = rows[changed]
        if not rows.size:
            break
        used[rows] = remaining[changed]
        position[rows], averaged[rows] = _position(_rows(rays, rows), used[rows], settings, errors)
    bad = (_misses(rays, used, position).max(-1, initial=0.0) > limit) & (used.sum(-1) > 1)
    position[bad] = _average(_rows(rays, bad), used[bad])
    covariance = _covariance(rays, used, position, averaged | bad, settings, errors)
    _, missed = along_and_across(position, rays.origins, rays.directions)
    return Heads(position, covariance, used, bad, np.where(rays.present, missed, 0.0))


def _position(
    rays: HeadRays, used: np.ndarray, settings: FusionSettings, errors: EstimateErrors
) -> tuple[np.ndarray, np.ndarray]:
    """Heads (N, 3) from the ``used`` (N, V) views, and where (N,) they are the mean of the views' own heads.

    Triangulation falls back to that mean for one view, near-parallel rays, and rays that meet behind a camera.
    """
    if settings.position == 'weighted':
        information = _information(rays, used, errors)
        vector = np.einsum('nvij,nvj->ni', information, rays.points)
        return np.einsum('nij,nj->ni', invert_symmetric(information.sum(1))[0], vector), np.zeros(len(used), bool)
    average = _average(rays, used)
    if settings.position == 'average':
        return average, np.ones(len(used), bool)
    met = triangulate(rays.origins, rays.directions, used * rays.weights)
    along, _ = along_and_across(met, rays.origins, rays.directions)
    good = (largest_angle(rays.directions, used) >= settings.min_angle) & ~(used & ~(along > 0)).any(-1)
    return np.where(good[:, None], met, average), ~good


def _average(rays: HeadRays, used: np.ndarray) -> np.ndarray:
    weights = used * rays.weights
    return np.einsum('nv,nvi->ni', weights, rays.points) / np.maximum(weights.sum(-1), 1e-12)[:, None]


def _misses(rays: HeadRays, used: np.ndarray, position: np.ndarray) -> np.ndarray:
    """(N, V) distance at which each used ray passes the head; infinite where it points away from it."""
    along, across = along_and_across(position, rays.origins, rays.directions)
    return np.where(used, np.where(along > 0, across, np.inf), 0.0)


def _without_worst(
    rays: HeadRays,
    used: np.ndarray,
    rows: np.ndarray,
    limit: np.ndarray,
    settings: FusionSettings,
    errors: EstimateErrors,
) -> np.ndarray:
    """(R, V) used views of ``rows``, less one that passes the head of the others too far away.

    That is the view whose absence makes the others agree best. The ray that passes the common head farthest need not
    be the wrong one: one bad ray pulls the head away from all others.
    """
    views = used.shape[1]
    subset = _rows(rays, np.repeat(rows, views))
    trial = np.repeat(used[rows], views, 0) & np.tile(~np.eye(views, dtype=bool), (len(rows), 1))
    position, _ = _position(subset, trial, settings, errors)
    misses = _misses(subset, np.repeat(used[rows], views, 0), position).reshape(len(rows), views, views)
    own = np.einsum('rvv->rv', misses)
    others = np.where(np.eye(views, dtype=bool), 0.0, misses).max(-1, initial=0.0)
    leave = np.where(used[rows], others, np.inf).argmin(-1)
    wrong = np.take_along_axis(own, leave[:, None], 1)[:, 0] > limit[rows]
    remaining = used[rows]
    remaining[np.nonzero(wrong)[0], leave[wrong]] = False
    return remaining


def _sigmas(rays: HeadRays, errors: EstimateErrors) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations (N, V) of a view's own head across and along its ray [m]."""
    distance = np.linalg.norm(rays.points - rays.origins, axis=-1)
    sigma = np.where(rays.present, rays.sigma, 1.0)
    return np.hypot(errors.direction * distance, sigma), np.hypot(errors.depth * distance, sigma)


def _information(rays: HeadRays, used: np.ndarray, errors: EstimateErrors) -> np.ndarray:
    """(N, V, 3, 3) inverse covariance of each view's own head, stretched along its ray; zero where not used."""
    across, along = _sigmas(rays, errors)
    weights = used * rays.weights
    outer = rays.directions[..., :, None] * rays.directions[..., None, :]
    inverse_across, inverse_along = weights / across**2, weights / along**2
    return inverse_across[..., None, None] * np.eye(3) + (inverse_along - inverse_across)[..., None, None] * outer


def _covariance(
    rays: HeadRays,
    used: np.ndarray,
    position: np.ndarray,
    averaged: np.ndarray,
    settings: FusionSettings,
    errors: EstimateErrors,
) -> np.ndarray:
    """(N, 3, 3) from the noise of rays, depths and cameras, and larger where the views disagree more than that."""
    across, along = _sigmas(rays, errors)
    _, missed = along_and_across(position, rays.origins, rays.directions)
    count = used.sum(-1)
    chi = (np.where(used, missed, 0.0) ** 2 / across**2).sum(-1)
    inflation = np.maximum(1.0, chi / np.maximum(2 * count - 3, 1))[:, None, None]
    if settings.position == 'weighted':
        precise = invert_symmetric(_information(rays, used, errors).sum(1))[0]
    else:
        precise = intersection_covariance(rays.directions, across, used * rays.weights)
    return np.where(averaged[:, None, None], _covariance_of_average(rays, used, across, along), precise * inflation)


def _covariance_of_average(rays: HeadRays, used: np.ndarray, across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(N, 3, 3) of the mean of the views' own heads: their noise, stretched along the rays, and their spread."""
    share = used * rays.weights / np.maximum((used * rays.weights).sum(-1), 1e-12)[:, None]
    outer = rays.directions[..., :, None] * rays.directions[..., None, :]
    noise = (across**2)[..., None, None] * np.eye(3) + (along**2 - across**2)[..., None, None] * outer
    offset = rays.points - _average(rays, used)[:, None]
    spread = offset[..., :, None] * offset[..., None, :]
    return np.einsum('nv,nvij->nij', share**2, noise + spread)


def _rows(rays: HeadRays, rows: np.ndarray) -> HeadRays:
    return HeadRays(*(getattr(rays, field.name)[rows] for field in dataclasses.fields(rays)))
