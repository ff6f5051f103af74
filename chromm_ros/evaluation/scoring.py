"""Scores what a capture says about people and cameras against the truth of a synthetic world or a data set.

One scorer serves the live demo (messages), the synthetic evaluation (snapshots) and the tests.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from chromm_ros.geometry.similarity import fit_similarity
from chromm_ros.skeleton import BODY_JOINTS, HEAD

FAR = 1e6
"""Cost of a pair outside the gate [m]; finite, because the assignment must stay feasible."""


@dataclass(frozen=True)
class PeopleAtTime:
    """The people of one instant in the world frame. K people."""

    ids: np.ndarray  # (K,) int
    joints: np.ndarray  # (K, 55, 3) [m]
    root_rotation: np.ndarray  # (K, 3, 3) world from body

    @property
    def heads(self) -> np.ndarray:
        """(K, 3) head joints [m]."""
        return self.joints[:, HEAD]

    def moved(self, rotation: np.ndarray, translation: np.ndarray) -> PeopleAtTime:
        """The same people after a rigid change of the world: x -> R x + t."""
        return PeopleAtTime(self.ids, self.joints @ rotation.T + translation, rotation @ self.root_rotation)


@dataclass
class PeopleScore:
    """Detection, position, pose and identity of people over time.

    An estimate counts for a true person when their heads are closer than ``gate``; pairs are chosen one to one with
    the least total distance. An identity switch is counted when a true person is matched to another id than the
    last time it was matched.
    """

    gate: float = 0.75
    """[m]"""
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _errors: dict[str, list[np.ndarray]] = field(default_factory=lambda: defaultdict(list))
    _last_id: dict[int, int] = field(default_factory=dict)
    ids: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The ids that each true person had, in the order of their first appearance; one is right."""

    def add(self, truth: PeopleAtTime, estimate: PeopleAtTime, visible: np.ndarray | None = None) -> None:
        """Score one instant.

        ``visible`` (K,) says which true people a camera could see; recall counts those alone, and an estimate of a
        hidden person is no false alarm. None: all.
        """
        rows, columns, distance = match_heads(truth.heads, estimate.heads, self.gate)
        visible = np.ones(len(truth.ids), bool) if visible is None else visible
        self._counts['truth'] += int(visible.sum())
        self._counts['found'] += int(visible[rows].sum())
        self._counts['estimates'] += len(estimate.ids)
        self._counts['matched'] += len(rows)
        self._errors['head'].append(distance)
        self._errors['joints'].append(root_relative_error(truth.joints[rows], estimate.joints[columns]))
        self._errors['rotation'].append(angle_between(truth.root_rotation[rows], estimate.root_rotation[columns]))
        for true_id, found_id in zip(truth.ids[rows].tolist(), estimate.ids[columns].tolist()):
            if found_id not in self.ids[true_id]:
                self.ids[true_id].append(found_id)
            if self._last_id.setdefault(int(true_id), int(found_id)) != int(found_id):
                self._counts['switches'] += 1
                self._last_id[int(true_id)] = int(found_id)

    def summary(self) -> dict[str, Any]:
        """Numbers for a report; None where nothing was there to measure."""
        head, joints, rotation = (_joined(self._errors[key]) for key in ('head', 'joints', 'rotation'))
        return {
            'truth': self._counts['truth'],
            'recall': _ratio(self._counts['found'], self._counts['truth']),
            'precision': _ratio(self._counts['matched'], self._counts['estimates']),
            'head_error_m': {'median': _percentile(head, 50), 'p90': _percentile(head, 90)},
            'joints_error_m': float(joints.mean()) if len(joints) else None,
            'root_rotation_deg': _percentile(np.degrees(rotation), 50),
            'id_switches': self._counts['switches'],
        }


@dataclass
class CameraScore:
    """Relative poses of all pairs of cameras: invariant to the choice of the world frame."""

    _rotation: list[np.ndarray] = field(default_factory=list)
    _translation: list[np.ndarray] = field(default_factory=list)

    def add(self, truth: np.ndarray, estimate: np.ndarray) -> None:
        """Score the rig at one instant; both (V, 4, 4) ``world_from_camera`` [m] of the same cameras."""
        first, second = np.triu_indices(len(truth), k=1)
        true_pair = np.linalg.inv(truth[first]) @ truth[second]
        pair = np.linalg.inv(estimate[first]) @ estimate[second]
        self._rotation.append(angle_between(true_pair[:, :3, :3], pair[:, :3, :3]))
        self._translation.append(np.linalg.norm(true_pair[:, :3, 3] - pair[:, :3, 3], axis=-1))

    def summary(self) -> dict[str, float | None]:
        """Medians over all pairs and instants; None where there was no pair."""
        return {
            'rotation_deg_median': _percentile(np.degrees(_joined(self._rotation)), 50),
            'translation_m_median': _percentile(_joined(self._translation), 50),
        }


def align_by_cameras(truth: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rigid motion that lays the estimated rig on the true one, as in W-MPJPE† (CHROMM 4.1).

    Camera centres alone leave the rotation open for two cameras or collinear centres, so every camera adds the
    points one metre along its axes.

    Args:
        truth, estimate: (V, 4, 4) ``world_from_camera`` [m].

    Returns:
        Rotation (3, 3) and translation (3,): true world from estimated world.
    """
    fit = fit_similarity(_rig_points(estimate), _rig_points(truth), with_scale=False)
    return fit.rotation, fit.translation


def match_heads(truth: np.ndarray, estimate: np.ndarray, gate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One-to-one pairs of heads within ``gate``: indices into both, and the distance [m] of every pair."""
    distance = np.linalg.norm(truth[:, None] - estimate[None], axis=-1)
    rows, columns = linear_sum_assignment(np.where(distance < gate, distance, FAR))
    near = distance[rows, columns] < gate
    return rows[near], columns[near], distance[rows[near], columns[near]]


def root_relative_error(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """(K,) mean distance of the 22 body joints [m] with both pelves at the origin; inputs (K, 55, 3)."""
    offset = (truth - truth[:, :1]) - (estimate - estimate[:, :1])
    return np.linalg.norm(offset[:, :BODY_JOINTS], axis=-1).mean(-1)


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(...,) angle [rad] between rotations (..., 3, 3)."""
    if not len(first):
        return np.zeros(0)
    return Rotation.from_matrix(np.swapaxes(first, -1, -2) @ second).magnitude()


def _rig_points(world_from_camera: np.ndarray) -> np.ndarray:
    centres = world_from_camera[:, None, :3, 3]
    axes = np.swapaxes(world_from_camera[:, :3, :3], -1, -2)
    return np.concatenate([centres, centres + axes], axis=1).reshape(-1, 3)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _percentile(values: np.ndarray, percent: float) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None
