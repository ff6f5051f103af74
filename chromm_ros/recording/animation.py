"""Motions as animators and scientists open them: BVH, one file per person, and CSV, one row per person and step."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.recording.motion import Motion
from chromm_ros.skeleton import JOINT_NAMES, PARENTS
from chromm_ros.states import HumanState

UNITS = {'m': 1.0, 'cm': 100.0}

Y_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""BVH's y-up world from ours, which is z-up."""

END = 0.5
"""Length of a bone without a joint at its end, against the one before."""


def write_bvh(path: Path, motion: Motion, unit: str = 'cm') -> int:
    """Write one person as a BVH file; returns the number of frames.

    Bones have their own lengths, the world is y-up, rotations are z, x, y. Frames are even: see ``Motion.evenly``.
    """
    scale = UNITS[unit]
    step, pelvis, rotations = motion.evenly()
    turns = Rotation.from_rotvec(rotations.reshape(-1, 3))
    matrices = turns.as_matrix().reshape(*rotations.shape[:2], 3, 3)
    matrices[:, 0] = Y_UP @ matrices[:, 0]
    order = _depth_first()
    angles = Rotation.from_matrix(matrices[:, order].reshape(-1, 3, 3)).as_euler('ZXY', degrees=True)
    rows = np.concatenate([scale * pelvis @ Y_UP.T, angles.reshape(len(pelvis), -1)], axis=1)
    lines = ['HIERARCHY', *_joint_lines(0, scale * motion.bones(), '')]
    lines += ['MOTION', f'Frames: {len(rows)}', f'Frame Time: {step:.6f}']
    lines += [' '.join(f'{value:.4f}' for value in row) for row in rows]
    path.write_text('\n'.join(lines) + '\n')
    return len(rows)


def write_csv(path: Path, motions: Sequence[Motion]) -> int:
    """Write everybody as a table, in the order of time; returns the number of rows."""
    head = ['time_ns', 'id', 'state', 'confidence']
    head += [f'velocity_{axis}' for axis in 'xyz'] + [f'{name}_{axis}' for name in JOINT_NAMES for axis in 'xyz']
    rows = [
        (int(motion.stamps[k]), motion.id, HumanState(int(motion.states[k])).name.lower(), motion, k)
        for motion in motions
        for k in range(len(motion.stamps))
    ]
    rows.sort(key=lambda row: row[:2])
    with path.open('w', newline='') as file:
        table = csv.writer(file)
        table.writerow(head)
        for stamp, identity, state, motion, k in rows:
            numbers = [motion.confidence[k], *motion.velocity[k], *motion.joints[k].ravel()]
            table.writerow([stamp, identity, state, *(f'{number:.5g}' for number in numbers)])
    return len(rows)


def _children(joint: int) -> list[int]:
    return [child for child, parent in enumerate(PARENTS) if parent == joint]


def _depth_first(joint: int = 0) -> list[int]:
    """Joints in the order in which BVH lists them."""
    return [joint, *(below for child in _children(joint) for below in _depth_first(child))]


def _joint_lines(joint: int, offsets: np.ndarray, indent: str) -> list[str]:
    """The hierarchy from one joint on."""
    inner = f'{indent}  '
    place = '' if joint else 'Xposition Yposition Zposition '
    lines = [
        f'{indent}{"JOINT" if joint else "ROOT"} {JOINT_NAMES[joint]}',
        f'{indent}{{',
        f'{inner}OFFSET {_numbers(offsets[joint])}',
        f'{inner}CHANNELS {3 if joint else 6} {place}Zrotation Xrotation Yrotation',
    ]
    children = _children(joint)
    for child in children:
        lines += _joint_lines(child, offsets, inner)
    if not children:
        lines += [f'{inner}End Site', f'{inner}{{', f'{inner}  OFFSET {_numbers(END * offsets[joint])}', f'{inner}}}']
    return [*lines, f'{indent}}}']


def _numbers(values: np.ndarray) -> str:
    return ' '.join(f'{value:.5f}' for value in values)
