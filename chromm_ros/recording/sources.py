"""Image sets from files: videos, folders of pictures, single pictures, all through the intake of the node."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from chromm_ros.flow import ImageSet
from chromm_ros.intake.assembly import CameraInput
from chromm_ros.intake.decoding import decode
from chromm_ros.intake.image_cdr import CompressedImage, RawImage
from chromm_ros.intake.recorded import NANO, RecordedIntake, StampedImage
from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.recording import videos
from chromm_ros.recording.bag_files import is_bag
from chromm_ros.recording.calibration import CameraFile
from chromm_ros.recording.names import Timeline, natural_order, timeline
from chromm_ros.recording.notes import notes_of

IMAGES = frozenset(
    ('.jpg', '.jpeg', '.jpe', '.png', '.bmp', '.tif', '.tiff', '.webp', '.jp2', '.ppm', '.pgm', '.pnm')
)
VIDEOS = frozenset(
    (
        *('.mp4', '.m4v', '.mov', '.qt', '.3gp', '.3g2', '.f4v', '.insv', '.lrv', '.avi', '.divx', '.mkv', '.webm'),
        *('.mpg', '.mpeg', '.m2v', '.vob', '.ts', '.mts', '.m2ts', '.wmv', '.asf', '.flv', '.ogv', '.mxf', '.dv'),
        *('.h264', '.264', '.h265', '.265', '.hevc', '.mjpeg', '.mjpg', '.y4m', '.nut', '.gif'),
    )
)
HALF_A_PERIOD = 0.55
"""Images of free-running cameras are at most half a period of the slowest apart; a little more, for jitter."""
LONGEST_SLOP = 0.5  # [s]
MOST_CAMERAS = 64
WAITING = 1000
"""Images that wait per camera; there are never more than fit into ``sync_slop``."""


class Source(Protocol):
    """Where a run gets its images from."""

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the cameras, in the order of the rig."""

    @property
    def count(self) -> int | None:
        """Number of image sets at most; None: not known beforehand."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """What was left out so far, by reason."""

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of the input; complete after it was read."""

    def __iter__(self) -> Iterator[ImageSet]:
        """Image sets in the order of time."""


@dataclass
class FileSource:
    """What videos, folders and single pictures have in common: one stream of stamped images per camera."""

    paths: tuple[Path, ...]
    rate: float | None = None
    """Image sets per second at most; None: all."""
    calibration: Mapping[str, CameraFile] = field(default_factory=dict)
    settings: IntakeSettings = field(default_factory=IntakeSettings)
    given: Collection[str] = ()
    """Names of the settings that the user gave; without sync_slop it follows from the rates of the cameras."""
    offsets: Mapping[str, float] = field(default_factory=dict)
    """Seconds by which a camera started later than the first."""
    camera_timeout: float = 1.0  # [s]
    remarks: Sequence[str] = ()
    """What is known beforehand and belongs to the notes."""
    _intake: RecordedIntake | None = None

    @cached_property
    def views(self) -> tuple[str, ...]:
        return names_of(self.paths)

    @property
    def count(self) -> int | None:
        raise NotImplementedError

    @property
    def dropped(self) -> Counter[str]:
        return Counter() if self._intake is None else self._intake.dropped

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.remarks, *self._about_input(), *(() if self._intake is None else notes_of(self._intake)))

    def __iter__(self) -> Iterator[ImageSet]:
        self._intake = intake = self._new_intake()
        for name, camera in self.calibration.items():
            lens = camera.lens()
            if lens is not None and name in self.views:
                intake.assembler.use_lens(name, lens)
        return intake.sets_in_order(self._streams(intake.lost))

    def frames_of(self, camera: str) -> Iterator[tuple[float, np.ndarray]]:
        """(time [s], (H, W, 3) RGB) of one camera by itself, without those that cannot be decoded."""
        for image in self._streams(Counter())[camera]:
            try:
                yield image.stamp / NANO, decode(_read_item(image.item))
            except ValueError:
                continue

    def _streams(self, lost: Counter[str]) -> Mapping[str, Iterator[StampedImage]]:
        raise NotImplementedError

    def _period(self) -> float:
        """Of the slowest camera [s]; 0: there is one image only."""
        raise NotImplementedError

    def _about_input(self) -> Sequence[str]:
        """About the input itself, known before it is read."""
        return ()

    def _thinning(self) -> float | None:
        return self.rate

    def _new_intake(self) -> RecordedIntake:
        poses = {name: camera.world_from_camera for name, camera in self.calibration.items()}
        inputs = {
            name: CameraInput(_read_item, self.settings.rectify, 'the calibration', poses.get(name))
            for name in self.views
        }
        slop = self.settings.sync_slop
        if 'sync_slop' not in self.given:
            slop = min(max(slop, HALF_A_PERIOD * self._period()), LONGEST_SLOP)
        limits = self.settings.limits(self.camera_timeout, self.camera_timeout)
        limits = dataclasses.replace(limits, slop=round(slop * NANO), queue_size=WAITING)
        # The earliest camera begins at zero, so that no stamp is negative.
        begin = min([0.0, *(self.offsets.get(name, 0.0) for name in self.views)])
        offsets = {name: self.offsets.get(name, 0.0) - begin for name in self.views}
        return RecordedIntake(inputs, limits, lambda frame, stamp: None, 'header', offsets, self._thinning())


