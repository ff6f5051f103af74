"""Bundle adjustment of cameras over the landmarks of people: poses and focal lengths, the landmarks eliminated.

Cameras are where the landmarks that they see project to the pixels where they were seen. How far a landmark is along
its ray counts a little, as the size of a body tells it: that sets the scale of the rig, and holds a rig that sees
people under hardly any parallax.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import roma
import torch

ANGLE_NOISE = 0.008
"""Standard deviation of a landmark across its ray [rad]."""

DEPTH_NOISE = 0.6
"""The same along it, as a part of the distance: the error of 0.15 of a person, which all landmarks share."""

ROBUST = 2.0
"""Standard deviations from which an observation pulls less (Cauchy)."""

STEPS = 20
"""Steps of Levenberg and Marquardt at most."""

CONVERGED = 1e-4
"""Relative change of the cost at which the search ends."""

NEAR = 0.1
"""[m] points nearer to a camera, or behind it, are taken to be here: a reprojection has no meaning there."""

PINNED = 1e-3
"""Relative standard deviation of a scale that is taken as given."""

PARAMETERS = 7
"""Of a camera: rotation vector and translation in the world, logarithm of the focal length over the given one."""


@dataclass(frozen=True)
class Observations:
    """R observations of N points by V cameras."""

    view: np.ndarray  # (R,) int
    point: np.ndarray  # (R,) int
    pixels: np.ndarray  # (R, 2)
    weights: np.ndarray  # (R,) in [0, 1]; all that repeat each other count as one
    distance: np.ndarray  # (R,) from the camera, by the size of a body [m]
    person: np.ndarray  # (N,) whose landmark each point is
    landmark: np.ndarray  # (N,) which one

    def take(self, kept: np.ndarray) -> Observations:
        """Those of the observations that are ``kept`` (R,) bool, and their points."""
        points, point = np.unique(self.point[kept], return_inverse=True)
        return Observations(
            self.view[kept],
            point,
            self.pixels[kept],
            self.weights[kept],
            self.distance[kept],
            self.person[points],
            self.landmark[points],
        )


@dataclass(frozen=True)
class Slack:
    """Given poses (V, 4, 4), and how exact they are: standard deviations of each angle [rad] and coordinate [m]."""

    poses: np.ndarray
    angle: float
    place: float

    @property
    def precision(self) -> np.ndarray:
        """(6,) inverse variances of rotation vector and translation."""
        return np.repeat([self.angle**-2, self.place**-2], 3)

    def deviation(self, poses: np.ndarray) -> np.ndarray:
        """(V, 6) rotation vectors and translations from the given poses to ``poses`` (V, 4, 4), world axes."""
        turns = poses[:, :3, :3] @ self.poses[:, :3, :3].swapaxes(-1, -2)
        vectors = roma.rotmat_to_rotvec(torch.from_numpy(np.ascontiguousarray(turns))).numpy()
        return np.concatenate([vectors, poses[:, :3, 3] - self.poses[:, :3, 3]], -1)


@dataclass(frozen=True)
class Cameras:
    """V cameras and what is known of them beforehand."""

    poses: np.ndarray  # (V, 4, 4) world_from_camera
    intrinsics: np.ndarray  # (V, 3, 3) [px]
    known: np.ndarray
    """(V,) bool: the pose is given, and stays where there is no ``slack``."""
    focal_precision: np.ndarray
    """(V, V) inverse covariance of the logarithms of the focal lengths about those of ``intrinsics``."""
    zoom: np.ndarray
    """(V,) logarithm of the focal length over that of ``intrinsics``."""
    slack: Slack | None = None
    """How far the known poses may be off; None: not at all."""

    @property
    def adjusted_intrinsics(self) -> np.ndarray:
        """(V, 3, 3) with the focal lengths that were found."""
        intrinsics = self.intrinsics.copy()
        intrinsics[:, :2, :2] *= np.exp(self.zoom)[:, None, None]
        return intrinsics


@dataclass(frozen=True)
class Adjusted:
    """The result of an adjustment."""

    cameras: Cameras
    points: np.ndarray  # (N, 3) world [m]
    miss: np.ndarray
    """(R,) angle between the ray of an observation and its point [rad]."""
    covariance: np.ndarray
    """(V, 7, 7) of each camera; 0 for those that are known. With fewer than two, the scale of the rig is left out."""


def adjust(observed: Observations, cameras: Cameras) -> Adjusted:
    """The likeliest cameras and points. The first camera stays where no pose is known."""
    fixed = np.zeros((len(cameras.poses), PARAMETERS), bool)
    if cameras.slack is None:
        fixed[cameras.known, :6] = True
    if not cameras.known.any():
        fixed[0, :6] = True
    points = first_points(observed, cameras)
    damping: float = 1e-3
    cost: float = _cost(observed, cameras, points)
    for _ in range(STEPS):
        system = _System.of(observed, cameras, points)
        while damping < 1e6:
            moved, shifted = system.solved(cameras, points, fixed, damping)
            new = _cost(observed, moved, shifted)
            if new < cost:
                break
            damping *= 5
        else:
            break
        converged = cost - new < CONVERGED * cost
        cameras, points, cost, damping = moved, shifted, new, max(damping / 5, 1e-7)
        if converged:
            break
    system = _System.of(observed, cameras, points)
    return Adjusted(cameras, points, _misses(observed, cameras, points), system.covariance(cameras, fixed))


def delays(
    observed: Observations, adjusted: Adjusted, velocity: np.ndarray, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """How late the images of each camera are, to first order about cameras and points that were ``adjusted``.

    Args:
        velocity: (N, 3) of the points [m/s].
        noise: standard deviation of a delay beforehand [s].

    Returns:
        (V,) delays [s], and their covariance (V, V). What all have in common is not told.
    """
    cameras = adjusted.cameras
    system = _System.of(observed, cameras, adjusted.points, velocity)
    matrix, gradient, _ = system._reduced(0.0)
    views, size = system.gradient.shape
    fixed = np.zeros((views, size), bool)
    fixed[cameras.known if cameras.known.any() else np.arange(views) == 0, :6] = True
    late = np.arange(views * size) % size == PARAMETERS
    matrix[late, late] += noise**-2
    free = np.nonzero(~fixed.ravel())[0]
    covariance = np.linalg.pinv(matrix[np.ix_(free, free)], hermitian=True)
    found = -covariance @ gradient[free]
    return found[late[free]], covariance[np.ix_(late[free], late[free])]


def first_points(observed: Observations, cameras: Cameras) -> np.ndarray:
    """(N, 3) where the views together place the points, depths weighing little."""
    ray, origin = rays(observed, cameras)
    distance = observed.distance * np.exp(cameras.zoom[observed.view])
    place = origin + ray * distance[:, None]
    outer = ray[:, :, None] * ray[:, None, :]
    information = (np.eye(3) - outer) / (ANGLE_NOISE * distance)[:, None, None] ** 2
    information += outer / (DEPTH_NOISE * distance)[:, None, None] ** 2
    information *= np.maximum(observed.weights, 1e-6)[:, None, None]
    total, pull = np.zeros((len(observed.person), 3, 3)), np.zeros((len(observed.person), 3))
    np.add.at(total, observed.point, information)
    np.add.at(pull, observed.point, np.einsum('rij,rj->ri', information, place))
    return np.linalg.solve(total, pull[..., None])[..., 0]


def rays(observed: Observations, cameras: Cameras) -> tuple[np.ndarray, np.ndarray]:
    """(R, 3) directions in the world, and (R, 3) centres of their cameras."""
    intrinsics = cameras.adjusted_intrinsics[observed.view]
    homogeneous = np.concatenate([observed.pixels, np.ones((len(observed.pixels), 1))], -1)
    direction = np.linalg.solve(intrinsics, homogeneous[..., None])[..., 0]
    direction = np.einsum('rij,rj->ri', cameras.poses[observed.view, :3, :3], direction)
    return direction / np.linalg.norm(direction, axis=-1, keepdims=True), cameras.poses[observed.view, :3, 3]


@dataclass(frozen=True)
class _System:
    """Normal equations about a point of the search."""

    camera: np.ndarray  # (V, 7, V, 7) after the points were eliminated
    gradient: np.ndarray  # (V, 7)
    coupling: np.ndarray  # (N, V, 3, 7)
    point: np.ndarray  # (N, 3, 3)
    point_gradient: np.ndarray  # (N, 3)
    own: np.ndarray  # (V, 7, 7) before

    @staticmethod
    def of(
        observed: Observations, cameras: Cameras, points: np.ndarray, velocity: np.ndarray | None = None
    ) -> _System:
        """With the ``velocity`` (N, 3) of the points [m/s], how late a camera is is one parameter more."""
        residual, by_camera, by_point = _linearised(observed, cameras, points)
        if velocity is not None:
            by_delay = -np.einsum('rij,rj->ri', by_point, velocity[observed.point])
            by_camera = np.concatenate([by_camera, by_delay[..., None]], -1)
        weight = (observed.weights / (1 + (residual**2).sum(-1) / ROBUST**2))[:, None, None]
        views, count = len(cameras.poses), len(points)
        weighted_camera, weighted_point = by_camera * weight, by_point * weight
        size = by_camera.shape[-1]
        own, gradient = np.zeros((views, size, size)), np.zeros((views, size))
        np.add.at(own, observed.view, weighted_camera.swapaxes(-1, -2) @ by_camera)
        np.add.at(gradient, observed.view, np.einsum('rki,rk->ri', weighted_camera, residual))
        point, point_gradient = np.tile(1e-6 * np.eye(3), (count, 1, 1)), np.zeros((count, 3))
        np.add.at(point, observed.point, weighted_point.swapaxes(-1, -2) @ by_point)
        np.add.at(point_gradient, observed.point, np.einsum('rki,rk->ri', weighted_point, residual))
        coupling = np.zeros((count, views, 3, size))
        np.add.at(coupling, (observed.point, observed.view), weighted_point.swapaxes(-1, -2) @ by_camera)
        gradient[:, 6] += cameras.focal_precision @ cameras.zoom
        if cameras.slack is not None:
            known = np.flatnonzero(cameras.known)
            gradient[known, :6] += (cameras.slack.precision * cameras.slack.deviation(cameras.poses))[known]
            own[known, :6, :6] += np.diag(cameras.slack.precision)
        camera = np.zeros((views, size, views, size))
        camera[:, 6, :, 6] += cameras.focal_precision
        return _System(camera, gradient, coupling, point, point_gradient, own)

    def _reduced(self, damping: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Matrix (7V, 7V) and gradient (7V,) of the cameras alone, and the inverses (N, 3, 3) of the points."""
        inverse = np.linalg.inv(self.point * (1 + damping * np.eye(3)))
        carried = inverse[:, None] @ self.coupling  # (N, V, 3, 7)
        views = np.arange(len(self.gradient))
        count, size = len(self.point), self.gradient.size
        flat = self.coupling.transpose(0, 2, 1, 3).reshape(3 * count, size)
        matrix = self.camera - (flat.T @ carried.transpose(0, 2, 1, 3).reshape(3 * count, size)).reshape(
            self.camera.shape
        )
        matrix[views, :, views] += self.own * (1 + damping * np.eye(self.own.shape[-1]))
        gradient = self.gradient - np.einsum('nvik,ni->vk', carried, self.point_gradient)
        return matrix.reshape(size, size), gradient.ravel(), inverse

    def solved(
        self, cameras: Cameras, points: np.ndarray, fixed: np.ndarray, damping: float
    ) -> tuple[Cameras, np.ndarray]:
        """Cameras and points after a damped step."""
        matrix, gradient, inverse = self._reduced(damping)
        free = np.nonzero(~fixed.ravel())[0]
        step = np.zeros(fixed.size)
        step[free] = -np.linalg.solve(matrix[np.ix_(free, free)] + 1e-9 * np.eye(len(free)), gradient[free])
        by_camera = step.reshape(fixed.shape)
        back = self.point_gradient + np.einsum('nvik,vk->ni', self.coupling, by_camera)
        return _moved(cameras, by_camera), points - np.einsum('nij,nj->ni', inverse, back)

    def covariance(self, cameras: Cameras, fixed: np.ndarray) -> np.ndarray:
        """(V, 7, 7)."""
        matrix, _, _ = self._reduced(0.0)
        if cameras.known.sum() < 2:
            growth = np.zeros(fixed.shape)
            growth[:, 3:6] = cameras.poses[:, :3, 3] - cameras.poses[cameras.known.argmax(), :3, 3]
            matrix += np.outer(growth, growth) / PINNED**2 / max((growth**2).sum(), 1e-9) ** 2
        free = np.nonzero(~fixed.ravel())[0]
        full = np.zeros_like(matrix)
        full[np.ix_(free, free)] = np.linalg.pinv(matrix[np.ix_(free, free)], hermitian=True)
        views = np.arange(len(cameras.poses))
        return full.reshape(*fixed.shape, *fixed.shape)[views, :, views]


