"""Global human motion of videos (EMDB, RICH): W-MPJPE, WA-MPJPE, RTE over segments of 100 frames (CHROMM 4.1)."""

from __future__ import annotations

import numpy as np

from chromm_ros.evaluation import metrics
from chromm_ros.evaluation.protocols.clips import Clip, Truth
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.joint_layouts import comparison
from chromm_ros.evaluation.protocols.matching import Matches, match_people
from chromm_ros.evaluation.protocols.scores import ClipScore

SHORTEST = 3
"""Frames of a segment that is scored: two frames align exactly."""

MILLIMETRES = 1000.0


def score_motion(clip: Clip, estimates: Estimates, joints: str = 'smpl24', segment: int = metrics.CHUNK) -> ClipScore:
    """World errors of everybody in a clip.

    A segment is ``segment`` counted frames of a person in a row; frames in which the person was missed are left out
    of it, so that a miss shifts no other frame into another segment.

    Errors: ``wa_mpjpe`` and ``w_mpjpe`` [mm], ``rte`` [%] over the clip, ``rte_segment`` [%] with an SE(3) and a path
    of each segment.
    """
    truth = clip.truth
    matches = match_people(truth, estimates)
    layout = comparison(estimates.joint_names, truth.joint_names, joints)
    errors: dict[str, list[np.ndarray]] = {'wa_mpjpe': [], 'w_mpjpe': [], 'rte': [], 'rte_segment': []}
    notes = []
    for person, name in enumerate(truth.people):
        good = np.flatnonzero(truth.valid[:, person])
        rows = matches.row[good, person]
        found = rows >= 0
        if not found.any():
            continue
        true = truth.joints[good[found], person][:, list(layout.truth)]
        guess = estimates.joints[rows[found]][:, list(layout.estimate)]
        part = np.flatnonzero(found) // segment
        unit = _units(estimates, truth.frames[good[found]])
        for errors_of, values in _segments(true, guess, part, unit):
            errors[errors_of].append(values)
        root, guess_root = _roots(true, guess, layout.name)
        if _path(root) > 0:
            errors['rte'].append(metrics.root_translation_error(root, guess_root))
        else:
            notes.append(f'{clip.name}: {name} never moves, so that there is no RTE')
    return ClipScore(
        errors={key: np.concatenate(values) if values else np.zeros(0) for key, values in errors.items()},
        true=int(truth.valid.sum()),
        compared=matches.matched,
        estimates=matches.estimates,
        matched=matches.matched,
        instants=len(truth.frames),
        joints=layout.name,
        counts={'identity_switches': identity_switches(truth, estimates, matches)},
        notes=(*notes, *(['matching: one given track, no cameras'] if matches.method == 'given' else [])),
    )


def identity_switches(truth: Truth, estimates: Estimates, matches: Matches) -> int:
    """Times that a true person is another number than at the frame before that it was found in."""
    switches = 0
    for person in range(len(truth.people)):
        rows = matches.row[:, person]
        numbers = estimates.person_id[rows[rows >= 0]]
        switches += int((numbers[1:] != numbers[:-1]).sum())
    return switches


def _segments(
    true: np.ndarray, guess: np.ndarray, part: np.ndarray, unit: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    """Errors of each segment of one person that is long enough, by name."""
    found = []
    for number in np.unique(part):
        own = part == number
        if own.sum() < SHORTEST:
            continue
        a, b = true[own], guess[own]
        found.append(('wa_mpjpe', MILLIMETRES * metrics.world_aligned_error(a, b, len(a))))
        found.append(('w_mpjpe', MILLIMETRES * metrics.world_error(a, b, len(a))))
        if _path(a[:, 0]) > 0:
            as_estimated = b[:, 0] / unit[own][:, None]
            found.append(('rte_segment', metrics.root_translation_error(a[:, 0], as_estimated)))
    return found


def _units(estimates: Estimates, frames: np.ndarray) -> np.ndarray:
    """Lengths in the file per length as estimated, at each of ``frames``."""
    if not len(estimates.gauge_scale):
        return np.ones(len(frames))
    return estimates.gauge_scale[np.searchsorted(estimates.frames, frames)]


def _roots(true: np.ndarray, guess: np.ndarray, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """(T, 3) pelvis of both sides; the middle of the hips where the layout has no pelvis."""
    if not layout.startswith('coco12'):
        return true[:, 0], guess[:, 0]
    hips = slice(6, 8)
    return true[:, hips].mean(1), guess[:, hips].mean(1)


def _path(root: np.ndarray) -> float:
    """Length of a way (T, 3) [m]."""
    return float(np.linalg.norm(np.diff(root, axis=0), axis=-1).sum())
