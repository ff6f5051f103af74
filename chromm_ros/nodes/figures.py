"""Bodies of the people of one snapshot as arrays, computed once for all the messages that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from chromm_ros.body.shapes import bounding_cylinder
from chromm_ros.flow import Human

if TYPE_CHECKING:
    from chromm_ros.body.model import BodyModel


@dataclass(frozen=True)
class Figures:
    """K people in the world frame, metres."""

    joints: np.ndarray  # (K, 55, 3)
    height: np.ndarray  # (K,) stature in the rest pose
    transl: np.ndarray  # (K, 3) argument of smplx
    capsule_ends: np.ndarray  # (K, C, 2, 3) parent joint, joint
    capsule_radius: np.ndarray  # (K, C); 0: the bone holds no skin
    capsule_joint: np.ndarray  # (C,) joint at the second end
    cylinder_base: np.ndarray  # (K, 3) centre of the bottom disc
    cylinder_radius: np.ndarray  # (K,)
    cylinder_height: np.ndarray  # (K,)

    def of(self, people: Sequence[int]) -> Figures:
        """Only these of the K."""
        parts = {name: value[list(people)] for name, value in vars(self).items() if name != 'capsule_joint'}
        return Figures(**parts, capsule_joint=self.capsule_joint)


def figures(humans: Sequence[Human], body: BodyModel) -> Figures:
    """Everything about the bodies that messages carry."""
    with torch.inference_mode():
        betas = _stacked([human.betas for human in humans], (10,))
        pose = _stacked([human.pose for human in humans], (52, 3, 3))
        root = _stacked([human.root_rotation for human in humans], (3, 3))
        head = _stacked([human.head for human in humans], (3,))
        joints = _stacked([human.joints for human in humans], (55, 3))
        capsules = body.capsules(betas)
        base, cylinder_radius, cylinder_height = bounding_cylinder(joints, capsules)
        pairs = torch.as_tensor(capsules.bones)
        return Figures(
            joints=joints.numpy(),
            height=body.height(betas).numpy(),
            transl=body.smplx_transl(betas, pose, root, head).numpy(),
            capsule_ends=joints[:, pairs].numpy(),
            capsule_radius=capsules.radii.numpy(),
            capsule_joint=pairs[:, 1].numpy(),
            cylinder_base=base.numpy(),
            cylinder_radius=cylinder_radius.numpy(),
            cylinder_height=cylinder_height.numpy(),
        )


def skins(humans: Sequence[Human], body: BodyModel) -> np.ndarray:
    """(K, N, 3) vertices in the world frame [m]."""
    with torch.inference_mode():
        betas = _stacked([human.betas for human in humans], (10,))
        pose = _stacked([human.pose for human in humans], (52, 3, 3))
        root = _stacked([human.root_rotation for human in humans], (3, 3))
        pelvis = _stacked([human.joints[0] for human in humans], (3,))
        return (body.vertices(betas, pose, root) + pelvis[:, None]).numpy()


def _stacked(arrays: Sequence[np.ndarray], shape: tuple[int, ...]) -> torch.Tensor:
    return torch.as_tensor(np.array(arrays, np.float32).reshape(len(arrays), *shape))