class VideoSource(FileSource):
    """One video per camera, paired by the time stamps of their containers. One video is the monocular mode."""

    @property
    def count(self) -> int | None:
        lengths = [(about.frames, about.period) for about in self._about]
        if any(frames is None for frames, _ in lengths):
            return None
        sets = min(frames for frames, _ in lengths if frames is not None)
        seconds = max(frames * period for frames, period in lengths if frames is not None)
        return sets if self.rate is None else min(sets, int(np.ceil(seconds * self.rate - 1e-6)))

    @cached_property
    def _about(self) -> list[videos.VideoAbout]:
        return [videos.describe(path) for path in self.paths]

    def _streams(self, lost: Counter[str]) -> Mapping[str, Iterator[StampedImage]]:
        starts = [about.begins if self._strangers else 0.0 for about in self._about]
        return {
            name: videos.frames(path, name, lost, start) for name, path, start in zip(self.views, self.paths, starts)
        }

    @cached_property
    def _strangers(self) -> bool:
        """Whether the clocks of the containers have nothing in common."""
        return max(about.begins for about in self._about) >= min(about.ends for about in self._about)

    def _period(self) -> float:
        return max(about.period for about in self._about)

    def _about_input(self) -> Sequence[str]:
        said = []
        for name, about in zip(self.views, self._about):
            if not about.has_stamps:
                period = f'{1e3 * about.period:.1f} ms'
                said.append(f'{name}: the container has no time stamps; its frames are taken to be {period} apart')
            if about.shape not in (0.0, 1.0):
                said.append(
                    f'{name}: its pixels are {about.shape:.3g} times as wide as high and are used as they are'
                )
        if self._strangers:
            begins = ', '.join(f'{name} {about.begins:.1f} s' for name, about in zip(self.views, self._about))
            said.append(f'the time stamps of the videos have nothing in common ({begins}): each begins at zero')
        return said


class FolderSource(FileSource):
    """One folder of pictures per camera, paired by stamps or numbers in their names or by EXIF times.

    ``rate``: of pictures with numbers, how many consecutive ones make a second (10); of dated ones, image sets per
    second at most.
    """

    hidden = 0
    """Files like ``._0001.png``, which other computers leave beside pictures."""
    doubled = 0
    """Pictures that are there in another format, too."""

    @property
    def count(self) -> int | None:
        return max(len(files) for files in self._files.values())

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        found = {}
        for name, folder in zip(self.views, self.paths):
            pictures = [path for path in folder.iterdir() if path.suffix.lower() in IMAGES]
            shown = sorted((path for path in pictures if not path.name.startswith('.')), key=natural_order)
            own = list({path.stem: path for path in shown}.values())
            self.hidden += len(pictures) - len(shown)
            self.doubled += len(shown) - len(own)
            if not own:
                raise ValueError(f'{folder} holds no images ({", ".join(sorted(IMAGES))}){_instead(folder)}')
            found[name] = own
        return found

    @cached_property
    def _timeline(self) -> Timeline:
        return timeline(self._files, self.rate or 10.0)

    def _streams(self, lost: Counter[str]) -> Mapping[str, Iterator[StampedImage]]:
        dated = self._timeline.stamps
        lost.update({'hidden_file': self.hidden, 'doubled_file': self.doubled})
        return {name: _pictures(name, dated[name], self._files[name]) for name in self.views}

    def _period(self) -> float:
        steps = [b - a for own in self._timeline.stamps.values() for a, b in zip(sorted(own), sorted(own)[1:])]
        return statistics.median(steps) / NANO if steps else 0.0

    def _about_input(self) -> Sequence[str]:
        return self._timeline.notes

    def _thinning(self) -> float | None:
        return self.rate if self._timeline.kind in ('stamps', 'EXIF') else None


