"""How far a network's estimates are from the truth: the one model that everything which trusts them derives from."""

from __future__ import annotations

from dataclasses import dataclass, replace

GIVEN_POSITION, GIVEN_ROTATION = 0.01, 0.002
"""What a calibrated rig (TF) is good for: standard deviations of a camera's position [m] and orientation [rad]."""


@dataclass(frozen=True)
class EstimateErrors:
    """Standard deviations of the estimates of one network; part of its preset."""

    direction: float = 0.006
    """Viewing ray through a detected head [rad]; times the focal length, pixels of the head."""
    depth: float = 0.08
    """Distance of a person, as a part of it."""
    joints: float = 0.1
    """A joint about the head [m]."""
    camera_position: float = 0.0
    """An estimated camera, per axis [m]; 0: as good as a given one."""
    camera_rotation: float = 0.0
    """The same for its orientation [rad]."""

    @property
    def rig_is_rough(self) -> bool:
        """Rays of cameras that were only estimated do not meet, and people may correct the cameras."""
        return self.camera_position > 0

    def with_camera_position(self, position: float) -> EstimateErrors:
        """The same network with other errors of position [m]; orientations err in proportion."""
        ratio = self.camera_rotation / self.camera_position if self.camera_position else TURN_PER_METRE
        return replace(self, camera_position=position, camera_rotation=ratio * position)


TURN_PER_METRE = 0.25
"""A network that misplaces a camera by a metre turns it by this angle [rad], where nothing else is known."""
