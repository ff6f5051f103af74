"""What is remembered of each camera: where windows put it, and whether it stays where it should be."""

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
class CameraMemory:
    """One camera of a session."""

    pose: np.ndarray | None = None
    """(4, 4) average of where windows put it."""
    windows: int = 0
    deviation: np.ndarray = field(default_factory=lambda: np.zeros(6))
    """Recent mean of (translation, rotation vector) from the expected to the estimated pose, camera frame."""
    deviations: int = 0
    off: bool = False
    """Reported as bumped."""
    given: bool = False
    correction: np.ndarray = field(default_factory=lambda: np.zeros(6))
    """Mean of what people say about the average: (translation, rotation vector) in its frame."""
    corrections: int = 0

    @property
    def corrected(self) -> np.ndarray | None:
        """(4, 4) where the camera is most likely."""
        return self.pose if self.pose is None or not self.corrections else _offset(self.pose, self.correction)

    def correct(self, pose: np.ndarray, memory: int) -> None:
        """Take in where people put the camera, (4, 4); the mean over the last ``memory`` times counts."""
        if self.pose is not None:
            self.corrections = min(self.corrections + 1, memory)
            self.correction = self.correction + (_deviation(self.pose, pose) - self.correction) / self.corrections

    def move(self, change: Similarity) -> None:
        """Express everything in the frame that ``change`` maps the world to."""
        if self.pose is not None:
            self.pose = change.apply_poses(self.pose)
        self.correction[:3] *= float(change.scale)

    @property
    def errors(self) -> tuple[float, float]:
        """Length of the deviation, (m, rad)."""
        return float(np.linalg.norm(self.deviation[:3])), float(np.linalg.norm(self.deviation[3:]))

    def average(self, pose: np.ndarray, known: np.ndarray | None, refine: bool, memory: int) -> None:
        """Standing cameras: the mean over the last ``memory`` windows; a given pose starts with full weight.

        Args:
            pose: (4, 4) where this window puts it.
            known: (4, 4) given pose; None: none.
            refine: correct the given pose instead of keeping it.
            memory: windows.
        """
        if known is not None and not refine:
            self.pose = known
            return
        if self.pose is None:
            self.pose, self.windows = (known, memory) if known is not None else (pose, 1)
            return
        self.windows = min(self.windows + 1, memory)
        self.pose = _offset(self.pose, _deviation(self.pose, pose) / self.windows)

    def compare(
        self, view: str, pose: np.ndarray, expected: np.ndarray, limits: WorldSettings, errors: EstimateErrors
    ) -> list[str]:
        """Watch for a bump; one sentence when the camera starts to be off, one when it is right again.

        Args:
            view: its name.
            pose, expected: (4, 4).
            limits: what counts as off, and for how many windows.
            errors: of the network, which misplaces cameras that stand where they should, too.
        """
        self.deviations = min(self.deviations + 1, limits.bump_windows)
        self.deviation += (_deviation(expected, pose) - self.deviation) / self.deviations
        distance, angle = self.errors
        farthest = max(limits.bump_translation, BUMP_SIGMAS * errors.camera_position)
        widest = max(limits.bump_rotation, BUMP_SIGMAS * errors.camera_rotation)
        off = self.deviations == limits.bump_windows and (distance > farthest or angle > widest)
        was_off, self.off = self.off, off
        moved = f'{distance:.2f} m and {math.degrees(angle):.0f} degrees'
        if off and not self.given:
            self.pose, self.windows, self.off = None, 0, False
            self.deviation, self.deviations = np.zeros(6), 0
            self.correction, self.corrections = np.zeros(6), 0
            return [f'Camera {view} was moved by {moved}; its pose is estimated anew.']
        if off and not was_off:
            return [f'Camera {view} is {moved} away from its given pose: was it bumped? Check its calibration or TF.']
        if was_off and not off:
            return [f'Camera {view} agrees with its given pose again.']
        return []


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
