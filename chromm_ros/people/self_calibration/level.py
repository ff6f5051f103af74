"""Up and the floor from people: bodies stand upright most of the time, and the lower foot is on the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.self_calibration.sightings import ANKLES, FEET, HIPS, SHOULDERS

LEAN = math.radians(6.0)
"""Standard deviation of the angle between the vertical and the body of one person who stands or walks."""

FOOT_NOISE = 0.03
"""The same of the lower foot of a person from the floor [m]."""

LIFTED = 0.25
"""Weight of a foot above the floor beside one below: the plane is that of the lowest quarter or so."""

HIP_HEIGHT, HIP_NOISE = 0.92, 0.1
"""Of a standing adult, where no foot was seen, and its standard deviation [m]."""

STEPS = 10


@dataclass(frozen=True)
class Level:
    """How the world lies."""

    change: Similarity
    """To a world with z up, the floor at zero, the first camera above the origin and looking along x."""
    tilt_error: float
    """Standard deviation of the direction up [rad]."""
    floor_error: float
    """Standard deviation of the height of the floor [m]."""
    feet: int
    """People whose feet were seen."""


def find_level(landmarks: np.ndarray, repeats: np.ndarray, first_camera: np.ndarray) -> Level | None:
    """The likeliest level; None when nobody was seen from the ankles to the shoulders.

    Args:
        landmarks: (P, L, 3) people at all times, world [m]; NaN where a landmark was not seen.
        repeats: (P,) how many of them stand in the same place, which say no more than one.
        first_camera: (4, 4) world_from_camera.
    """
    body = landmarks[:, SHOULDERS].mean(1) - landmarks[:, ANKLES].mean(1)
    legless = landmarks[:, SHOULDERS].mean(1) - landmarks[:, HIPS].mean(1)
    upright = np.where(np.isfinite(body), body, legless)
    whole = np.isfinite(upright).all(-1)
    if not whole.any():
        return None
    upright = upright[whole]
    upright = upright / np.linalg.norm(upright, axis=-1, keepdims=True)
    up = _middle(upright)
    lean = max(LEAN, float(np.median(np.arccos(np.clip(upright @ up, -1, 1)))))
    axes = _axes(up, first_camera)
    turned = landmarks @ axes.T
    feet = turned[:, [*ANKLES, *FEET]]
    seen = np.isfinite(feet).all(-1).any(-1)
    tilt_error = lean / math.sqrt((1 / repeats[whole]).sum())
    if not seen.any():
        hips = turned[whole][:, HIPS, 2].mean(1)  # finite wherever up is
        height, floor_error, slopes = float(np.nanmedian(hips)) - HIP_HEIGHT, HIP_NOISE, np.zeros(2)
    else:
        lowest = np.nanargmin(np.where(np.isfinite(feet[seen, :, 2]), feet[seen, :, 2], np.inf), 1)
        standing = feet[seen][np.arange(seen.sum()), lowest]
        slopes, height, tilt_error, floor_error = _plane(standing, 1 / repeats[seen], tilt_error)
    normal = np.array([-slopes[0], -slopes[1], 1.0])
    axes = _axes(axes.T @ (normal / np.linalg.norm(normal)), first_camera)
    lowered = first_camera[:3, 3] @ axes.T
    floor = height / np.linalg.norm(normal)
    change = Similarity(np.ones(()), axes, np.array([-lowered[0], -lowered[1], -floor]))
    return Level(change, tilt_error, floor_error, int(seen.sum()))


def _plane(feet: np.ndarray, worth: np.ndarray, tilt_error: float) -> tuple[np.ndarray, float, float, float]:
    """Slopes (2,) and height at the origin, with the errors of both, of the plane that feet (N, 3) stand on.

    Feet in the air lie above it, none lies below: asymmetric least squares. Slopes are held at zero as firmly as the
    bodies tell up; each foot counts by its (N,) ``worth``.
    """
    middle = feet.mean(0)
    design = np.concatenate([feet[:, :2] - middle[:2], np.ones((len(feet), 1))], -1)
    prior = np.diag([tilt_error**-2, tilt_error**-2, 0.0])
    solution = np.array([0.0, 0.0, np.percentile(feet[:, 2], 20)])
    for _ in range(STEPS):
        above = feet[:, 2] - design @ solution
        weight = np.where(above > 0, LIFTED, 1.0) / (1 + (above / (2 * FOOT_NOISE)) ** 2) / FOOT_NOISE**2 * worth
        information = (design * weight[:, None]).T @ design + prior
        solution = np.linalg.solve(information, (design * weight[:, None]).T @ feet[:, 2])
    covariance = np.linalg.inv(information)
    height = float(solution[2] - solution[:2] @ middle[:2])
    return solution[:2], height, float(np.sqrt(covariance[[0, 1], [0, 1]].max())), float(np.sqrt(covariance[2, 2]))


def _middle(directions: np.ndarray) -> np.ndarray:
    """The unit vector nearest to most of unit vectors (N, 3): people who bend or lie do not count."""
    middle = np.median(directions, 0)
    for _ in range(STEPS):
        middle /= max(np.linalg.norm(middle), 1e-9)
        off = np.linalg.norm(directions - middle, axis=-1)
        middle = (directions / (1 + (off / LEAN) ** 2)[:, None]).sum(0)
    return middle / np.linalg.norm(middle)


def _axes(up: np.ndarray, first_camera: np.ndarray) -> np.ndarray:
    """(3, 3) rows x, y, z of a level world where the first camera looks along x."""
    for axis in (2, 0):  # a camera that looks straight down has its right side to go by
        forward = first_camera[:3, axis] - (first_camera[:3, axis] @ up) * up
        if np.linalg.norm(forward) > 0.1:
            break
    x = forward / np.linalg.norm(forward)
    return np.stack([x, np.cross(up, x), up])
