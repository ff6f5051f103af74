"""One camera: where it is, whether it stays there, and how its images arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from chromm_ros.capture.settings import WorldSettings
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.rotations import rotation_of, vector_of
from chromm_ros.geometry.similarity import Similarity

BUMP_SIGMAS = 3.5
"""A camera counts as bumped only beyond this many standard deviations of what the network misplaces by itself."""


@dataclass
class Camera:
    """What a session knows of one camera.

    ``given`` is a pose from outside (TF), ``estimated`` one from the network, ``pose`` the one in use.
    """

    stamp: int | None = None  # [ns] of the newest image that was used
    aspect: float = 0.0
    """Width over height of its images; 0: none came yet."""
    intrinsics: np.ndarray | None = None
    """(3, 3) in use, pixels of the camera image."""
    pose: np.ndarray | None = None
    """(4, 4) world_from_camera in use."""
    is_given: bool = False
    """The newest image came with a pose, which is used."""
    estimated: np.ndarray | None = None
    """(4, 4) where it stands: the mean of where windows put it, or the given pose, which windows may refine."""
    windows: int = 0
    """That the mean is of."""
    correction: np.ndarray = field(default_factory=lambda: np.zeros(6))
    """Mean of what people say about ``estimated``: (translation, rotation vector) in its frame."""
    corrections: int = 0
    deviation: np.ndarray = field(default_factory=lambda: np.zeros(6))
    """Recent mean of (translation, rotation vector) from the expected to the estimated pose, camera frame."""
    deviations: int = 0
    is_off: bool = False
    """It stays away from its given pose, which was reported."""

    @property
    def corrected(self) -> np.ndarray | None:
        """(4, 4) where it most likely stands; None: not known."""
        if self.estimated is None or not self.corrections:
            return self.estimated
        return _offset(self.estimated, self.correction)

    @property
    def errors(self) -> tuple[float, float]:
        """Distance [m] and angle [rad] from the given pose, of late; NaN where none is given."""
        if not self.is_given or not self.deviations:
            return math.nan, math.nan
        return self._distance()

    @property
    def bumped(self) -> bool:
        """It stays away from its given pose."""
        return self.is_given and self.is_off

    def average(self, pose: np.ndarray, given: np.ndarray | None, refine: bool, memory: int) -> None:
        """A standing camera: the mean over the last ``memory`` windows; a given pose starts with full weight.

        Args:
            pose: (4, 4) where this window puts it.
            given: (4, 4); None: no pose is given.
            refine: correct the given pose instead of keeping it.
            memory: windows.
        """
        if given is not None and not refine:
            self.estimated = given
            return
        if self.estimated is None:
            self.estimated, self.windows = (given, memory) if given is not None else (pose, 1)
            return
        self.windows = min(self.windows + 1, memory)
        self.estimated = _offset(self.estimated, _deviation(self.estimated, pose) / self.windows)

    def correct(self, pose: np.ndarray, memory: int) -> None:
        """Take in where people put the camera, (4, 4); the mean over the last ``memory`` times counts."""
        if self.estimated is not None:
            self.corrections = min(self.corrections + 1, memory)
            step = _deviation(self.estimated, pose) - self.correction
            self.correction = self.correction + step / self.corrections

    def compare(
        self, view: str, pose: np.ndarray, expected: np.ndarray, limits: WorldSettings, errors: EstimateErrors
    ) -> str | None:
        """Watch for a bump; a sentence when the camera starts to be off, and one when it is right again.

        Args:
            view: its name.
            pose, expected: (4, 4).
            limits: what counts as off, and for how many windows.
            errors: of the network, which misplaces cameras that stand where they should, too.
        """
        self.deviations = min(self.deviations + 1, limits.bump_windows)
        self.deviation = self.deviation + (_deviation(expected, pose) - self.deviation) / self.deviations
        distance, angle = self._distance()
        farthest = max(limits.bump_translation, BUMP_SIGMAS * errors.camera_position)
        widest = max(limits.bump_rotation, BUMP_SIGMAS * errors.camera_rotation)
        off = self.deviations == limits.bump_windows and (distance > farthest or angle > widest)
        was_off, self.is_off = self.is_off, off
        moved = f'{distance:.2f} m and {math.degrees(angle):.0f} degrees'
        if off and not self.is_given:
            self._forget_place()
            return f'Camera {view} was moved by {moved}; re-estimating its pose.'
        if off and not was_off:
            return f'Camera {view} is {moved} away from its given pose: was it bumped? Check its calibration or TF.'
        if was_off and not off:
            return f'Camera {view} agrees with its given pose again.'
        return None

    def move(self, change: Similarity) -> None:
        """Express everything in the frame that ``change`` maps the world to."""
        if self.estimated is not None:
            self.estimated = change.apply_poses(self.estimated)
        if self.pose is not None:
            self.pose = change.apply_poses(self.pose)
        self.correction = self.correction * ([float(change.scale)] * 3 + [1.0] * 3)

    def _forget_place(self) -> None:
        self.estimated, self.windows, self.is_off = None, 0, False
        self.correction, self.corrections = np.zeros(6), 0
        self.deviation, self.deviations = np.zeros(6), 0

    def _distance(self) -> tuple[float, float]:
        return float(np.linalg.norm(self.deviation[:3])), float(np.linalg.norm(self.deviation[3:]))


def _deviation(expected: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(6,) translation and rotation vector from ``expected`` to ``pose`` (4, 4), in the frame of ``expected``."""
    rotation = expected[:3, :3].T
    turned = vector_of(rotation @ pose[:3, :3])
    return np.concatenate([rotation @ (pose[:3, 3] - expected[:3, 3]), turned])


def _offset(pose: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """(4, 4) the pose that deviates by ``deviation`` (6,)."""
    moved = pose.copy()
    moved[:3, 3] += pose[:3, :3] @ deviation[:3]
    moved[:3, :3] = pose[:3, :3] @ rotation_of(deviation[3:])
    return moved
