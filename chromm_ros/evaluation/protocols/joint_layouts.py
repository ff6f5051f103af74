"""Which joints of an estimate are compared with which joints of the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.skeleton import BODY_JOINTS

SIZES = {'smpl24': 24, 'body22': 22, 'proxy22': 22, 'coco17': 17}
"""Joints of each layout."""

LIMBS_OF_SMPL = (16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)
LIMBS_OF_COCO = (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
"""Shoulders, elbows, wrists, hips, knees and ankles, left before right."""


@dataclass(frozen=True)
class Comparison:
    """Columns of both sides that mean the same joint."""

    name: str
    estimate: tuple[int, ...]
    truth: tuple[int, ...]


def comparison(estimate: str, truth: str, asked: str = 'smpl24') -> Comparison:
    """How joints of two layouts are compared: the 24 of SMPL where both have them, else what both share.

    Args:
        estimate, truth: names of :data:`SIZES`.
        asked: ``body22`` leaves the hands out where both sides have them.

    Raises:
        ValueError: a layout is not known.
    """
    for name in (estimate, truth, asked):
        if name not in SIZES:
            raise ValueError(f'joints are of layout {name!r}; expected one of {", ".join(SIZES)}')
    if 'coco17' in (estimate, truth):
        sides = (LIMBS_OF_COCO if name == 'coco17' else LIMBS_OF_SMPL for name in (estimate, truth))
        return Comparison('coco12' if estimate == truth else 'coco12 of SMPL joints', *sides)
    if estimate == truth == asked == 'smpl24':
        return Comparison('smpl24', *(tuple(range(24)),) * 2)
    name = 'proxy22' if 'proxy22' in (estimate, truth) else 'body22'
    return Comparison(name, *(tuple(range(BODY_JOINTS)),) * 2)


def check_size(joints: np.ndarray, layout: str, where: str) -> None:
    """Raises ValueError when joints (..., J, 3) are not as many as their layout has."""
    if layout not in SIZES:
        raise ValueError(f'{where}: joint_names is {layout!r}; expected one of {", ".join(SIZES)}')
    if joints.shape[-2:] != (SIZES[layout], 3):
        raise ValueError(f'{where}: joints have shape {joints.shape}; {layout} needs (N, {SIZES[layout]}, 3)')
