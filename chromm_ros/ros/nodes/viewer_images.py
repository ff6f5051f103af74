"""The images of one camera for the page: small, without distortion, found again by their stamps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from sensor_msgs.msg import CameraInfo

from chromm_ros.intake.decoding import decode
from chromm_ros.intake.image_cdr import read_compressed, read_image, read_stamp
from chromm_ros.intake.lens import CalibrationError, Lens, Rectifier, lens_of
from chromm_ros.viewing.thumbnails import encoded, shrunk

WIDTH = 240
"""Of the images on the page [px]."""

REMEMBERED = 60
"""Images of a camera that are kept, to find the one that a window was made of."""

RATE_SPAN = 5.0
"""Seconds over which what a camera gave is counted."""


@dataclass
class KeptImage:
    """An image that may be shown."""

    stamp: int  # [ns]
    raw: bytes
    """The message, until the small image is made of it."""
    jpeg: bytes = b''


@dataclass
class CameraImages:
    """What came of one camera.

    Args:
        compressed: whether its messages are ``CompressedImage``: these are small, and decoded only when shown.
        interval: shortest time between two images that are kept [s].
    """

    compressed: bool
    interval: float
    received: int = 0
    problem: str = ''
    """Why its images or its calibration cannot be used; empty: they can."""
    size: tuple[int, int] = (0, 0)
    """Width, height of the camera image [px]."""
    _kept: deque[KeptImage] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=400))
    _used: deque[float] = field(default_factory=lambda: deque(maxlen=400))
    _last: float = float('-inf')
    _info: object = None
    _lens: Lens | None = None
    _small: Rectifier | None = None  # of the images that are shown
    _full: Rectifier | None = None  # of the camera images

    def take(self, raw: bytes, now: float) -> None:
        """An image message as it came; ``now`` is of a clock that nobody sets [s]."""
        self.received += 1
        self._arrivals.append(now)
        if now - self._last < self.interval:
            return
        self._last = now
        try:
            image = KeptImage(read_stamp(raw), raw)
        except ValueError as error:
            self.problem = str(error)
            return
        if self.compressed or self._make(image):
            self._kept.append(image)

    def calibrate(self, info: CameraInfo) -> None:
        """A CameraInfo as it came."""
        known = info.k.tobytes(), bytes(info.d), info.p.tobytes(), info.width, info.height, info.distortion_model
        if known == self._info:
            return
        self._info, self._lens = known, None
        try:
            self._lens = lens_of(info)
        except CalibrationError as error:
            self.problem = str(error)
        self._small, self._full = (None if self._lens is None else Rectifier(self._lens) for _ in range(2))

    def near(self, stamp: int | None) -> KeptImage | None:
        """The image nearest to a time [ns], or the newest; None: none that can be shown."""
        image = self._kept[-1] if self._kept else None
        if stamp is not None:
            image = min(self._kept, key=lambda kept: abs(kept.stamp - stamp), default=None)
        return image if image is not None and (image.jpeg or self._make(image)) else None

    def note_use(self, now: float) -> None:
        """A window was made with an image of it."""
        self._used.append(now)

    def rate(self, now: float) -> float:
        """Images per second that arrive."""
        return _rate(self._arrivals, now)

    def used(self, now: float) -> float:
        """Windows per second that were made with an image of it."""
        return _rate(self._used, now)

    @property
    def intrinsics(self) -> np.ndarray | None:
        """(3, 3) pixels of the undistorted camera image; None: not known."""
        if self._full is None or not self.size[0]:
            return None
        try:
            return self._full.intrinsics(*self.size)
        except CalibrationError as error:
            self.problem = str(error)
            return None

    @property
    def fov(self) -> float | None:
        """Vertical field of view [rad]; None: not known."""
        if self._lens is None:
            return None
        return float(2 * np.arctan2(0.5 * self._lens.size[1], self._lens.rectified_matrix[1, 1]))

    def _make(self, image: KeptImage) -> bool:
        """Make the small image; False where it cannot be made."""
        try:
            pixels = decode(read_compressed(image.raw) if self.compressed else read_image(image.raw))
            self.size = pixels.shape[1], pixels.shape[0]
            small = shrunk(pixels, WIDTH)
            image.jpeg, image.raw = encoded(small if self._small is None else self._small.rectify(small)), b''
            self.problem = ''
        except ValueError as error:  # of the image, or of a calibration that does not fit it
            self.problem = str(error)
        return bool(image.jpeg)


def _rate(times: deque[float], now: float) -> float:
    return sum(now - time <= RATE_SPAN for time in times) / RATE_SPAN