class ImageSource(FileSource):
    """Images of one instant, one per camera. One image is the single-image mode."""

    @property
    def count(self) -> int | None:
        return 1

    def _streams(self, lost: Counter[str]) -> Mapping[str, Iterator[StampedImage]]:
        return {name: _pictures(name, [0], [path]) for name, path in zip(self.views, self.paths)}

    def _period(self) -> float:
        return 0.0


def open_source(
    inputs: Sequence[Path],
    rate: float | None = None,
    calibration: Mapping[str, CameraFile] | None = None,
    **options: Any,
) -> FileSource:
    """The source that fits the inputs: all folders, all videos or all images.

    Args:
        inputs: one per camera.
        rate: image sets per second.
        calibration: by camera.
        options: further fields of :class:`FileSource`.

    Raises:
        FileNotFoundError, ValueError: an input is missing, or they are of different kinds.
    """
    paths, known = tuple(path.expanduser() for path in inputs), calibration or {}
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f'no such file or folder: {path}')
    kinds: tuple[tuple[type[FileSource], Callable[[Path], bool]], ...] = (
        (FolderSource, Path.is_dir),
        (VideoSource, lambda path: path.suffix.lower() in VIDEOS),
        (ImageSource, lambda path: path.suffix.lower() in IMAGES),
    )
    for kind, fits in kinds:
        if all(fits(path) for path in paths):
            if kind is ImageSource and len(paths) > MOST_CAMERAS:
                raise ValueError(
                    f'{len(paths)} images are {len(paths)} cameras; give the folder of each camera instead'
                )
            return kind(paths, rate, known, **options)
    strange = [path.name for path in paths if not path.is_dir() and path.suffix.lower() not in VIDEOS | IMAGES]
    hint = f'; {", ".join(strange)} is none of these' if strange else ''
    if any(is_bag(path) for path in paths):
        hint = (
            '; the files of one split bag are given as their folder, and `ros2 bag convert` makes one of several bags'
        )
    raise ValueError(f'inputs must be all videos, all folders of images, all images, or one bag{hint}')


def _instead(folder: Path) -> str:
    """What to give instead of a folder without pictures."""
    inside = [path for path in sorted(folder.iterdir()) if path.is_dir() or path.suffix.lower() in VIDEOS]
    names = ', '.join(str(path) for path in inside[:4])
    return f'; give what is in it, one per camera: {names}{", ..." if len(inside) > 4 else ""}' if inside else ''


@dataclass(frozen=True)
class Picture:
    """A picture that has not been read yet."""

    camera: str
    path: Path


def read_picture(picture: Picture) -> CompressedImage:
    """The bytes of a picture, to be turned as its EXIF data say.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        data = picture.path.read_bytes()
    except OSError as error:
        raise ValueError(f'{picture.path} cannot be read: {error.strerror}') from None
    return CompressedImage(0, picture.camera, picture.path.name, memoryview(data), upright=True)


def _pictures(camera: str, stamps: Sequence[int], files: Sequence[Path]) -> Iterator[StampedImage]:
    for stamp, path in sorted(zip(stamps, files)):
        yield StampedImage(camera, stamp, Picture(camera, path))


def _read_item(item: Picture | RawImage) -> CompressedImage | RawImage:
    return read_picture(item) if isinstance(item, Picture) else item


def names_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """File names without their endings; with the folder where those are not unique."""
    names = [path.name if path.is_dir() else path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [f'{path.absolute().parent.name}_{name}' for path, name in zip(paths, names)]
    if len(set(names)) < len(names):
        raise ValueError(f'the cameras must have different names, found {names}')
    return tuple(names)
