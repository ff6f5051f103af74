"""Matched image messages -> :class:`ImageSet`: decode, rectify, calibrate, place."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable

import numpy as np
from sensor_msgs.msg import CameraInfo

from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.ros.inputs.decoding import ImageError, decode
from chromm_ros.ros.inputs.image_cdr import read_compressed, read_image
from chromm_ros.ros.inputs.lens import CalibrationError, Rectifier, lens_of
from chromm_ros.ros.inputs.rig_buffer import TOO_FEW_VIEWS, MatchedSet

PoseSource = Callable[[str, int], 'np.ndarray | None']
"""Frame and stamp [ns] -> (4, 4) world from frame, or None."""


@dataclasses.dataclass
class CameraNotes:
    """What was noticed about one camera."""

    failures: Counter[str] = dataclasses.field(default_factory=Counter)
    """Images that could not be used, by reason."""
    last_problem: str = ''
    """For a person; empty while all is well."""
    size: tuple[int, int] = (0, 0)
    """Width, height of the newest image."""
    frame: str = ''
    placed: bool = False
    """TF knows where it is."""


class Assembler:
    """Makes image sets; keeps the calibration of every camera.

    ``calibrate`` may be called from another thread than ``assemble``.
    """

    def __init__(self, cameras: tuple[str, ...], compressed: bool, rectify: bool, pose_of: PoseSource) -> None:
        self.notes = {camera: CameraNotes() for camera in cameras}
        self.dropped: Counter[str] = Counter()
        """Images and sets that could not be used, by reason."""
        self._read = read_compressed if compressed else read_image
        self._rectify = rectify
        self._pose_of = pose_of
        self._rectifiers: dict[str, Rectifier | None] = dict.fromkeys(cameras)
        self._known: dict[str, tuple] = {}
        self._problems: dict[str, str] = dict.fromkeys(cameras, '')
        self._lock = threading.Lock()

    def calibrate(self, camera: str, info: CameraInfo) -> None:
        """Take a CameraInfo; one that cannot be used leaves the camera uncalibrated and is noted."""
        content = (
            info.width,
            info.height,
            info.distortion_model,
            *info.d,
            *info.k,
            *info.p,
            info.binning_x,
            info.roi,
        )
        if self._known.get(camera) == content:
            return
        self._known[camera] = content
        problem, rectifier = '', None
        try:
            lens = lens_of(info)
            rectifier = None if lens is None else Rectifier(lens)
        except CalibrationError as error:
            problem = str(error)
        with self._lock:
            self._rectifiers[camera], self._problems[camera] = rectifier, problem

    def assemble(self, matched: MatchedSet[bytes], min_views: int) -> ImageSet | None:
        """The image set; None when too few images could be used."""
        views = {}
        for camera, raw in matched.items.items():
            image = self._view(camera, raw)
            if image is not None:
                views[camera] = image
        if len(views) < max(min_views, 1):
            self.dropped[TOO_FEW_VIEWS] += len(views) or 1
            return None
        return ImageSet(matched.stamp, views)

    def _view(self, camera: str, raw: bytes) -> ViewImage | None:
        notes = self.notes[camera]
        try:
            message = self._read(raw)
            pixels = decode(message)
        except ValueError as error:
            reason = error.reason if isinstance(error, ImageError) else 'malformed'
            notes.failures[reason] += 1
            notes.last_problem = str(error)
            self.dropped[reason] += 1
            return None
        with self._lock:
            rectifier, notes.last_problem = self._rectifiers[camera], self._problems[camera]
        intrinsics = None
        if rectifier is not None:
            try:
                intrinsics = rectifier.intrinsics(pixels.shape[1], pixels.shape[0])
                pixels = rectifier.rectify(pixels) if self._rectify else pixels
            except CalibrationError as error:
                notes.last_problem = str(error)
        pose = self._pose_of(message.frame_id, message.stamp)
        notes.size, notes.frame, notes.placed = pixels.shape[1::-1], message.frame_id, pose is not None
        return ViewImage(pixels, message.stamp, intrinsics, pose)
