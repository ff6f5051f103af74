"""The newest images: what they see, from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.capture.scene.surfaces import Surfaces, seen_through
from chromm_ros.capture.scene.visibility import Visibility, joint_visibility
from chromm_ros.capture.window.windows import WindowStep
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Cloud
from chromm_ros.people.tracker import CameraViews


@dataclass(frozen=True)
class ImageEvidence:
    """One image set of the placed window."""

    surfaces: Surfaces
    scale: float
    """Metres of the world per metre of ``surfaces``."""
    step: WindowStep
    margin: float
    """How far the scene must be in front of a joint to hide it [m]."""

    def joints(self, joints: np.ndarray) -> Visibility:
        """Which of the joints (K, 55, 3), world [m], the images see."""
        return joint_visibility(
            joints, self.surfaces, self.scale, self.step.intrinsics, self.step.world_from_camera, self.margin
        )

    def through(self, points: np.ndarray) -> np.ndarray:
        """(K,) bool: an image sees through these points (K, 3), world [m]."""
        return seen_through(points, self.surfaces, self.scale, self.step.intrinsics, self.step.world_from_camera)

    def static_cloud(self) -> Cloud:
        """What the images see of the static scene."""
        return self.surfaces.static_cloud(self.scale, self.step.world_from_camera)

    def cameras(self, views: Sequence[str], errors: EstimateErrors) -> CameraViews:
        """The images as the tracker wants them, for all cameras of the rig.

        Args:
            views: names of all cameras; those without an image see nothing.
            errors: of the network, which say how well it places cameras that are not given.
        """
        count = len(views)
        at = [views.index(view) for view in self.step.rows]
        intrinsics, poses = np.tile(np.eye(3), (count, 1, 1)), np.tile(np.eye(4), (count, 1, 1))
        sizes, seen, error = np.ones((count, 2)), np.zeros(count, bool), np.zeros(count)
        depth = np.full((count, *self.surfaces.depth.shape[1:]), np.nan)
        intrinsics[at], poses[at] = self.step.intrinsics, self.step.world_from_camera
        sizes[at], depth[at], seen[at] = self.surfaces.sizes, self.surfaces.depth * self.scale, True
        given = np.array([row.given_pose is not None for row in self.step.rows.values()])
        error[at] = errors.cameras(given)[0]
        return CameraViews(intrinsics, poses, sizes, depth, seen, error)
