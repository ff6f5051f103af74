"""Image sets from files: synchronised videos, folders of images, single images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.recording.calibration import CameraFile

IMAGES = frozenset({'.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp'})
VIDEOS = frozenset({'.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v'})
NANOSECONDS = 1_000_000_000


class Source(Protocol):
    """Where a run gets its images from."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the cameras, in the order of the rig."""

    @property
    def count(self) -> int | None:
        """Number of image sets; None: not known beforehand."""

    def __iter__(self) -> Iterator[ImageSet]:
        """Image sets in the order of time."""


@dataclass(frozen=True)
class VideoSource:
    """Videos that started at the same instant, one per camera. One video is the monocular mode."""

    paths: tuple[Path, ...]
    rate: float | None = None
    """Image sets per second; None: as many as the first video has."""
    calibration: dict[str, CameraFile] = field(default_factory=dict)

    @property
    def views(self) -> tuple[str, ...]:
        return _names(self.paths)

    @property
    def count(self) -> int | None:
        frames, fps = self._length(self.paths[0])
        return None if not frames else int(np.ceil(frames / fps * self._rate(fps) - 1e-6))

    def __iter__(self) -> Iterator[ImageSet]:
        readers = [_FrameReader(path) for path in self.paths]
        rate = self._rate(readers[0].fps)
        step = 0
        while True:
            seconds = step / rate
            frames = [reader.at(seconds) for reader in readers]
            if all(frame is None for frame in frames):
                return
            stamp = round(seconds * NANOSECONDS)
            yield _image_set(stamp, self.views, frames, self.calibration)
            step += 1

    def _rate(self, fps: float) -> float:
        return min(self.rate or fps, fps)

    def _length(self, path: Path) -> tuple[int, float]:
        reader = _FrameReader(path)
        return reader.frames, reader.fps


@dataclass(frozen=True)
class FolderSource:
    """One folder of images per camera; the n-th files (in the order of their names) belong together."""

    paths: tuple[Path, ...]
    rate: float = 10.0
    """Image sets per second that the files stand for."""
    calibration: dict[str, CameraFile] = field(default_factory=dict)

    @property
    def views(self) -> tuple[str, ...]:
        return _names(self.paths)

    @property
    def count(self) -> int | None:
        return max(len(files) for files in self._files())

    def __iter__(self) -> Iterator[ImageSet]:
        files = self._files()
        for index in range(self.count or 0):
            frames = [_read_image(own[index]) if index < len(own) else None for own in files]
            yield _image_set(round(index / self.rate * NANOSECONDS), self.views, frames, self.calibration)

    def _files(self) -> list[list[Path]]:
        files = [sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES) for folder in self.paths]
        for folder, own in zip(self.paths, files):
            if not own:
                raise ValueError(f'{folder} holds no images ({", ".join(sorted(IMAGES))})')
        return files


@dataclass(frozen=True)
class ImageSource:
    """Images of one instant, one per camera. One image is the single-image mode."""

    paths: tuple[Path, ...]
    calibration: dict[str, CameraFile] = field(default_factory=dict)

    @property
    def views(self) -> tuple[str, ...]:
        return _names(self.paths)

    @property
    def count(self) -> int | None:
        return 1

    def __iter__(self) -> Iterator[ImageSet]:
        yield _image_set(0, self.views, [_read_image(path) for path in self.paths], self.calibration)


def open_source(
    inputs: Sequence[Path], rate: float | None = None, calibration: dict[str, CameraFile] | None = None
) -> Source:
    """The source that fits the inputs: all folders, all videos or all images.

    Raises:
        FileNotFoundError, ValueError: an input is missing, or they are of different kinds.
    """
    paths, known = tuple(inputs), calibration or {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'no such file or folder: {path}')
    unknown = set(known) - set(_names(paths))
    if unknown:
        raise ValueError(f'the calibration names {sorted(unknown)}, but the cameras are {list(_names(paths))}')
    if all(path.is_dir() for path in paths):
        return FolderSource(paths, rate or 10.0, known)
    if all(path.suffix.lower() in VIDEOS for path in paths):
        return VideoSource(paths, rate, known)
    if all(path.suffix.lower() in IMAGES for path in paths):
        return ImageSource(paths, known)
    raise ValueError('inputs must be all videos, all folders of images, all images, or one ROS 2 bag')


class _FrameReader:
    """Frames of a video by time, read forwards only."""

    def __init__(self, path: Path):
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise ValueError(f'{path} cannot be opened as a video')
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or 30.0
        self.frames = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        self._next = 0

    def at(self, seconds: float) -> np.ndarray | None:
        """(H, W, 3) RGB frame nearest to a time that never goes back; None after the end."""
        wanted = round(seconds * self.fps)
        while self._next < wanted:
            if not self._capture.grab():
                return None
            self._next += 1
        good, frame = self._capture.read()
        self._next += 1
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if good else None


def _read_image(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f'{path} cannot be read as an image')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _image_set(
    stamp: int,
    views: tuple[str, ...],
    frames: Sequence[np.ndarray | None],
    calibration: dict[str, CameraFile],
) -> ImageSet:
    nothing = CameraFile(None, None)
    found = {
        name: ViewImage(
            frame, stamp, calibration.get(name, nothing).intrinsics, calibration.get(name, nothing).world_from_camera
        )
        for name, frame in zip(views, frames)
        if frame is not None
    }
    return ImageSet(stamp, found)


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    """File names without their endings; with the folder where those are not unique."""
    names = [path.name if path.is_dir() else path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [f'{path.absolute().parent.name}_{name}' for path, name in zip(paths, names)]
    if len(set(names)) < len(names):
        raise ValueError(f'the cameras must have different names, found {names}')
    return tuple(names)
