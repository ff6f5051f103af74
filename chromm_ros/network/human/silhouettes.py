"""Where decoded people cover an image: their bones drawn as capsules. Used where there is no mask head."""

from __future__ import annotations

import torch

from chromm_ros.geometry.cameras import project
from chromm_ros.network.outputs import PeopleEstimates
from chromm_ros.skeleton import BODY_BONES, BODY_JOINTS, HEAD

CELL = 4
"""Side of the cells that are tested [px of the scene encoder's image]."""

CELL_REACH = CELL / 2**0.5
"""A cell is covered as soon as the capsule touches one of its corners [px]."""

LIMB_RADIUS = 0.11
TRUNK_RADIUS = 0.20
"""Generous: a pixel of a person in the static scene costs more than a pixel of the scene that is missing [m]."""

TRUNK = (1, 2, 3, 6, 9, 12, 13, 14, 15)
"""Joints whose bone to the parent is part of the trunk or the head."""


def silhouettes(
    people: PeopleEstimates[torch.Tensor], image_sizes: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """(F, h, w) bool: pixels that a person may cover.

    Args:
        people: of F images.
        image_sizes: (F, 2) width and height of the original images.
        size: (h, w) of the masks.
    """
    height, width = size
    rotated = torch.einsum('fmij,fmkj->fmki', people.root_rotation, people.canonical_joints[:, :, :BODY_JOINTS])
    joints = rotated + (people.head - rotated[:, :, HEAD])[:, :, None]
    scale = torch.tensor([width, height], device=joints.device) / image_sizes
    pixels = project(joints, people.intrinsics) * scale[:, None, None]  # (F, M, 22, 2)
    focal = (people.intrinsics[:, 0, 0] * scale[:, 0])[:, None]
    distance = joints[..., 2].clamp(min=0.1)
    rows, columns = (torch.arange(CELL / 2, side, CELL, device=joints.device) for side in size)
    cells = torch.cartesian_prod(rows, columns).flip(-1)
    covered = torch.zeros(len(joints), len(cells), dtype=torch.bool, device=joints.device)
    for parent, joint in BODY_BONES:
        radius = (TRUNK_RADIUS if joint in TRUNK else LIMB_RADIUS) * focal / distance[:, :, joint]
        reach = _distance(cells, pixels[:, :, joint], pixels[:, :, parent]) - CELL_REACH
        covered |= ((reach < radius[..., None]) & people.valid[..., None]).any(1)
    mask = covered.unflatten(1, (len(rows), len(columns)))
    return mask.repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)[:, :height, :width]


def _distance(points: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Distance (F, M, P) of points (P, 2) from segments (F, M, 2) each."""
    along = (end - start)[:, :, None]
    offset = points - start[:, :, None]
    share = (offset * along).sum(-1) / along.square().sum(-1).clamp(min=1e-9)
    return (offset - share.clamp(0, 1)[..., None] * along).norm(dim=-1)