def _linearised(
    observed: Observations, cameras: Cameras, points: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals (R, 3) in standard deviations (two across the ray, one along it), their derivatives by the parameters
    of the camera (R, 3, 7) and of the point (R, 3, 3)."""
    rotation = cameras.poses[observed.view, :3, :3]
    offset = points[observed.point] - cameras.poses[observed.view, :3, 3]
    local = np.einsum('rji,rj->ri', rotation, offset)
    local[:, 2] = np.maximum(local[:, 2], NEAR)
    matrix = cameras.adjusted_intrinsics[observed.view]
    # by the focal length before: if it followed, a longer one would make every error smaller
    focal = cameras.intrinsics[observed.view, 0, 0]
    tangent = local[:, :2] / local[:, 2:]
    pixels = np.einsum('rij,rj->ri', matrix[:, :2, :2], tangent)
    length = np.linalg.norm(local, axis=-1)
    residual = np.empty((len(local), 3))
    sigma = ANGLE_NOISE * focal[:, None]
    residual[:, :2] = (pixels + matrix[:, :2, 2] - observed.pixels) / sigma
    zoom = cameras.zoom[observed.view]  # people look as large from twice as far with twice the focal length
    residual[:, 2] = (np.log(length / observed.distance) - zoom) / DEPTH_NOISE
    by_local = np.zeros((len(local), 3, 3))
    by_local[:, :2, :2] = matrix[:, :2, :2] / local[:, 2:, None]
    by_local[:, :2, 2] = -pixels / local[:, 2:]
    by_local[:, :2] /= sigma[..., None]
    by_local[:, 2] = local / length[:, None] ** 2 / DEPTH_NOISE
    by_point = by_local @ rotation.swapaxes(-1, -2)
    by_camera = np.zeros((len(local), 3, PARAMETERS))
    by_camera[:, :, :3] = by_point @ _cross_matrices(offset)
    by_camera[:, :, 3:6] = -by_point
    by_camera[:, :2, 6], by_camera[:, 2, 6] = pixels / sigma, -1 / DEPTH_NOISE
    return residual, by_camera, by_point


def _cost(observed: Observations, cameras: Cameras, points: np.ndarray) -> float:
    residual, _, _ = _linearised(observed, cameras, points)
    prior = cameras.zoom @ cameras.focal_precision @ cameras.zoom
    if cameras.slack is not None:
        prior += (cameras.slack.precision * cameras.slack.deviation(cameras.poses)[cameras.known] ** 2).sum()
    robust = ROBUST**2 * np.log1p((residual**2).sum(-1) / ROBUST**2)
    return float((observed.weights * robust).sum() + prior)


def _misses(observed: Observations, cameras: Cameras, points: np.ndarray) -> np.ndarray:
    ray, origin = rays(observed, cameras)
    offset = points[observed.point] - origin
    across = np.linalg.norm(np.cross(ray, offset), axis=-1)
    return np.arctan2(across, (ray * offset).sum(-1))


def _moved(cameras: Cameras, step: np.ndarray) -> Cameras:
    poses = cameras.poses.copy()
    turn = roma.rotvec_to_rotmat(torch.from_numpy(np.ascontiguousarray(step[:, :3]))).numpy()
    poses[:, :3, :3] = turn @ poses[:, :3, :3]
    poses[:, :3, 3] += step[:, 3:6]
    return replace(cameras, poses=poses, zoom=cameras.zoom + step[:, 6])


def _cross_matrices(vectors: np.ndarray) -> np.ndarray:
    """(R, 3, 3) matrices that multiply by ``vectors`` x."""
    return np.cross(vectors[:, None, :], np.eye(3)).swapaxes(-1, -2)
