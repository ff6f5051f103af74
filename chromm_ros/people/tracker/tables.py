"""What the tracker reads: all detections of one image set in one table, and what the cameras see of the scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.arrays import length
from chromm_ros.geometry.cameras import invert_rigid, project, rotate, transform, unproject
from chromm_ros.skeleton import BODY_JOINTS, HEAD

NEAREST = 0.05
"""Depth [m] below which a point is not in front of a camera."""


@dataclass(frozen=True)
class HeadDetections:
    """N detections of V views at one time, in the world frame."""

    view: np.ndarray
    """(N,) index of the view."""
    row: np.ndarray
    """(N,) index of the detection among the M of its view."""
    score: np.ndarray  # (N,) in [0, 1]
    betas: np.ndarray  # (N, 10)
    posture: np.ndarray
    """(N, 22, 3) joints relative to the head, world axes [m]: posture and facing."""
    centre: np.ndarray  # (N, 3) of the camera [m]
    ray: np.ndarray  # (N, 3) unit, from the camera through the detected head
    distance: np.ndarray
    """(N,) of the head from the camera as the view estimates it [m]."""

    def __len__(self) -> int:
        return len(self.view)

    @property
    def point(self) -> np.ndarray:
        """(N, 3) head as the view estimates it [m]."""
        return self.centre + self.distance[:, None] * self.ray

    @staticmethod
    def of(people: ViewPeople, usable: np.ndarray, step: int = -1) -> HeadDetections:
        """The ``usable`` (V, T, M) detections of one step of a window."""
        view, row = np.nonzero(usable[:, step])
        at = (view, np.full(len(view), step), row)
        pose = people.world_from_camera[view, step].astype(float)
        head = people.head[at].astype(float)
        local = unproject(people.head_px[at].astype(float), np.ones(len(view)), people.intrinsics[view, step])
        world_from_body = pose[:, :3, :3] @ people.root_rotation[at]
        joints = people.canonical_joints[at][:, :BODY_JOINTS].astype(float)
        return HeadDetections(
            view=view,
            row=row,
            score=people.score[at].astype(float),
            betas=people.betas[at].astype(float),
            posture=rotate(world_from_body, joints - joints[:, HEAD, None]),
            centre=pose[:, :3, 3],
            ray=rotate(pose[:, :3, :3], local / length(local)[:, None]),
            distance=head[:, 2] * length(local),
        )


@dataclass(frozen=True)
class Sighted:
    """Points (...) as V cameras see them."""

    pixels: np.ndarray  # (V, ..., 2)
    depth: np.ndarray  # (V, ...) z in the camera frame [m]
    inside: np.ndarray  # (V, ...) bool: inside the image
    behind: np.ndarray
    """(V, ...) how far behind the point the scene is there [m]; negative: it hides the point; NaN: not known."""


@dataclass(frozen=True)
class CameraViews:
    """Where V cameras are at one time, and how far they see."""

    intrinsics: np.ndarray  # (V, 3, 3) pixels of the camera images
    world_from_camera: np.ndarray  # (V, 4, 4)
    sizes: np.ndarray  # (V, 2) width, height of the images [px]
    depth: np.ndarray
    """(V, h, w) z of the scene on a grid over each image [m]; NaN: not known."""
    seen: np.ndarray
    """(V,) bool: the camera gave an image."""
    position_error: np.ndarray
    """(V,) standard deviation of the camera positions [m]."""

    def look_at(self, points: np.ndarray) -> Sighted:
        """Where points (..., 3), world [m], are in the images."""
        flat = points.reshape(-1, 3)
        views = len(self.seen)
        local = transform(invert_rigid(self.world_from_camera), np.broadcast_to(flat, (views, *flat.shape)))
        depth = local[..., 2]
        pixels = project(np.where(depth[..., None] > NEAREST, local, [0.0, 0.0, 1.0]), self.intrinsics)
        height, width = self.depth.shape[1:]
        cells = np.floor(pixels / self.sizes[:, None] * (width, height))
        inside = (depth > NEAREST) & self.seen[:, None] & ((cells >= 0) & (cells < (width, height))).all(-1)
        column, row = np.where(inside[..., None], cells, 0).astype(int).transpose(2, 0, 1)
        behind = self.depth[np.arange(views)[:, None], row, column] - depth
        shape = (views, *points.shape[:-1])
        return Sighted(pixels.reshape(*shape, 2), depth.reshape(shape), inside.reshape(shape), behind.reshape(shape))
