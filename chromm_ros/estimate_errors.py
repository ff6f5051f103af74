"""How far a network's estimates are from the truth: the one model that everything which trusts them derives from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

GIVEN_POSITION, GIVEN_ROTATION = 0.01, 0.0025
"""What a given rig (TF) is good for: standard deviations of a camera's position [m] and orientation [rad]."""


@dataclass(frozen=True)
class EstimateErrors:
    """Standard deviations of the estimates of one network; part of its preset."""

    direction: float = 0.006
    """Viewing ray through a detected head [rad]; times the focal length: the head in pixels."""
    depth: float = 0.08
    """Distance of a person, as a part of it."""
    joints: float = 0.1
    """A joint about the head [m]."""
    camera_position: float = GIVEN_POSITION
    """An estimated camera, per axis [m]."""
    camera_rotation: float = GIVEN_ROTATION
    """The same for its orientation [rad]."""

    @property
    def rough_rig(self) -> bool:
        """Estimated cameras are off by so much more than given ones that their rays do not meet."""
        return self.camera_position > GIVEN_POSITION

    def cameras(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Standard deviations (...) of position [m] and orientation [rad] of cameras, ``given`` (...) or not."""
        return (
            np.where(given, GIVEN_POSITION, self.camera_position),
            np.where(given, GIVEN_ROTATION, self.camera_rotation),
        )

    def with_camera_position(self, position: float) -> EstimateErrors:
        """The same with another error of the cameras' positions [m]; their orientations err in proportion."""
        return replace(
            self,
            camera_position=position,
            camera_rotation=self.camera_rotation * position / self.camera_position,
        )
