"""People of a finished reconstruction, as they were written: ``people.npz`` read back, checked, one motion per id."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from chromm_ros.skeleton import JOINTS, PARENTS, POSE_JOINTS
from chromm_ros.states import HumanState

SHAPES = {
    'stamp': (),
    'id': (),
    'state': (),
    'confidence': (),
    'global_orient': (3,),
    'body_pose': (63,),
    'left_hand_pose': (45,),
    'right_hand_pose': (45,),
    'jaw_pose': (3,),
    'joints': (JOINTS, 3),
    'velocity': (3,),
}
"""What is read, and the shape of one row."""


@dataclass(frozen=True)
class Motion:
    """One person over time; T rows, in the order of time, no two at one."""

    id: int
    stamps: np.ndarray  # (T,) int64 [ns]
    states: np.ndarray  # (T,) HumanState
    confidence: np.ndarray  # (T,) in [0, 1]
    rotations: np.ndarray  # (T, 55, 3) axis-angle [rad]: the root's world from body, else relative to the parent
    joints: np.ndarray  # (T, 55, 3) world [m]
    velocity: np.ndarray  # (T, 3) of the pelvis, world [m/s]

    def bones(self) -> np.ndarray:
        """(55, 3) where each joint lies in the frame of its parent, over all times [m]; zero for the root."""
        turns = np.empty((len(self.stamps), JOINTS, 3, 3))
        offsets = np.zeros((JOINTS, 3))
        for joint, parent in enumerate(PARENTS):
            own = Rotation.from_rotvec(self.rotations[:, joint]).as_matrix()
            turns[:, joint] = own if parent < 0 else turns[:, parent] @ own
            if parent >= 0:
                away = self.joints[:, joint] - self.joints[:, parent]
                offsets[joint] = np.median((turns[:, parent].swapaxes(-1, -2) @ away[..., None])[..., 0], axis=0)
        return offsets

    def evenly(self) -> tuple[float, np.ndarray, np.ndarray]:
        """The motion at even steps of the usual length.

        Returns:
            Seconds of a step; (N, 3) places of the pelvis [m]; (N, 55, 3) rotations as above. What lies between two
            rows is interpolated, gaps too.
        """
        times = 1e-9 * (self.stamps - self.stamps[0])
        if len(times) < 2:
            return 0.1, self.joints[:, 0], self.rotations
        step = float(np.median(np.diff(times)))
        wanted = np.minimum(np.arange(round(times[-1] / step) + 1) * step, times[-1])
        pelvis = np.stack([np.interp(wanted, times, self.joints[:, 0, axis]) for axis in range(3)], -1)
        turns = [Slerp(times, Rotation.from_rotvec(self.rotations[:, j]))(wanted).as_rotvec() for j in range(JOINTS)]
        return step, pelvis, np.stack(turns, 1)

    def longest_gap(self) -> float:
        """Longest time between two rows [s]."""
        return float(1e-9 * np.diff(self.stamps).max(initial=0))


def read_motions(path: Path) -> list[Motion]:
    """Everybody in a ``people.npz``, by id.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of ours, damaged, or holds nobody; the message says which.
    """
    arrays = _checked(path, _loaded(path))
    if not len(arrays['id']):
        raise ValueError(f'{path} holds nobody')
    return [_motion(arrays, int(identity)) for identity in np.unique(arrays['id'])]


def _loaded(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in SHAPES if name in file.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is no people.npz, or is damaged: {error}') from error
    missing = sorted(set(SHAPES) - set(arrays))
    if missing:
        raise ValueError(f'{path} has no {", ".join(missing)}: it is no people.npz of chromm reconstruct')
    return arrays


def _checked(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rows = len(np.atleast_1d(arrays['id']))
    for name, shape in SHAPES.items():
        found = arrays[name].shape
        if found != (rows, *shape):
            raise ValueError(f'{path}: {name} has the shape {found}, {(rows, *shape)} expected')
        if arrays[name].dtype.kind not in 'iuf' or not np.isfinite(arrays[name]).all():
            raise ValueError(f'{path}: {name} has values that are no finite numbers')
    unknown = set(arrays['state'].tolist()) - set(HumanState)
    if unknown:
        raise ValueError(f'{path}: state has the values {sorted(unknown)}, which mean nothing')
    return arrays


def _motion(arrays: dict[str, np.ndarray], identity: int) -> Motion:
    own = np.flatnonzero(arrays['id'] == identity)
    _, first = np.unique(arrays['stamp'][own], return_index=True)
    rows = own[first]
    relative = np.concatenate(
        [arrays[name][rows] for name in ('body_pose', 'left_hand_pose', 'right_hand_pose', 'jaw_pose')], axis=1
    ).reshape(len(rows), -1, 3)
    rotations = np.zeros((len(rows), JOINTS, 3))  # the eyes keep still
    rotations[:, 0] = arrays['global_orient'][rows]
    rotations[:, POSE_JOINTS] = relative
    kept = {name: arrays[name][rows] for name in ('confidence', 'joints', 'velocity')}
    return Motion(identity, arrays['stamp'][rows], arrays['state'][rows], rotations=rotations, **kept)
