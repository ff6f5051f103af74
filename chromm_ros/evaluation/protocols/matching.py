"""Which estimate is compared with which true person: by key points in the images, one to one, then by votes of views.

Nearest to what Human3R (greedy, IoU of key-point boxes) and HSfM (Hungarian, IoU) do, and well defined for several
views: a pair may match in a view where the boxes of its key points overlap; the assignment with the least distances
wins; over the views the assignment with the most matches wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.evaluation.protocols.clips import Truth
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.joint_layouts import comparison
from chromm_ros.geometry.cameras import invert_rigid, project, transform

MIN_OVERLAP = 0.05
"""Least IoU of the boxes of the key points."""


@dataclass(frozen=True)
class Matches:
    """Who belongs together. F instants, P true people."""

    row: np.ndarray
    """(F, P) int: row of the estimates (``person_frame``) of each counted true person; -1: missed."""
    estimates: int
    """Bodies that were estimated."""
    method: str
    """``key points`` or ``given``: one estimate per instant and no cameras, as methods that are given a track."""

    @property
    def matched(self) -> int:
        """Pairs."""
        return int((self.row >= 0).sum())


def match_people(truth: Truth, estimates: Estimates) -> Matches:
    """Match the estimates of a clip with the counted people of the truth.

    Raises:
        ValueError: there is no camera to compare in, and more than one person.
    """
    present = rows_by_frame(truth.frames, estimates.person_frame)
    if not estimates.has_cameras:
        return _given(truth, estimates, present)
    order = views_of(truth, estimates)
    at = np.searchsorted(estimates.frames, truth.frames)
    row = np.full(truth.valid.shape, -1)
    sides = comparison(estimates.joint_names, truth.joint_names)
    for number, (frame, rows) in enumerate(zip(truth.frames, present)):
        people = np.flatnonzero(truth.valid[number])
        place = at[number]
        if not len(rows) or not len(people) or place == len(estimates.frames) or estimates.frames[place] != frame:
            continue
        true = truth.joints[number, people][:, list(sides.truth)]
        guess = estimates.joints[rows][:, list(sides.estimate)]
        votes = np.zeros((len(people), len(rows)))
        near = np.zeros_like(votes)
        for view, other in enumerate(order):
            if other < 0:
                continue
            true_px = in_image(true, truth.world_from_camera[number, view], truth.intrinsics[number, view])
            guess_px = in_image(guess, estimates.world_from_camera[place, other], estimates.intrinsics[place, other])
            first, second, cost = match_pixels(true_px, guess_px)
            votes[first, second] += 1
            near[first, second] += cost
        # Between equal votes the nearer pair wins: a vote outweighs every distance.
        one, other = linear_sum_assignment(votes - near / (1 + near.sum()), maximize=True)
        kept = votes[one, other] > 0
        row[number, people[one[kept]]] = rows[other[kept]]
    return Matches(row, sum(map(len, present)), 'key points')


def match_pixels(truth: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One-to-one pairs of key points in one image.

    Args:
        truth: (P, J, 2) [px], NaN where a joint is not known or not in front of the camera.
        estimate: (E, J, 2).

    Returns:
        Indices into both, and the mean distance of each pair over the longer side of the true box.
    """
    distance, overlap = pixel_costs(truth, estimate)
    allowed = (overlap >= MIN_OVERLAP) & np.isfinite(distance)
    if not allowed.any():
        nothing = np.zeros(0, int)
        return nothing, nothing, np.zeros(0)
    # A pair that is not allowed costs more than all allowed ones together.
    wall = 1 + np.where(allowed, distance, 0).sum()
    first, second = linear_sum_assignment(np.where(allowed, distance, wall))
    kept = allowed[first, second]
    first, second = first[kept], second[kept]
    return first, second, distance[first, second]


def pixel_costs(truth: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, E) mean key-point distance over the longer side of the true box, and IoU of the boxes of the key points."""
    true_box, box = boxes(truth), boxes(estimate)
    apart = np.linalg.norm(truth[:, None] - estimate[None], axis=-1)
    both = np.isfinite(apart)
    counted = both.sum(-1)
    mean = np.where(both, apart, 0).sum(-1) / np.maximum(counted, 1)
    side = np.maximum((true_box[:, 2:] - true_box[:, :2]).max(-1), 1e-9)
    distance = np.where(counted > 0, mean / side[:, None], np.nan)
    low = np.maximum(true_box[:, None, :2], box[None, :, :2])
    high = np.minimum(true_box[:, None, 2:], box[None, :, 2:])
    common = np.maximum(high - low, 0).prod(-1)
    areas = (true_box[:, 2:] - true_box[:, :2]).prod(-1), (box[:, 2:] - box[:, :2]).prod(-1)
    union = areas[0][:, None] + areas[1][None] - common
    return distance, np.nan_to_num(common / np.maximum(union, 1e-12))


def boxes(pixels: np.ndarray) -> np.ndarray:
    """(n, 4) x0, y0, x1, y1 around key points (n, J, 2); NaN where none is known."""
    known = np.isfinite(pixels)
    low = np.where(known, pixels, np.inf).min(-2)
    high = np.where(known, pixels, -np.inf).max(-2)
    box = np.concatenate([low, high], -1)
    return np.where(np.isfinite(box), box, np.nan)


def in_image(joints: np.ndarray, world_from_camera: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """(n, J, 2) pixels of world joints (n, J, 3); NaN behind the camera, and where the camera is not known."""
    local = transform(invert_rigid(world_from_camera), joints.reshape(-1, 3)).reshape(joints.shape)
    pixels = project(local.reshape(-1, 3), intrinsics).reshape(*joints.shape[:-1], 2)
    return np.where(local[..., 2:] > 0, pixels, np.nan)


def rows_by_frame(frames: np.ndarray, person_frame: np.ndarray) -> list[np.ndarray]:
    """Rows of each of ``frames``; rows of other instants are left out."""
    order = np.argsort(person_frame, kind='stable')
    low = np.searchsorted(person_frame[order], frames, 'left')
    high = np.searchsorted(person_frame[order], frames, 'right')
    return [order[start:end] for start, end in zip(low, high)]


def views_of(truth: Truth, estimates: Estimates) -> list[int]:
    """Index of each true view among the views of the estimates; -1: it has none.

    Raises:
        ValueError: no view is common.
    """
    order = [estimates.views.index(view) if view in estimates.views else -1 for view in truth.views]
    if max(order, default=-1) < 0:
        raise ValueError(
            f'estimates are of views {", ".join(estimates.views) or "none"}; expected {", ".join(truth.views)}'
        )
    return order


def _given(truth: Truth, estimates: Estimates, present: list[np.ndarray]) -> Matches:
    if max(map(len, present), default=0) > 1 or truth.valid.sum(1).max(initial=0) > 1:
        raise ValueError(
            'estimates of several people need world_from_camera and intrinsics, to be matched in the images'
        )
    row = np.full(truth.valid.shape, -1)
    for number, rows in enumerate(present):
        if len(rows):
            row[number, truth.valid[number]] = rows[0]
    return Matches(row, sum(map(len, present)), 'given')
