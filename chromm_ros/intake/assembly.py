"""Matched images -> :class:`ImageSet`: decode, rectify, calibrate, place."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chromm_ros import conditions
from chromm_ros.conditions import Finding
from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.intake.decoding import ImageError, SampleRange, decode
from chromm_ros.intake.depth import DepthImages
from chromm_ros.intake.frames import names_body_frame
from chromm_ros.intake.image_cdr import CompressedImage, RawImage, read_compressed, read_image
from chromm_ros.intake.lens import CalibrationError, CameraInfo, Lens, Rectifier, lens_of
from chromm_ros.intake.rig_buffer import TOO_FEW_VIEWS, MatchedSet

PoseSource = Callable[[str, int], 'np.ndarray | None']
"""Frame and stamp [ns] -> (4, 4) world from frame, or None."""

READERS: Mapping[str, Callable[[Any], RawImage | CompressedImage]] = {
    'raw': read_image,
    'compressed': read_compressed,
}
"""By transport."""


@dataclass(frozen=True)
class CameraInput:
    """How the images of one camera are to be understood."""

    read: Callable[[Any], RawImage | CompressedImage] = read_image
    """From what the buffer holds to an undecoded image; raises ValueError."""
    rectify: bool = True
    """Undo the distortion; False: images arrive rectified."""
    info_topic: str = 'camera_info'
    """Where its calibration comes from, for messages."""
    pose: np.ndarray | None = None
    """(4, 4) world_from_camera where it is known and does not change; else its frame is looked up."""


@dataclass
class CameraNotes:
    """What was noticed about one camera."""

    failures: Counter[str] = field(default_factory=Counter)
    """Images that could not be used, by reason."""
    image_problem: str = ''
    """Why the newest image could not be decoded; empty: it could."""
    last_failure: str = ''
    """Why the last one could not that failed."""
    calibration_problem: str = ''
    """Why the calibration cannot be used; empty: it can, or there is none."""
    calibrated: bool = False
    size: tuple[int, int] = (0, 0)
    """Width, height of the newest image."""
    frame: str = ''
    """As the image names it."""
    placed: bool = False
    """TF knows where it is."""
    looks_up: bool = False
    """Its frame is turned like the body of a camera."""

    def findings(self, info_topic: str, live: bool = True) -> list[Finding]:
        """What is wrong with the content of the images: with the newest, or with any of a recording."""
        found = []
        problem = self.image_problem if live else self.last_failure
        if problem:
            found.append(conditions.BAD_IMAGE.found(problem=problem, count=self.failures.total()))
        if self.calibration_problem:
            found.append(conditions.BAD_CALIBRATION.found(problem=self.calibration_problem, topic=info_topic))
        if self.looks_up:
            found.append(conditions.BODY_FRAME.found())
        if self.frame.startswith('/'):
            found.append(conditions.LEADING_SLASH.found(frame=self.frame, stripped=self.frame.lstrip('/')))
        return found


class Assembler:
    """Makes image sets; keeps the calibration of every camera.

    ``calibrate`` may be called from another thread than ``assemble``. The images of a set are decoded, rectified and
    placed side by side, a thread for each camera, which :meth:`close` ends.
    """

    def __init__(self, inputs: Mapping[str, CameraInput], pose_of: PoseSource) -> None:
        self.inputs = inputs
        self.notes = {camera: CameraNotes() for camera in inputs}
        self.dropped: Counter[str] = Counter()
        """Images and sets that could not be used, by reason."""
        self._pose_of = pose_of
        self._ranges = {camera: SampleRange() for camera in inputs}
        self.depths: dict[str, DepthImages] = {}
        """Of the cameras that bring depth."""
        self._rectifiers: dict[str, Rectifier | None] = dict.fromkeys(inputs)
        self._known: dict[str, tuple] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max(len(inputs), 1), 'camera')

    def close(self) -> None:
        """End the threads; images in work are finished, and none is taken any more."""
        self._threads.shutdown(wait=False)

    def calibrate(self, camera: str, info: CameraInfo) -> None:
        """Take a CameraInfo; one that cannot be used leaves the camera uncalibrated and is noted."""
        size, binning = (info.width, info.height), (info.binning_x, info.binning_y)
        content = (size, info.distortion_model, *info.d, *info.k, *info.p, binning, str(info.roi))
        if self._known.get(camera) == content:
            return
        self._known[camera] = content
        try:
            self.use_lens(camera, lens_of(info))
        except CalibrationError as error:
            self.use_lens(camera, None, str(error))

    def use_lens(self, camera: str, lens: Lens | None, problem: str = '') -> None:
        """Take a calibration that was made elsewhere; None: not calibrated, ``problem`` says why."""
        rectifier = None if lens is None else Rectifier(lens)
        with self._lock:
            self._rectifiers[camera], self.notes[camera].calibration_problem = rectifier, problem

    def findings(self, camera: str, live: bool = True) -> list[Finding]:
        """What is wrong with the images of a camera: with the newest, or with any of a recording."""
        found = self.notes[camera].findings(self.inputs[camera].info_topic, live)
        depths = self.depths.get(camera)
        if depths is not None and depths.problem:
            found.append(conditions.BAD_DEPTH.found(problem=depths.problem, count=depths.failures))
        return found

    def assemble(self, matched: MatchedSet[Any], min_views: int) -> ImageSet | None:
        """The image set; None when too few images could be used."""
        stamps = [matched.stamps[camera] for camera in matched.items]
        made = self._threads.map(self._view, matched.items, matched.items.values(), stamps)
        views = {}
        for camera, image in zip(matched.items, made):
            if isinstance(image, ViewImage):
                views[camera] = image
            else:
                self.dropped[image] += 1
        if len(views) < max(min_views, 1):
            self.dropped[TOO_FEW_VIEWS] += len(views) or 1
            return None
        return ImageSet(matched.stamp, views, matched.out_of_sync)

    def _view(self, camera: str, item: Any, stamp: int) -> ViewImage | str:
        """The image, or in a word why it cannot be used."""
        notes = self.notes[camera]
        try:
            message = self.inputs[camera].read(item)
            pixels = decode(message, self._ranges[camera])
        except ValueError as error:
            reason = error.reason if isinstance(error, ImageError) else 'malformed'
            notes.failures[reason] += 1
            notes.image_problem = notes.last_failure = str(error)
            return reason
        notes.image_problem = ''
        depths = self.depths.get(camera)
        depth = None if depths is None else depths.of(stamp, pixels.shape[1::-1])
        intrinsics, pixels, depth = self._rectified(camera, pixels, depth)
        pose = self.inputs[camera].pose
        if pose is None:
            pose = self._pose_of(message.frame_id.lstrip('/'), stamp)
            notes.looks_up = pose is not None and names_body_frame(pose)
        notes.size, notes.frame, notes.placed = pixels.shape[1::-1], message.frame_id, pose is not None
        return ViewImage(pixels, stamp, intrinsics, pose, depth)

    def _rectified(
        self, camera: str, pixels: np.ndarray, depth: np.ndarray | None
    ) -> tuple[np.ndarray | None, np.ndarray, np.ndarray | None]:
        """Intrinsics, pixels and depth after the distortion was undone; None, and both as they are, without any."""
        notes = self.notes[camera]
        with self._lock:
            rectifier = self._rectifiers[camera]
        notes.calibrated = False
        if rectifier is None:
            return None, pixels, depth
        try:
            intrinsics = rectifier.intrinsics(pixels.shape[1], pixels.shape[0])
            if self.inputs[camera].rectify:
                pixels = rectifier.rectify(pixels)
                depth = None if depth is None else rectifier.rectify_depth(depth)
        except CalibrationError as error:
            notes.calibration_problem = str(error)
            return None, pixels, depth
        notes.calibrated, notes.calibration_problem = True, ''
        return intrinsics, pixels, depth
