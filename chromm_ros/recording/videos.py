"""Frames of videos with the time stamps of their container, read forwards."""

from __future__ import annotations

import heapq
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type

from chromm_ros.intake.image_cdr import RawImage
from chromm_ros.intake.recorded import StampedImage

NANO = 1_000_000_000
DAMAGED = 'damaged_frame'
BEGINNING = 60
"""Packets at the beginning of a video from which its rate is measured."""
FREE_CLOCKS = ('mpegts', 'mpeg', 'flv', 'rtsp', 'rtp', 'hls', 'asf')
"""Formats whose clock began whenever the camera was switched on: only times since the first frame mean anything."""
ORDER_ONLY = ('avi',)
"""Formats that number the frames as they are stored, which is not the order in which they are shown."""
CHUNK_HEAD = 8
"""Bytes of an AVI between the place of a frame in its index and the frame itself."""


@dataclass(frozen=True)
class VideoAbout:
    """What a container says of its video, and what its beginning shows."""

    period: float
    """Median time between frames at the beginning [s]."""
    frames: int | None
    """None: not known."""
    has_stamps: bool
    begins: float
    """Time of the first frame [s]."""
    shape: float
    """Width of a pixel over its height."""

    @property
    def ends(self) -> float:
        """Time after the last frame [s]; infinite: not known."""
        return float('inf') if self.frames is None else self.begins + self.frames * self.period


def describe(path: Path) -> VideoAbout:
    """Look at the beginning of a video.

    Raises:
        ValueError: it cannot be opened, or holds no video.
    """
    with opened(path) as (container, stream):
        stamps, origin = [], None
        for packet in container.demux(stream):
            if packet.pts is not None:
                origin = _origin(container, stream, packet) if origin is None else origin
                stamps.append(float((packet.pts - origin) * stream.time_base))
            if len(stamps) >= BEGINNING:
                break
        steps = [step for step in np.diff(sorted(stamps)).tolist() if step > 0]
        period = statistics.median(steps) if steps else 1.0 / _nominal_rate(stream)
        frames = stream.frames or (round(container.duration / 1e6 / period) if container.duration else None)
        shape = float(stream.sample_aspect_ratio or 1)
        return VideoAbout(period, frames, bool(stamps), max(min(stamps, default=0.0), 0.0), shape)


def frames(path: Path, camera: str, lost: Counter[str], start: float = 0.0) -> Iterator[StampedImage]:
    """The frames of a video; damaged ones are counted in ``lost`` and left out.

    Args:
        path: of the video.
        camera: its name.
        lost: counts by reason.
        start: time of the container that is called zero [s].

    Raises:
        ValueError: it cannot be opened, or holds no video.
    """
    with opened(path) as (container, stream):
        shown = _StoredOrder(stream) if _is_of(container, ORDER_ONLY) else None
        number, damaged, origin = 0, 0, None
        for packet in container.demux(stream):
            origin = _origin(container, stream, packet) if origin is None else origin
            stored = None if shown is None else shown.take(packet)
            try:
                decoded: list[Any] = list(packet.decode())
            except av.FFmpegError:
                damaged, lost[DAMAGED] = damaged + 1, lost[DAMAGED] + 1
                if shown is not None and stored is not None:
                    shown.forget(stored)
                continue
            for frame in decoded:
                pts = frame.pts if shown is None else shown.next()
                at = (pts - origin) * stream.time_base if pts is not None else number / _nominal_rate(stream)
                number += 1
                yield StampedImage(camera, round((at - start) * NANO), _pixels(frame, camera))
        if shown is not None:
            lost[DAMAGED] += max(0, shown.count - number - damaged)


class _StoredOrder:
    """The times of frames that are numbered as they are stored: the next one shown has the smallest that waits."""

    def __init__(self, stream: Any) -> None:
        index = [entry for entry in stream.index_entries if entry.size]
        self.count = len(index)
        """Frames that the index promises."""
        self._by_place = {entry.pos + CHUNK_HEAD: entry.timestamp for entry in index}
        """It knows the number of a frame even where the ones before it are damaged."""
        self._waiting: list[int] = []

    def take(self, packet: Any) -> int | None:
        time = self._by_place.get(packet.pos, packet.dts)
        if time is not None:
            heapq.heappush(self._waiting, time)
        return time

    def forget(self, time: int) -> None:
        self._waiting.remove(time)
        heapq.heapify(self._waiting)

    def next(self) -> int | None:
        return heapq.heappop(self._waiting) if self._waiting else None


def _origin(container: Any, stream: Any, packet: Any) -> int:
    """The time that is zero, from the first packet [time base]."""
    if _is_of(container, FREE_CLOCKS) and container.start_time is not None:
        return round(container.start_time / 1e6 / stream.time_base)
    if packet.pts and packet.dts == 0 and _is_of(container, ('mp4',)):
        return packet.pts  # a file in fragments has no edit list that would take the delay of the decoder off
    return 0


def _is_of(container: Any, formats: tuple[str, ...]) -> bool:
    return any(name in formats for name in container.format.name.split(','))


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream; of several the largest.

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
        largest = max(pictures, key=lambda stream: stream.width * stream.height)
        largest.thread_type = 'AUTO'
        yield container, largest


def _is_cover(stream: Any) -> bool:
    """The picture on the sleeve of a sound file."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _nominal_rate(stream: Any) -> float:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and 0 < float(rate) < 1000 else 30.0


def _pixels(frame: Any, camera: str) -> RawImage:
    pixels = upright(frame.to_ndarray(format='rgb24'), frame.side_data.get(Type.DISPLAYMATRIX))
    height, width = pixels.shape[:2]
    return RawImage(0, camera, height, width, 'rgb8', 0, 3 * width, memoryview(pixels.tobytes()))


def upright(pixels: np.ndarray, matrix: Any) -> np.ndarray:
    """(H, W, 3) turned and mirrored as the display matrix of a container says (9 int32); None: as it is."""
    if matrix is None:
        return pixels
    right_of_x, down_of_x, _, right_of_y, down_of_y = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(down_of_x) > abs(right_of_x):
        pixels, right_of_x, down_of_y = pixels.swapaxes(0, 1), right_of_y, down_of_x
    return np.ascontiguousarray(pixels[:: -1 if down_of_y < 0 else 1, :: -1 if right_of_x < 0 else 1])
