"""What the images and the given poses of a camera look like when they are not what they claim to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros import conditions
from chromm_ros.capture.notices import Notices
from chromm_ros.conditions import Finding
from chromm_ros.flow import ViewImage
from chromm_ros.geometry.rotations import vector_of

BODY_FROM_OPTICAL = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""Optical frame (x right, y down, z forward) in the body frame of a camera (x forward, y left, z up), REP-103."""

STEEP = 0.7
"""Part of the view direction that points up from which a camera looks at the ceiling; and its opposite, level."""

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
        self._looks_up: set[str] = set()
        self._turned: set[str] = set()
        self._said: set[tuple[str, str]] = set()

    def look(self, view: str, image: ViewImage, notices: Notices) -> None:
        """Take an image in."""
        last = self._pictures.get(view)
        if last is None or not np.array_equal(last.pixels, image.pixels):
            self._pictures[view] = _Stillness(image.pixels, image.stamp, image.stamp)
        else:
            last.newest, last.images = image.stamp, last.images + 1
        pose = image.world_from_camera
        if pose is not None and names_body_frame(pose):
            self._looks_up.add(view)
        else:
            self._looks_up.discard(view)
        self._say(view, notices)

    def compare(self, view: str, deviation: np.ndarray, notices: Notices) -> None:
        """Take in how a camera is turned against its given pose: a rotation vector (3,) in the frame of that pose."""
        if np.linalg.norm(deviation - vector_of(BODY_FROM_OPTICAL)) < SAME_TURN:
            self._turned.add(view)
        else:
            self._turned.discard(view)
        self._say(view, notices)

    def findings(self, view: str) -> tuple[Finding, ...]:
        """What is wrong with a camera now."""
        found = []
        if view in self._looks_up | self._turned:
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


def names_body_frame(world_from_camera: np.ndarray) -> bool:
    """Whether a pose (4, 4) in a world with z up looks at the ceiling, and would look ahead, upright, if it were that
    of the camera's body."""
    rotation = world_from_camera[:3, :3]
    as_body = rotation @ BODY_FROM_OPTICAL
    return bool(rotation[2, 2] > STEEP and abs(as_body[2, 2]) < STEEP and -as_body[2, 1] > STEEP)
