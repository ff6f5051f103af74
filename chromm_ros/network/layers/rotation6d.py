"""Rotations as six numbers: the first two columns of the matrix, orthonormalised by Gram-Schmidt (roma).

Two orders are in use and the same six numbers mean different rotations in them:

* ``rows``: (c1x, c2x, c1y, c2y, c1z, c2z), a (3, 2) matrix read row by row. Human3R, SPIN, and CHROMM here.
* ``columns``: (c1x, c1y, c1z, c2x, c2y, c2z), one column after the other. The public Multi-HMR head.
"""

from __future__ import annotations

from typing import Literal

import roma
import torch

Order = Literal['rows', 'columns']

IDENTITY = {'rows': (1.0, 0.0, 0.0, 1.0, 0.0, 0.0), 'columns': (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)}
"""The identity rotation in each order."""


def from_6d(numbers: torch.Tensor, order: Order = 'rows') -> torch.Tensor:
    """(..., 6) -> rotation matrices (..., 3, 3).

    Two parallel columns have no rotation: the result is NaN there, or an arbitrary rotation after rounding.
    """
    columns = numbers.unflatten(-1, (3, 2)) if order == 'rows' else numbers.unflatten(-1, (2, 3)).mT
    return roma.special_gramschmidt(columns)


def to_6d(rotations: torch.Tensor, order: Order = 'rows') -> torch.Tensor:
    """Rotation matrices (..., 3, 3) -> (..., 6)."""
    columns = rotations[..., :2]
    return columns.flatten(-2) if order == 'rows' else columns.mT.flatten(-2)
