"""Skin of people from the joint poses of a message: no pose parameters are needed, so any publisher can be drawn."""

from __future__ import annotations

import numpy as np

from chromm_ros.body.model import BodyModel


class Skin:
    """Linear blend skinning of the coarse free body on 55 posed joints."""

    def __init__(self) -> None:
        body = BodyModel.load_proxy()
        self.faces = body.faces.numpy().astype(np.uint32)  # (F, 3)
        self._template = body.template.numpy()
        self._directions = body.shape_directions.numpy()
        self._joint_template = body.joint_template.numpy()
        self._joint_directions = body.joint_directions.numpy()
        self._weights = body.weights.numpy()

    def vertices(self, joints: np.ndarray, rotations: np.ndarray, betas: np.ndarray) -> np.ndarray:
        """Skin of K people in the frame of their joints.

        Args:
            joints: (K, 55, 3) positions [m].
            rotations: (K, 55, 3, 3) outer frame from joint.
            betas: (K, 10); a shorter row counts as zeros beyond its end.

        Returns:
            (K, N, 3) float32 [m].
        """
        shape = np.zeros((len(joints), self._directions.shape[-1]), np.float32)
        shape[:, : betas.shape[-1]] = betas[:, : shape.shape[1]]
        rest = self._template + np.einsum('nck,pk->pnc', self._directions, shape)
        rest_joints = self._joint_template + np.einsum('jck,pk->pjc', self._joint_directions, shape)
        shift = joints - (rotations @ rest_joints[..., None])[..., 0]
        transforms = np.concatenate([rotations.reshape(-1, 55, 9), shift], -1).astype(np.float32)
        blended = self._weights @ transforms  # (K, N, 12)
        turn = blended[..., :9].reshape(*blended.shape[:2], 3, 3)
        return ((turn @ rest[..., None])[..., 0] + blended[..., 9:]).astype(np.float32)
