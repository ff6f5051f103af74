"""The tracklets of a window side by side, dense in time, in the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.flow import Tracklets, ViewPeople
from chromm_ros.geometry.cameras import transform
from chromm_ros.people.observations import world_joints


@dataclass(frozen=True)
class TrackletStack:
    """All N tracklets of a window over its T steps; zeros where a tracklet is absent."""

    rows: tuple[np.ndarray, ...]
    """(view, step, detection) of every detection with a tracklet."""
    of_row: np.ndarray  # (rows,) tracklet of each
    view: np.ndarray  # (N,)
    present: np.ndarray  # (N, T) bool
    joints: np.ndarray  # (N, T, J, 3) world [m]
    canonical: np.ndarray  # (N, T, J, 3) [m]
    head: np.ndarray  # (N, T, 3) world [m]
    ray: np.ndarray  # (N, T, 3) from the camera to the head, world [m]

    @staticmethod
    def of(people: ViewPeople, tracklets: Tracklets, joints: int) -> TrackletStack:
        """The tracklets with the first ``joints`` joints of their people."""
        rows = np.nonzero(tracklets.ids >= 0)
        view, step, _ = rows
        names, number = np.unique(np.stack([view, tracklets.ids[rows]]), axis=1, return_inverse=True)
        number = number.reshape(-1)  # numpy 2.0 returned (1, N)
        size = (names.shape[1], tracklets.ids.shape[1])
        stack = TrackletStack(
            rows,
            number,
            names[0],
            np.zeros(size, bool),
            np.zeros((*size, joints, 3), np.float32),
            np.zeros((*size, joints, 3), np.float32),
            np.zeros((*size, 3), np.float32),
            np.zeros((*size, 3), np.float32),
        )
        stack.present[number, step] = True
        stack.joints[number, step] = world_joints(people, rows, joints)
        stack.canonical[number, step] = people.canonical_joints[rows][:, :joints]
        pose = people.world_from_camera[view, step]
        stack.head[number, step] = transform(pose, people.head[rows])
        stack.ray[number, step] = stack.head[number, step] - pose[:, :3, 3]
        return stack


def mean_over(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean over the last axis of the entries ``where``; 0 where there are none."""
    return np.where(where, values, 0.0).sum(-1) / np.maximum(where.sum(-1), 1)
