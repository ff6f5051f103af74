"""Image messages as the middleware delivers them (CDR bytes), read without copying the pixels.

Making an ``Image`` object costs milliseconds per megapixel; a subscription with ``raw=True`` and a view of its bytes
costs microseconds, and images that no set uses are never looked at.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class RawImage:
    """A ``sensor_msgs/Image`` whose pixels still lie in the received bytes."""

    stamp: int
    """[ns]"""
    frame_id: str
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    """Bytes per row, padding included."""
    data: memoryview


@dataclass(frozen=True)
class CompressedImage:
    """A ``sensor_msgs/CompressedImage`` whose data still lie in the received bytes."""

    stamp: int
    """[ns]"""
    frame_id: str
    format: str
    data: memoryview
    upright: bool = False
    """Turn it as its EXIF data say: for pictures of phones, not for cameras that are calibrated as they hang."""


def read_image(raw: bytes) -> RawImage:
    """Raises ValueError when the bytes are not an Image."""
    reader = _Reader(raw)
    stamp, frame_id = reader.header()
    height, width = reader.numbers('II')
    encoding = reader.string()
    (is_bigendian,) = reader.numbers('B')
    (step,) = reader.numbers('I')
    return RawImage(stamp, frame_id, height, width, encoding, is_bigendian, step, reader.bytes())


def read_compressed(raw: bytes) -> CompressedImage:
    """Raises ValueError when the bytes are not a CompressedImage."""
    reader = _Reader(raw)
    stamp, frame_id = reader.header()
    return CompressedImage(stamp, frame_id, reader.string(), reader.bytes())


def read_stamp(raw: bytes) -> int:
    """Stamp [ns] of any message that begins with a header. Raises ValueError when the bytes are too short."""
    return _Reader(raw).header()[0]


class _Reader:
    def __init__(self, raw: bytes) -> None:
        if len(raw) < 4 or raw[0] != 0 or raw[1] not in (0, 1):
            raise ValueError('not a plain CDR message')
        self._view = memoryview(raw)[4:]  # alignment counts from behind the encapsulation
        self._order = '<' if raw[1] else '>'
        self._at = 0

    def header(self) -> tuple[int, str]:
        seconds, nanoseconds = self.numbers('iI')
        return seconds * 1_000_000_000 + nanoseconds, self.string()

    def numbers(self, codes: str) -> tuple[int, ...]:
        """Numbers of one size; only the first needs alignment."""
        layout = struct.Struct(self._order + codes)
        self._at += -self._at % (layout.size // len(codes))
        return layout.unpack(self._take(layout.size))

    def string(self) -> str:
        (length,) = self.numbers('I')
        return bytes(self._take(length)).rstrip(b'\0').decode(errors='replace')

    def bytes(self) -> memoryview:
        (length,) = self.numbers('I')
        return self._take(length)

    def _take(self, count: int) -> memoryview:
        start, self._at = self._at, self._at + count
        if self._at > len(self._view):
            raise ValueError(f'message ends after {len(self._view)} bytes, {self._at} expected')
        return self._view[start : self._at]
