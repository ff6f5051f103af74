"""Which detections of a window can be used, and where their joints are in the world."""

from __future__ import annotations

import numpy as np

from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.arrays import length
from chromm_ros.geometry.cameras import transform
from chromm_ros.skeleton import HEAD


def usable(people: ViewPeople, duplicate_distance: float) -> tuple[np.ndarray, dict[str, int]]:
    """The detections that everything after this reads, and how many were left out for which reason.

    Returns:
        mask (V, T, M) bool; counts by reason, only reasons that occurred.
    """
    camera = _finite(people.intrinsics, 2) & _finite(people.world_from_camera, 2) & people.seen
    finite = np.ones_like(people.valid)
    for array in people.detections().values():
        finite &= _finite(array, 3)
    checks = {
        'camera unknown': camera[..., None],
        'not finite': finite,
        'behind the camera': ~(people.head[..., 2] <= 0),
    }
    mask, dropped = people.valid.copy(), {}
    for reason, good in checks.items():
        dropped[reason] = int((mask & ~good).sum())
        mask &= good
    if duplicate_distance > 0:
        duplicates = _duplicates(people, mask, duplicate_distance)
        dropped['duplicate'] = int(duplicates.sum())
        mask &= ~duplicates
    return mask, {reason: count for reason, count in dropped.items() if count}


def world_joints(people: ViewPeople, rows: tuple[np.ndarray, ...], joints: int) -> np.ndarray:
    """(N, joints, 3) first joints in the world [m] of the detections ``rows`` = (views, steps, detections)."""
    view, step, _ = rows
    canonical = people.canonical_joints[rows]
    world_from_body = people.world_from_camera[view, step, :3, :3] @ people.root_rotation[rows]
    turned = (canonical[:, :joints] - canonical[:, HEAD, None]) @ world_from_body.swapaxes(-1, -2)
    return turned + transform(people.world_from_camera[view, step], people.head[rows])[:, None]


def _finite(values: np.ndarray, batch: int) -> np.ndarray:
    """Whether each of the leading ``batch`` axes' entries is finite throughout.

    A sum is finite exactly when its terms are (short of overflow), and is three times faster than testing each.
    """
    with np.errstate(invalid='ignore', over='ignore'):
        return np.isfinite(values.sum(tuple(range(batch, values.ndim)), dtype=np.float64))


def _duplicates(people: ViewPeople, mask: np.ndarray, distance: float) -> np.ndarray:
    """Detections (V, T, M) that a better one of the same image already tells of.

    Two detections of one person differ in all joints by little; two people who embrace do not.
    """
    head = np.where(mask[..., None], people.head, 0.0)
    both = mask[..., :, None] & mask[..., None, :]
    near = both & (length(head[..., :, None, :] - head[..., None, :, :]) < distance)
    detections = people.valid.shape[-1]
    near[..., np.arange(detections), np.arange(detections)] = False
    if not near.any():
        return np.zeros_like(mask)
    view, step, first, second = np.nonzero(near)
    joints = people.joints
    apart = length(joints[view, step, first] - joints[view, step, second]).mean(-1)
    # the better score wins; between equals the first, which is then no different from the second
    score = people.score
    worse = (score[view, step, first] < score[view, step, second]) | (
        (score[view, step, first] == score[view, step, second]) & (first > second)
    )
    result = np.zeros_like(mask)
    lost = worse & (apart < distance)
    result[view[lost], step[lost], first[lost]] = True
    return result
