"""What the images and the given poses of a camera look like when they are not what they claim to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from chromm_ros import conditions
from chromm_ros.capture.notices import Notices
from chromm_ros.conditions import Finding
from chromm_ros.flow import ViewImage
from chromm_ros.geometry.rotations import vector_of
from chromm_ros.intake.frames import BODY_FROM_OPTICAL

FAR_OFF = 0.8
"""Radians by which given rotations must be off before it is asked whether they are of another frame."""

SAME_TURN = 0.45
"""Radians by which a deviation may differ from that of the body frame: the network errs, and the rig bends it."""

STILL_SECONDS = 5.0
STILL_IMAGES = 10
"""For how long, and in how many images, a picture must stay the same to the last bit: sensors always have noise."""


@dataclass
class _Stillness:
    pixels: np.ndarray
    since: int  # stamp of the first of the same images [ns]
    newest: int
    images: int = 1

    @property
    def seconds(self) -> float:
        return 1e-9 * (self.newest - self.since)


class CameraChecks:
    """Watches the cameras of a session and says each thing once; :meth:`findings` repeats what holds now."""

    def __init__(self) -> None:
        self._pictures: dict[str, _Stillness] = {}
        self._turned: set[str] = set()
        self._all_turned: set[str] = set()
        self._said: set[tuple[str, str]] = set()

    def look(self, view: str, image: ViewImage, notices: Notices) -> None:
        """Take an image in."""
        last = self._pictures.get(view)
        if last is None or not np.array_equal(last.pixels, image.pixels):
            self._pictures[view] = _Stillness(image.pixels, image.stamp, image.stamp)
        else:
            last.newest, last.images = image.stamp, last.images + 1
        self._say(view, notices)

    def compare(self, estimated: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray], notices: Notices) -> None:
        """Compare poses (4, 4) of the network with those given for the same images; each in its own world."""
        views = [view for view in given if view in estimated]
        rotations = [np.stack([poses[view][:3, :3] for view in views]) for poses in (estimated, given) if views]
        self._all_turned = set(views) if views and in_body_frame(*rotations) else set()
        for view in views:
            self._say(view, notices)

    def compare_one(self, view: str, deviation: np.ndarray, notices: Notices) -> None:
        """Take in how a camera is turned against its given pose: a rotation vector (3,) in the frame of that pose."""
        if np.linalg.norm(deviation - vector_of(BODY_FROM_OPTICAL)) < SAME_TURN:
            self._turned.add(view)
        else:
            self._turned.discard(view)
        self._say(view, notices)

    def findings(self, view: str) -> tuple[Finding, ...]:
        """What is wrong with a camera now."""
        found = []
        if view in self._turned | self._all_turned:
            found.append(conditions.BODY_FRAME.found())
        picture = self._pictures.get(view)
        if picture is not None and picture.images >= STILL_IMAGES and picture.seconds >= STILL_SECONDS:
            found.append(conditions.PICTURE_STANDS_STILL.found(seconds=picture.seconds))
        return tuple(found)

    def _say(self, view: str, notices: Notices) -> None:
        now = {(view, finding.condition.says): finding for finding in self.findings(view)}
        for key in now.keys() - self._said:
            notices.say(f'Camera {view}: {now[key].text}')
        self._said = {key for key in self._said if key[0] != view} | now.keys()


def in_body_frame(estimated: np.ndarray, given: np.ndarray) -> bool:
    """Whether all given rotations are those of the bodies of the cameras: then they fit to the estimated ones, and as
    they are they do not.

    Args:
        estimated, given: (N, 3, 3) world_from_camera, each in its own world; N cameras that look different ways.
    """
    if len(given) < 2:
        return False
    return _misfit(estimated, given) > FAR_OFF and _misfit(estimated, given @ BODY_FROM_OPTICAL) < SAME_TURN


def _misfit(estimated: np.ndarray, given: np.ndarray) -> float:
    """Largest angle [rad] between rotations (N, 3, 3) after the best turn of their world."""
    left, _, right = np.linalg.svd((given @ estimated.swapaxes(1, 2)).sum(0))
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    return max(float(np.linalg.norm(vector_of(one.T @ turn @ other))) for one, other in zip(given, estimated))
