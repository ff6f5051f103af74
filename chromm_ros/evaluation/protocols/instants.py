"""Multi-view people at single instants (EgoHumans, Ego-Exo4D): W-MPJPE†, GA-MPJPE, PA-MPJPE, Re-ID (CHROMM 4.1)."""

from __future__ import annotations

import numpy as np

from chromm_ros.evaluation import metrics
from chromm_ros.evaluation.protocols.clips import Clip, Truth
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.joint_layouts import comparison
from chromm_ros.evaluation.protocols.matching import in_image, match_people, match_pixels, views_of
from chromm_ros.evaluation.protocols.scores import ClipScore

PAIRS = ('true_positives', 'false_positives', 'false_negatives', 'true_negatives')


def score_instants(
    clip: Clip, estimates: Estimates, joints: str = 'smpl24', association: bool = True, cameras: bool = False
) -> ClipScore:
    """Errors of everybody at every instant of a clip, each instant by itself.

    Errors: ``w_mpjpe_cameras``, ``ga_mpjpe``, ``pa_mpjpe`` [m], a value per person and instant. Counts: pairs of
    detections of two views, by right or wrong (:data:`PAIRS`). With ``cameras`` also what
    :func:`chromm_ros.evaluation.metrics.camera_errors` measures, a value per instant.
    """
    truth = clip.truth
    matches = match_people(truth, estimates)
    layout = comparison(estimates.joint_names, truth.joint_names, joints)
    errors: dict[str, list[np.ndarray]] = {'w_mpjpe_cameras': [], 'ga_mpjpe': [], 'pa_mpjpe': []}
    for number in np.flatnonzero((matches.row >= 0).any(1)):
        people = np.flatnonzero(matches.row[number] >= 0)
        true = truth.joints[number, people][:, list(layout.truth)]
        guess = estimates.joints[matches.row[number, people]][:, list(layout.estimate)]
        known = np.isfinite(true).all(-1) & np.isfinite(guess).all(-1)
        true_cameras, guessed_cameras = _cameras(truth, estimates, int(number))
        if len(guessed_cameras):
            fit = metrics.camera_alignment(true_cameras, guessed_cameras)
            errors['w_mpjpe_cameras'].append(_mean_distance(true, fit.apply(guess.astype(np.float64)), known))
        if cameras and len(guessed_cameras) > 1:
            for name, value in metrics.camera_errors(true_cameras, guessed_cameras).items():
                errors.setdefault(name, []).append(np.array([value]))
        errors['ga_mpjpe'].append(_group_error(true, guess, known))
        errors['pa_mpjpe'].append(
            np.array([metrics.procrustes_error(a[use], b[use]) for a, b, use in zip(true, guess, known)])
        )
    return ClipScore(
        errors={key: np.concatenate(values) if values else np.zeros(0) for key, values in errors.items()},
        true=int(truth.valid.sum()),
        compared=matches.matched,
        estimates=matches.estimates,
        matched=matches.matched,
        instants=len(truth.frames),
        joints=layout.name,
        counts=association_counts(truth, estimates) if association else {},
    )


def _cameras(truth: Truth, estimates: Estimates, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, 4, 4) true and estimated poses of the views of an instant that both sides know."""
    true, other = truth.world_from_camera[number], np.full_like(truth.world_from_camera[number], np.nan)
    if len(estimates.world_from_camera):
        row = estimates.world_from_camera[np.searchsorted(estimates.frames, truth.frames[number])]
        for view, place in enumerate(views_of(truth, estimates)):
            if place >= 0:
                other[view] = row[place]
    known = np.isfinite(true).all((-1, -2)) & np.isfinite(other).all((-1, -2))
    return true[known], other[known]


def association_counts(truth: Truth, estimates: Estimates) -> dict[str, int]:
    """Pairs of detections (:data:`PAIRS`) for each way of association that the estimates have, by ``WAY PAIRS``."""
    if not len(estimates.detection_joints):
        return {}
    ways = {'combined': estimates.detection_id} | {
        way: numbers for way in ('pose', 'position') if len(numbers := getattr(estimates, f'detection_id_{way}'))
    }
    return {
        f'{way} {name}': count
        for way, numbers in ways.items()
        for name, count in association_pairs(truth, estimates, numbers).items()
    }


def association_pairs(truth: Truth, estimates: Estimates, numbers: np.ndarray) -> dict[str, int]:
    """Pairs of detections in two views of an instant, by same person or not and same number (D,) or not.

    Only detections that belong to a true person count: which one is found in each image by key points.
    """
    sides = comparison(_pixel_layout(estimates), truth.joint_names)
    order = views_of(truth, estimates)
    counts = np.zeros(4, int)
    for number, frame in enumerate(truth.frames):
        rows = np.flatnonzero(estimates.detection_frame == frame)
        people = np.flatnonzero(truth.valid[number])
        if not len(rows) or not len(people):
            continue
        width = max(np.bincount(estimates.detection_view[rows]).max(), 1)
        who = np.full((len(order), 1, width), -1)
        called = np.full((len(order), 1, width), -1)
        joints = truth.joints[number, people][:, list(sides.truth)]
        for view, other in enumerate(order):
            own = rows[estimates.detection_view[rows] == other]
            true_px = in_image(joints, truth.world_from_camera[number, view], truth.intrinsics[number, view])
            first, second, _ = match_pixels(true_px, estimates.detection_joints[own][:, list(sides.estimate)])
            who[view, 0, second] = people[first]
            called[view, 0, : len(own)] = numbers[own]
        score = metrics.association_score(who, called)
        counts += [getattr(score, name) for name in PAIRS]
    return dict(zip(PAIRS, map(int, counts)))


def _pixel_layout(estimates: Estimates) -> str:
    """Layout of the detections' key points, told by their number."""
    layouts = {24: 'smpl24', 22: 'body22', 17: 'coco17'}
    joints = estimates.detection_joints.shape[1]
    if joints not in layouts:
        raise ValueError(f'detection_joints has {joints} key points; expected 24, 22 or 17')
    return layouts[joints]


def _mean_distance(truth: np.ndarray, estimate: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(P,) mean joint distance over the known joints."""
    apart = np.linalg.norm(np.where(known[..., None], estimate - truth, 0), axis=-1)
    return apart.sum(-1) / known.sum(-1)


def _group_error(truth: np.ndarray, estimate: np.ndarray, known: np.ndarray) -> np.ndarray:
    if known.all():
        return metrics.group_aligned_error(truth, estimate)
    fit = metrics.fit_similarity(estimate[known], truth[known])
    return _mean_distance(truth, fit.apply(estimate.astype(np.float64)), known)
