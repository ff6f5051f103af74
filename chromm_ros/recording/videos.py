"""Frames of videos with the time stamps of their container, read forwards."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

from chromm_ros.intake.image_cdr import RawImage
from chromm_ros.intake.recorded import StampedImage

NANO = 1_000_000_000
DAMAGED = 'damaged_frame'
BEGINNING = 60
"""Packets at the beginning of a video from which its rate is measured."""
FREE_CLOCKS = ('mpegts', 'mpeg', 'flv', 'rtsp', 'rtp', 'hls', 'asf')
"""Formats whose clock began whenever the camera was switched on: only times since the first frame mean anything."""


@dataclass(frozen=True)
class VideoAbout:
    """What a container says of its video, and what its beginning shows."""

    period: float
    """Median time between frames at the beginning [s]."""
    frames: int | None
    """None: not known."""
    has_stamps: bool
    has_sound: bool


def describe(path: Path) -> VideoAbout:
    """Look at the beginning of a video.

    Raises:
        ValueError: it cannot be opened, or holds no video.
    """
    with opened(path) as (container, stream):
        stamps = []
        for packet in container.demux(stream):
            if packet.pts is not None:
                stamps.append(float(packet.pts * stream.time_base))
            if len(stamps) >= BEGINNING:
                break
        steps = [step for step in np.diff(sorted(stamps)).tolist() if step > 0]
        period = statistics.median(steps) if steps else 1.0 / _nominal_rate(stream)
        frames = stream.frames or (round(container.duration / 1e6 / period) if container.duration else None)
        return VideoAbout(period, frames, bool(stamps), bool(container.streams.audio))


def frames(path: Path, camera: str, lost: Counter[str]) -> Iterator[StampedImage]:
    """The frames of a video; damaged ones are counted in ``lost`` and left out.

    Raises:
        ValueError: it cannot be opened, or holds no video.
    """
    with opened(path) as (container, stream):
        begun = any(name in FREE_CLOCKS for name in container.format.name.split(','))
        origin = round(container.start_time * 1000) if begun and container.start_time is not None else 0
        number = 0
        for packet in container.demux(stream):
            try:
                decoded: list[Any] = list(packet.decode())
            except av.FFmpegError:
                lost[DAMAGED] += 1
                continue
            for frame in decoded:
                at = frame.pts * frame.time_base if frame.pts is not None else number / _nominal_rate(stream)
                number += 1
                yield StampedImage(camera, round(at * NANO) - origin, _pixels(frame, camera))


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first video stream.

    Raises:
        ValueError: it cannot be opened, or holds no video.
    """
    if path.is_file() and not path.stat().st_size:
        raise ValueError(f'{path} is empty')
    try:
        container = av.open(str(path))
    except (av.FFmpegError, ValueError) as error:
        hint = ''
        if path.suffix.lower() in ('.mp4', '.mov', '.m4v'):
            hint = '; when the recorder was killed or the copy is not complete, the index at its end is missing'
        reason = getattr(error, 'strerror', None) or str(error)
        raise ValueError(f'{path} cannot be opened as a video: {reason}{hint}') from None
    with container:
        pictures = [stream for stream in container.streams.video if not _is_cover(stream)]
        if not pictures:
            raise ValueError(f'{path} cannot be opened as a video: it holds sound only')
        pictures[0].thread_type = 'AUTO'
        yield container, pictures[0]


def _is_cover(stream: Any) -> bool:
    """The picture on the sleeve of a sound file."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _nominal_rate(stream: Any) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and 0 < float(rate) < 1000 else 30.0


def _pixels(frame: Any, camera: str) -> RawImage:
    pixels = frame.to_ndarray(format='rgb24')
    turns = round(frame.rotation / 90) % 4
    pixels = np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
    height, width = pixels.shape[:2]
    return RawImage(0, camera, height, width, 'rgb8', 0, 3 * width, memoryview(pixels.tobytes()))
