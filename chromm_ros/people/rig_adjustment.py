"""Estimated cameras, corrected by the people that several of them see: a small bundle adjustment.

A head is seen well across its viewing ray and badly along it; a camera pose that a network estimated is off by much
more than a pixel. The poses and heads are searched under which both are as likely as possible. What is not seen
(where the whole rig is) stays: every camera is held where the network put it, as firmly as that is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import roma
import torch

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Tracklets, ViewPeople
from chromm_ros.people.rig_hypotheses import match_misplaced
from chromm_ros.people.tracklet_stack import TrackletStack

STEPS = 4
"""Gauss-Newton steps, after which the poses hardly change."""


def adjust_rig(people: ViewPeople, tracklets: Tracklets, errors: EstimateErrors) -> np.ndarray:
    """(V, 4, 4) rigid corrections: ``correction[v] @ world_from_camera[v]`` is where view v more likely is.

    Args:
        errors: of the network that made the detections, and the cameras where they were not given.

    Returns:
        One correction per view for all steps; the identity for a view that shares nobody with another one.
    """
    stack = TrackletStack.of(people, tracklets, joints=1)
    corrections = np.tile(np.eye(4), (len(people.valid), 1, 1))
    if not len(stack.view):
        return corrections
    last = _last_seen(people)
    views = np.arange(len(people.valid))
    position, rotation = errors.cameras(people.given[views, last])
    shared = _Shared.of(people, stack, match_misplaced(people, stack, position, errors), errors)
    if not len(shared.view):
        return corrections
    newest = people.world_from_camera[views, last]
    turn, shift = shared.fit(newest, np.repeat(np.stack([rotation, position], -1), 3, -1))
    corrections[:, :3, :3] = turn
    corrections[:, :3, 3] = newest[:, :3, 3] + shift - (turn @ newest[:, :3, 3, None])[..., 0]
    return corrections


@dataclass(frozen=True)
class _Shared:
    """R observations of P heads that at least two views see: a head is one person at one step."""

    view: np.ndarray  # (R,)
    head: np.ndarray  # (R,) which of the P heads
    place: np.ndarray  # (R, 3) in the frame of the camera [m]
    information: np.ndarray  # (R, 3, 3) its inverse covariance there
    views: int

    @staticmethod
    def of(people: ViewPeople, stack: TrackletStack, groups: np.ndarray, errors: EstimateErrors) -> _Shared:
        view, step, _ = stack.rows
        group = groups[stack.of_row]
        _, head, count = np.unique(group * people.valid.shape[1] + step, return_inverse=True, return_counts=True)
        kept = count[head] > 1  # a person is at most once in an image
        _, head = np.unique(head[kept], return_inverse=True)
        place = people.head[stack.rows][kept].astype(float)
        depth = np.linalg.norm(place, axis=-1)
        ray = place / depth[:, None]
        along, across = (errors.depth * depth) ** -2.0, (errors.direction * depth) ** -2.0
        outer = ray[:, :, None] * ray[:, None, :]
        information = across[:, None, None] * np.eye(3) + (along - across)[:, None, None] * outer
        alike = stack.present.sum(-1)[stack.of_row][kept]  # the errors of a tracklet repeat at every step
        return _Shared(view[kept], head, place, information / alike[:, None, None], len(people.valid))

    def fit(self, poses: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotations (V, 3, 3) and translations (V, 3), both in the world, that each camera turns and moves by.

        Args:
            poses: (V, 4, 4) world_from_camera where the network put them.
            sigma: (V, 6) standard deviations of rotation vector and translation.
        """
        rotation, centre, weight = poses[:, :3, :3], poses[:, :3, 3], np.ones(len(self.view))
        for _ in range(STEPS):
            turn, shift = rotation @ poses[:, :3, :3].swapaxes(-1, -2), centre - poses[:, :3, 3]
            moved = np.concatenate([_vectors(turn), shift], -1)
            step, weight = self._step(rotation, centre, weight, moved, sigma**-2.0)
            rotation, centre = _rotations(step[:, :3]) @ rotation, centre + step[:, 3:]
        return rotation @ poses[:, :3, :3].swapaxes(-1, -2), centre - poses[:, :3, 3]

    def _step(
        self, rotation: np.ndarray, centre: np.ndarray, weight: np.ndarray, moved: np.ndarray, known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """A Gauss-Newton step (V, 6) of all cameras with the heads eliminated, and new weights (R,).

        Args:
            rotation: (V, 3, 3) and
            centre: (V, 3) of the cameras.
            weight: (R,) of the observations.
            moved: (V, 6) rotation vector and translation from where the network put the cameras,
            known: (V, 6) how firmly they are held there.
        """
        lever = np.einsum('rij,rj->ri', rotation[self.view], self.place)
        point = lever + centre[self.view]
        precision = rotation[self.view] @ self.information @ rotation[self.view].swapaxes(-1, -2)
        error, _ = self._errors(point, precision * weight[:, None, None])
        weight = 1 / (1 + np.einsum('ri,rij,rj->r', error, precision, error))  # Cauchy: a wrong match pulls little
        information = precision * weight[:, None, None]
        error, total = self._errors(point, information)
        jacobian = np.concatenate([_cross_matrices(-lever), np.broadcast_to(np.eye(3), (len(lever), 3, 3))], -1)
        weighted = information @ jacobian
        gradient, own = np.zeros((self.views, 6)), np.zeros((self.views, 6, 6))
        np.add.at(gradient, self.view, np.einsum('rij,ri->rj', weighted, error))
        np.add.at(own, self.view, jacobian.swapaxes(-1, -2) @ weighted)
        coupling = np.zeros((len(total), self.views, 3, 6))
        np.add.at(coupling, (self.head, self.view), weighted)
        hessian = -np.einsum('pvik,pwil->vkwl', coupling, np.linalg.solve(total[:, None], coupling))
        views = np.arange(self.views)
        hessian[views, :, views] += own + known[:, :, None] * np.eye(6)
        flat = hessian.reshape(6 * self.views, 6 * self.views)
        step = -np.linalg.solve(flat, (gradient + known * moved).reshape(-1))
        return step.reshape(self.views, 6), weight

    def _errors(self, point: np.ndarray, information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Offsets (R, 3) of the observations from their heads, and the information (P, 3, 3) about each head."""
        total, pull = np.zeros((self.head.max() + 1, 3, 3)), np.zeros((self.head.max() + 1, 3))
        np.add.at(total, self.head, information)
        np.add.at(pull, self.head, np.einsum('rij,rj->ri', information, point))
        return point - np.linalg.solve(total, pull[..., None])[self.head, :, 0], total


def _last_seen(people: ViewPeople) -> np.ndarray:
    """(V,) newest step at which each view gave an image."""
    return people.seen.shape[1] - 1 - people.seen[:, ::-1].argmax(1)


def _cross_matrices(vectors: np.ndarray) -> np.ndarray:
    """(R, 3, 3) matrices that multiply by ``vectors`` x."""
    return np.cross(vectors[:, None, :], np.eye(3)).swapaxes(-1, -2)


def _rotations(vectors: np.ndarray) -> np.ndarray:
    return roma.rotvec_to_rotmat(torch.from_numpy(vectors)).numpy()


def _vectors(rotations: np.ndarray) -> np.ndarray:
    return roma.rotmat_to_rotvec(torch.from_numpy(rotations)).numpy()
