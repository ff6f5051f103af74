"""How far a network's estimates are from the truth: the one model that everything which trusts them derives from."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

GIVEN_POSITION, GIVEN_ROTATION = 0.01, 0.0025
"""What a given rig (TF) is good for: standard deviations of a camera's position [m] and orientation [rad]."""


@dataclass(frozen=True)
class LogNormal:
    """Law of a positive quantity."""

    median: float
    spread: float
    """Standard deviation of the logarithm."""


@dataclass(frozen=True)
class DetectionErrors:
    """How the detections of one network err over time, and whom it does not detect; ``chromm evaluate errors``."""

    tail: float = 0.12
    """Share of detections that err much more than usual."""
    tail_factor: float = 3.5
    """How much more."""
    lasting: float = 0.77
    """Share of the variance of the depth that is a lasting error of one view about one person: it cannot be averaged
    away over time."""
    memory: float = 12.0
    """Time in which that error becomes another one [s]."""
    false_alarms: float = 0.08
    """Detections of one image that are nobody."""
    score_even: float = 0.5
    """Logit of the score at which a detection is as often false as true."""
    rate: float = 0.95
    """Probability that a view detects somebody in full sight."""
    edge_rate: float = 0.8
    """Part of it that is left within 5 % of the edge of the image."""
    hidden_rate: tuple[float, float] = (0.5, 0.1)
    """Part of it that is left where the estimated scene lies before the head by more than 0.35 m, and than 1 m."""
    crowd: tuple[float, float] = (0.125, 0.177)
    """Distance of two heads as a part of the width of the image: mostly one detection, surely two."""
    crowd_rate: float = 0.35
    """Part of the probability that is left for the second of two heads that close."""
    posture_same_view: LogNormal = LogNormal(0.040, 1.0)
    """Mean distance of joints about the head [m], world axes: one person, same view, a moment later."""
    posture_other_view: LogNormal = LogNormal(0.13, 0.55)
    """The same between two views at one time."""
    posture_other_person: LogNormal = LogNormal(0.25, 0.45)
    rise: float = 0.1
    """Height of a head above the lowest joint: lasting error about one person [m]."""
    rise_noise: float = 0.05
    """What is new of it in every image [m]."""
    shape_same: LogNormal = LogNormal(0.45, 0.75)
    """Distance of the betas of a detection from the mean of the person."""
    shape_other: LogNormal = LogNormal(0.62, 0.62)


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
    detection: DetectionErrors = field(default_factory=DetectionErrors)

    @property
    def depth_bias(self) -> float:
        """What one view errs about the distance of one person for long, as a part of it."""
        return self.depth * math.sqrt(self.detection.lasting)

    @property
    def depth_noise(self) -> float:
        """What is new in every image, as a part of the distance."""
        return self.depth * math.sqrt(1 - self.detection.lasting)

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

    def to_json(self) -> str:
        """As a preset keeps it."""
        return json.dumps(_rounded(asdict(self)), indent=1) + '\n'

    @staticmethod
    def from_json(text: str) -> EstimateErrors:
        """Read :meth:`to_json`.

        Raises:
            ValueError: the text is no error model.
        """
        try:
            values = json.loads(text)
            detection = dict(values.pop('detection', {}))
            for name, value in detection.items():
                if isinstance(value, dict):
                    detection[name] = LogNormal(**value)
                elif isinstance(value, list):
                    detection[name] = tuple(value)
            return EstimateErrors(**values, detection=DetectionErrors(**detection))
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f'not an error model of a network: {error}') from error


def _rounded(value: Any) -> Any:
    """Numbers with four digits, in whatever they are nested."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_rounded(part) for part in value]
    return float(f'{value:.4g}')
