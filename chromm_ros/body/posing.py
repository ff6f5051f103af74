"""Bodies of any model and gender posed in numpy, many at a time: for truth and scores, where float64 matters.

The network's own body is :class:`chromm_ros.body.model.BodyModel`. Here the placement is that of the files of SMPL:
joints turn about the rest pelvis J0(betas), then ``transl`` is added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from chromm_ros.body.files import BodyFile


class PosedBody:
    """Joints and vertices of one body file. The batch is any leading axes; F below."""

    def __init__(self, file: BodyFile) -> None:
        self.file = file
        self.parents = file.parents
        self.template = file.template.astype(np.float64)
        self.shape_directions = file.shape_directions.astype(np.float64)
        regressor = file.regressor.astype(np.float64)
        self.joint_template = regressor @ self.template
        self.joint_directions = np.einsum('jn,nck->jck', regressor, self.shape_directions)

    def rest_joints(self, betas: np.ndarray) -> np.ndarray:
        """(F, J, 3) joints of the rest pose [m]; ``betas`` (F, B), of which as many count as the file has."""
        betas = betas[..., : self.joint_directions.shape[-1]]
        return self.joint_template + np.einsum(
            'jck,...k->...jc', self.joint_directions[..., : betas.shape[-1]], betas
        )

    def joints(self, betas: np.ndarray, root: np.ndarray, pose: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """(F, J, 3) [m].

        Args:
            betas: (F, B).
            root: (F, 3, 3) outer frame from body.
            pose: (F, J - 1, 3, 3) relative to the parents.
            transl: (F, 3) [m].
        """
        rest = self.rest_joints(betas)
        return self._chain(rest, root, pose)[1] + transl[..., None, :]

    def vertices(self, betas: np.ndarray, root: np.ndarray, pose: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """(F, N, 3) [m]; arguments as in :meth:`joints`."""
        return self.regressor(None)(betas, root, pose, transl)

    def regressor(self, matrix: Any | None) -> SkinRegressor:
        """What takes points out of the posed skin: ``matrix`` (P, N), dense or sparse; None: all vertices."""
        return SkinRegressor(self, matrix)

    def _chain(self, rest: np.ndarray, root: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (F, J, 3, 3) and positions (F, J, 3) along the tree, in the outer frame less ``transl``."""
        count = len(self.parents)
        rotations = np.empty((*root.shape[:-2], count, 3, 3))
        positions = np.empty((*root.shape[:-2], count, 3))
        rotations[..., 0, :, :], positions[..., 0, :] = root, rest[..., 0, :]
        for joint in range(1, count):
            parent = self.parents[joint]
            above = rotations[..., parent, :, :]
            rotations[..., joint, :, :] = above @ pose[..., joint - 1, :, :]
            bone = rest[..., joint, :] - rest[..., parent, :]
            positions[..., joint, :] = positions[..., parent, :] + (above @ bone[..., None])[..., 0]
        return rotations, positions


class SkinRegressor:
    """Linear functions of the posed skin, such as joints regressed from vertices, without posing every vertex.

    A posed vertex is sum_b W[v, b] (R_b x_v + t_b) with x_v = T_v + S_v betas + P_v theta. For a row C of the matrix
    the sum over v can be done once: sum_b R_b (sum_v C[v] W[v, b] x_v) + (sum_v C[v] W[v, b]) t_b.
    """

    def __init__(self, body: PosedBody, matrix: Any | None) -> None:
        self.body = body
        weights = body.file.weights.astype(np.float64)
        vertices = len(weights)
        matrix = scipy.sparse.identity(vertices, format='csr') if matrix is None else scipy.sparse.csr_matrix(matrix)
        if matrix.shape[1] != vertices:
            raise ValueError(f'{body.file.name} has {vertices} vertices, the regressor is made for {matrix.shape[1]}')
        parts = []
        for bone in range(weights.shape[1]):
            product = matrix.multiply(weights[:, bone][None]).tocsr()
            rows = np.flatnonzero(product.getnnz(axis=1))
            parts.append((rows, np.full(len(rows), bone), product[rows]))
        rows = np.concatenate([part[0] for part in parts])
        order = np.argsort(rows, kind='stable')  # so that the parts of a point lie together and are summed in one go
        self._bone = np.concatenate([part[1] for part in parts])[order]
        mixed = scipy.sparse.vstack([part[2] for part in parts]).tocsr()[order]
        self._points, self._starts = np.unique(rows[order], return_index=True)
        self._count = matrix.shape[0]
        self._share = np.asarray(mixed.sum(1))[:, 0]
        self._template = mixed @ body.template
        self._shapes = (mixed @ body.shape_directions.reshape(vertices, -1)).reshape(len(rows), 3, -1)
        self._correctives: np.ndarray | None = None
        if body.file.pose_directions is not None:
            flat = body.file.pose_directions.reshape(vertices, -1).astype(np.float64)
            self._correctives = (mixed @ flat).reshape(len(rows), 3, -1)

    def __call__(self, betas: np.ndarray, root: np.ndarray, pose: np.ndarray, transl: np.ndarray) -> np.ndarray:
        """(F, P, 3) [m]; arguments as in :meth:`PosedBody.joints`."""
        lead = root.shape[:-2]
        betas = np.broadcast_to(betas, (*lead, betas.shape[-1]))[..., : self._shapes.shape[-1]]
        rest = self.body.rest_joints(betas)
        rotations, positions = self.body._chain(rest, root, pose)
        offsets = positions + transl[..., None, :] - (rotations @ rest[..., None])[..., 0]
        points = self._template + np.einsum('mck,...k->...mc', self._shapes[..., : betas.shape[-1]], betas)
        if self._correctives is not None:
            change = (pose - np.eye(3)).reshape(*lead, -1)
            points = points + np.tensordot(change, self._correctives, (-1, -1))
        moved = (rotations[..., self._bone, :, :] @ points[..., None])[..., 0]
        moved += self._share[:, None] * offsets[..., self._bone, :]
        result = np.zeros((*lead, self._count, 3))
        result[..., self._points, :] = np.add.reduceat(moved, self._starts, axis=-2)
        return result
