"""Bodies of the people of one snapshot as arrays, computed once for all the messages that show them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from chromm_ros.body.shapes import Capsules, bounding_cylinder
from chromm_ros.flow import Human

if TYPE_CHECKING:
    from chromm_ros.body.model import BodyModel

SUNK = 0.6
"""Depth below the floor down to which it is the estimate of a body that errs [m]."""
SAME_SHAPE = 0.05
"""Change of a shape parameter that is not worth measuring anew: radii then change by a millimetre or two."""


@dataclass(frozen=True)
class BodyShapes:
    """K people in the world frame, metres."""

    joints: np.ndarray  # (K, 55, 3)
    height: np.ndarray  # (K,) stature in the rest pose
    transl: np.ndarray  # (K, 3) argument of smplx, which turns a body about its rest pelvis
    capsule_ends: np.ndarray  # (K, C, 2, 3) parent joint, joint
    capsule_radius: np.ndarray  # (K, C); 0: the bone holds no skin
    capsule_joint: np.ndarray  # (C,) joint at the second end
    cylinder_base: np.ndarray  # (K, 3) centre of the bottom disc
    cylinder_radius: np.ndarray  # (K,)
    cylinder_height: np.ndarray  # (K,)

    def of(self, people: Sequence[int]) -> BodyShapes:
        """Only these of the K."""
        parts = {name: value[list(people)] for name, value in vars(self).items() if name != 'capsule_joint'}
        return BodyShapes(**parts, capsule_joint=self.capsule_joint)

    def above(self, floor: float) -> BodyShapes:
        """The same, standing on the floor instead of sinking into it; at NaN nothing is known of one.

        Estimated feet err by centimetres, and a capsule reaches below the sole. Somebody who is deeper than ``SUNK``
        stands on another floor.
        """
        low = self.cylinder_base[:, 2]
        sunk = (low < floor) & (low > floor - SUNK)
        if not sunk.any():
            return self
        base, height, ends = self.cylinder_base.copy(), self.cylinder_height.copy(), self.capsule_ends.copy()
        base[sunk, 2] = floor
        height[sunk] -= floor - low[sunk]
        lowest = floor + self.capsule_radius[sunk, :, None]
        ends[sunk, ..., 2] = np.maximum(ends[sunk, ..., 2], lowest)
        return dataclasses.replace(self, cylinder_base=base, cylinder_height=height, capsule_ends=ends)


class BodyShapeCache:
    """Knows the measures of the people it has seen, so that those whose shape stays need not be measured again."""

    def __init__(self, body: BodyModel) -> None:
        self._body = body
        self._measured: dict[int, tuple[np.ndarray, torch.Tensor, torch.Tensor]] = {}
        """Id -> betas (10,), radii of the capsules (C,) and height ()."""
        self._bones: tuple[tuple[int, int], ...] | None = None

    def measures(self, humans: Sequence[Human], betas: torch.Tensor) -> tuple[Capsules, torch.Tensor]:
        """Capsules with radii (K, C), and heights (K,), of people with ``betas`` (K, 10)."""
        known = self._measured
        changed = [
            k
            for k, human in enumerate(humans)
            if human.id not in known or np.abs(known[human.id][0] - human.betas).max() > SAME_SHAPE
        ]
        if changed or self._bones is None:
            capsules, height = self._body.capsules(betas[changed]), self._body.height(betas[changed])
            self._bones = capsules.bones
            for row, k in enumerate(changed):
                known[humans[k].id] = (humans[k].betas, capsules.radii[row], height[row])
        self._measured = {human.id: known[human.id] for human in humans}
        radii = [self._measured[human.id][1] for human in humans]
        heights = [self._measured[human.id][2] for human in humans]
        if not humans:
            return Capsules(betas.new_zeros(0, len(self._bones)), self._bones), betas.new_zeros(0)
        return Capsules(torch.stack(radii), self._bones), torch.stack(heights)


def body_shapes_of(humans: Sequence[Human], body: BodyModel, cache: BodyShapeCache | None = None) -> BodyShapes:
    """Everything about the bodies that messages carry.

    Args:
        cache: remembers measures from call to call; None: all are taken anew.
    """
    with torch.inference_mode():
        betas = _stacked([human.betas for human in humans], (10,))
        joints = _stacked([human.joints for human in humans], (55, 3))
        capsules, height = (cache or BodyShapeCache(body)).measures(humans, betas)
        base, cylinder_radius, cylinder_height = bounding_cylinder(joints, capsules)
        pairs = torch.as_tensor(capsules.bones)
        return BodyShapes(
            joints=joints.numpy(),
            height=height.numpy(),
            transl=(joints[:, 0] - body.rest_joints(betas)[:, 0]).numpy(),
            capsule_ends=joints[:, pairs].numpy(),
            capsule_radius=capsules.radii.numpy(),
            capsule_joint=pairs[:, 1].numpy(),
            cylinder_base=base.numpy(),
            cylinder_radius=cylinder_radius.numpy(),
            cylinder_height=cylinder_height.numpy(),
        )


def meshes_of(humans: Sequence[Human], body: BodyModel) -> np.ndarray:
    """(K, N, 3) vertices in the world frame [m]."""
    with torch.inference_mode():
        betas = _stacked([human.betas for human in humans], (10,))
        pose = _stacked([human.pose for human in humans], (52, 3, 3))
        root = _stacked([human.root_rotation for human in humans], (3, 3))
        pelvis = _stacked([human.joints[0] for human in humans], (3,))
        return (body.vertices(betas, pose, root) + pelvis[:, None]).numpy()


def _stacked(arrays: Sequence[np.ndarray], shape: tuple[int, ...]) -> torch.Tensor:
    return torch.as_tensor(np.array(arrays, np.float32).reshape(len(arrays), *shape))
