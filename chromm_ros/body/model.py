"""An SMPL-X body in torch: joints without skinning, vertices where they are needed, placement by the head.

Conventions: the rest frame is y up and faces +z; ``pose`` is CHROMM's theta, 52 rotations relative to the parent
joints (21 of the body, 15 of each hand, the jaw); the eyes keep still. Results have the pelvis at the origin.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from chromm_ros.body.files import BETAS, BodyFile, read_free, read_proxy, read_smplx
from chromm_ros.body.shapes import Capsules, Cylinder, SkinCapsules, bounding_cylinder
from chromm_ros.skeleton import HEAD, JOINTS, PARENTS, POSE_JOINTS


def _levels() -> list[list[int]]:
    """Joints by depth in the tree: a level needs only the level above it, so each is one batched product."""
    depth = [0] * JOINTS
    for joint in range(1, JOINTS):
        depth[joint] = depth[PARENTS[joint]] + 1
    return [[joint for joint in range(JOINTS) if depth[joint] == level] for level in range(max(depth) + 1)]


LEVELS = _levels()


def place_by_head(points: Tensor, canonical_joints: Tensor, root_rotation: Tensor, head: Tensor) -> Tensor:
    """(..., N, 3) points of an unrotated body, turned and moved so that its head joint lies at ``head``.

    X = R (X0 - J0[15]) + head (CHROMM 3.2). Any origin will do, if points and joints share it.

    Args:
        points: (..., N, 3) with the root unrotated [m].
        canonical_joints: (..., 55 or more, 3) with the root unrotated [m].
        root_rotation: (..., 3, 3) outer frame from body.
        head: (..., 3) outer frame [m].
    """
    centred = points - canonical_joints[..., HEAD : HEAD + 1, :]
    return centred @ root_rotation.transpose(-1, -2) + head[..., None, :]


class BodyModel(nn.Module):
    """Joints and skin of SMPL-X from shape, pose and root rotation; batched over any leading dimensions."""

    template: Tensor  # (N, 3) skin of the mean shape [m]
    shape_directions: Tensor  # (N, 3, 10)
    pose_directions: Tensor | None  # (N, 3, 486)
    weights: Tensor  # (N, 55)
    faces: Tensor  # (F, 3)
    joint_template: Tensor  # (55, 3)
    joint_directions: Tensor  # (55, 3, 10)
    _from_levels: Tensor  # (55,)
    _from_pose: Tensor  # (52,)
    _bone_parents: Tensor  # (54,)

    def __init__(self, body: BodyFile):
        super().__init__()
        self.name = body.name
        self.parents = PARENTS
        self._skin: SkinCapsules | None = None  # assigning the skin to bones takes a while: on first use
        template = torch.as_tensor(body.template)
        directions = torch.as_tensor(body.shape_directions)
        regressor = torch.as_tensor(body.regressor)
        correctives = None if body.pose_directions is None else torch.as_tensor(body.pose_directions)
        self._keep('template', template)
        self._keep('shape_directions', directions)
        self._keep('pose_directions', correctives)
        self._keep('weights', torch.as_tensor(body.weights))
        self._keep('faces', torch.as_tensor(body.faces))
        # regressed once: a joint is linear in beta, so no vertex is needed to place it
        self._keep('joint_template', regressor @ template)
        self._keep('joint_directions', torch.einsum('jn,nck->jck', regressor, directions))
        # index tensors, because indexing with lists would copy them to the device at every call
        for depth, level in enumerate(LEVELS):
            self._keep(f'_level{depth}', torch.tensor(level))
            if depth:
                above = LEVELS[depth - 1]
                self._keep(f'_above{depth}', torch.tensor([above.index(PARENTS[joint]) for joint in level]))
        self._keep('_from_levels', torch.tensor([joint for level in LEVELS for joint in level]).argsort())
        self._keep('_from_pose', torch.tensor(POSE_JOINTS).argsort())
        self._keep('_bone_parents', torch.tensor(PARENTS[1:]))

    def _keep(self, name: str, value: Tensor | None) -> None:
        """Registered, so that it follows ``.to(device)``, but no part of any checkpoint."""
        self.register_buffer(name, value, persistent=False)

    @classmethod
    def load(
        cls, path: str | Path | None = None, device: str | torch.device = 'cpu', betas: int = BETAS
    ) -> BodyModel:
        """The free body, or the SMPL-X file at ``path`` with at most ``betas`` shape directions.

        Raises:
            FileNotFoundError, ValueError: see :func:`chromm_ros.body.files.read_smplx`.
        """
        return cls(read_free() if not path else read_smplx(path, betas)).to(device)

    @classmethod
    def load_proxy(cls, device: str | torch.device = 'cpu') -> BodyModel:
        """The free body with a coarse skin (about 1 200 vertices) and exactly its joints, for rendering."""
        model = cls(read_free())
        vertices, faces = (torch.as_tensor(array) for array in read_proxy())
        model.template = model.template[vertices]
        model.shape_directions = model.shape_directions[vertices]
        model.weights = model.weights[vertices]
        model.faces = faces
        return model.to(device)

    def rest_joints(self, betas: Tensor) -> Tensor:
        """(..., 55, 3) joints of the rest pose in the frame of the file [m]; ``betas`` (..., 10)."""
        return self.joint_template + _shaped('jck,...k->...jc', self.joint_directions, betas)

    def rest_vertices(self, betas: Tensor) -> Tensor:
        """(..., N, 3) skin of the rest pose in the frame of the file [m]; ``betas`` (..., 10)."""
        return self.template + _shaped('nck,...k->...nc', self.shape_directions, betas)

    def joint_rotations(self, pose: Tensor, root_rotation: Tensor | None = None) -> Tensor:
        """(..., 55, 3, 3) rotations of the joints' frames to the body's outer frame.

        Args:
            pose: (..., 52, 3, 3).
            root_rotation: (..., 3, 3) outer frame from body; None: unrotated.
        """
        local = self._local_rotations(pose, root_rotation)
        levels = [local[..., :1, :, :]]
        for level, above in self._levels_below_root():
            levels.append(levels[-1][..., above, :, :] @ local[..., level, :, :])
        return torch.cat(levels, -3)[..., self._from_levels, :, :]

    def joints(self, betas: Tensor, pose: Tensor, root_rotation: Tensor | None = None) -> Tensor:
        """(..., 55, 3) joints with the pelvis at the origin [m], without skinning.

        Args:
            betas: (..., 10).
            pose: (..., 52, 3, 3).
            root_rotation: (..., 3, 3) outer frame from body; None: unrotated (CHROMM's canonical joints).
        """
        return self._place(self.rest_joints(betas), self.joint_rotations(pose, root_rotation))

    def vertices(self, betas: Tensor, pose: Tensor, root_rotation: Tensor | None = None) -> Tensor:
        """(..., N, 3) skin with the pelvis at the origin [m]; arguments as in :meth:`joints`."""
        return self.skin_and_joints(betas, pose, root_rotation)[0]

    def skin_and_joints(
        self, betas: Tensor, pose: Tensor, root_rotation: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Vertices (..., N, 3) and joints (..., 55, 3) by linear blend skinning, pelvis at the origin [m]."""
        rest_joints = self.rest_joints(betas)
        rotations = self.joint_rotations(pose, root_rotation)
        joints = self._place(rest_joints, rotations)
        vertices = self.rest_vertices(betas)
        if self.pose_directions is not None:
            local = self._local_rotations(pose, None)[..., 1:, :, :]
            change = (local - torch.eye(3, dtype=local.dtype, device=local.device)).flatten(-3)
            vertices = vertices + torch.einsum('nck,...k->...nc', self.pose_directions, change)
        shift = joints - (rotations @ rest_joints[..., None])[..., 0]
        transforms = torch.cat([rotations.flatten(-2), shift], -1)  # (..., 55, 12)
        blended = self.weights @ transforms  # (..., N, 12)
        turned = (blended[..., :9].unflatten(-1, (3, 3)) @ vertices[..., None])[..., 0]
        return turned + blended[..., 9:], joints

    def smplx_transl(self, betas: Tensor, pose: Tensor, root_rotation: Tensor, head: Tensor) -> Tensor:
        """(..., 3) the ``transl`` that makes ``smplx`` put the head joint at ``head`` (..., 3).

        SMPL-X turns about its rest pelvis, which lies away from the origin of the file: transl = pelvis - J0(betas).
        """
        pelvis = head - self.joints(betas, pose, root_rotation)[..., HEAD, :]
        return pelvis - self.rest_joints(betas)[..., 0, :]

    def height(self, betas: Tensor) -> Tensor:
        """(...) standing height in the rest pose [m]."""
        up = self.template[:, 1] + torch.einsum('nk,...k->...n', self.shape_directions[:, 1], betas)
        return up.amax(-1) - up.amin(-1)

    def capsules(self, betas: Tensor) -> Capsules:
        """Capsules around the 54 bones that hold the skin in any pose; ``betas`` (..., 10)."""
        if self._skin is None or self._skin.device != self.template.device:
            self._skin = SkinCapsules(self.template, self.joint_template, self.weights)
        return Capsules(self._skin.radii(self.rest_vertices(betas), self.rest_joints(betas)))

    def cylinder(self, joints: Tensor, betas: Tensor) -> Cylinder:
        """The upright cylinder around a body.

        Args:
            joints: (..., 55, 3) world, z up [m].
            betas: (..., 10).
        """
        return bounding_cylinder(joints, self.capsules(betas))

    def _local_rotations(self, pose: Tensor, root_rotation: Tensor | None) -> Tensor:
        """(..., 55, 3, 3): the root, the 52 rotations at their joints, identity for the eyes."""
        identity = torch.eye(3, dtype=pose.dtype, device=pose.device).expand(*pose.shape[:-3], 1, 3, 3)
        root = identity if root_rotation is None else root_rotation.expand(*pose.shape[:-3], 3, 3).unsqueeze(-3)
        turned = pose[..., self._from_pose, :, :]  # joints 1..22, 25..54
        return torch.cat([root, turned[..., :22, :, :], identity, identity, turned[..., 22:, :, :]], -3)

    def _place(self, rest_joints: Tensor, rotations: Tensor) -> Tensor:
        """Positions along the tree: each joint sits at the end of its bone, turned by its parent's frame."""
        bones = rest_joints[..., 1:, :] - rest_joints[..., self._bone_parents, :]
        turned = (rotations[..., self._bone_parents, :, :] @ bones[..., None])[..., 0]  # (..., 54, 3)
        levels = [torch.zeros_like(turned[..., :1, :])]
        for level, above in self._levels_below_root():
            levels.append(levels[-1][..., above, :] + turned[..., level - 1, :])
        return torch.cat(levels, -2)[..., self._from_levels, :]

    def _levels_below_root(self) -> list[tuple[Tensor, Tensor]]:
        """Per level its joints, and the places of their parents in the level above."""
        return [(getattr(self, f'_level{d}'), getattr(self, f'_above{d}')) for d in range(1, len(LEVELS))]


def _shaped(equation: str, directions: Tensor, betas: Tensor) -> Tensor:
    """Displacements by as many coefficients as both sides have: truth may have more than are estimated."""
    count = min(directions.shape[-1], betas.shape[-1])
    return torch.einsum(equation, directions[..., :count], betas[..., :count])
