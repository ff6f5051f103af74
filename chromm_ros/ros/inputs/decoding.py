"""Pixels of image messages as RGB arrays: every encoding that camera drivers send, with at most one copy.

``cv_bridge`` does the same from message objects; it is not used here because its binary part is built against the
NumPy of the distribution and fails beside a newer one in a virtual environment, and because it copies twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from chromm_ros.ros.inputs.image_cdr import CompressedImage, RawImage


class ImageError(ValueError):
    """An image that cannot be used. ``reason`` is a short word for counting, the text is for a person."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Encoding:
    """How pixels lie in the bytes and which OpenCV conversion makes RGB of them."""

    dtype: str
    channels: int
    conversion: int | None = None
    """None: already RGB, or gray to be repeated."""


# OpenCV names a Bayer pattern after the second row, ROS after the first: rggb is OpenCV's BayerBG.
_BAYER = {
    'rggb': cv2.COLOR_BayerBG2RGB,
    'bggr': cv2.COLOR_BayerRG2RGB,
    'gbrg': cv2.COLOR_BayerGR2RGB,
    'grbg': cv2.COLOR_BayerGB2RGB,
}

ENCODINGS = {
    'rgb8': Encoding('u1', 3),
    'bgr8': Encoding('u1', 3, cv2.COLOR_BGR2RGB),
    'rgba8': Encoding('u1', 4, cv2.COLOR_RGBA2RGB),
    'bgra8': Encoding('u1', 4, cv2.COLOR_BGRA2RGB),
    'mono8': Encoding('u1', 1),
    'rgb16': Encoding('u2', 3),
    'bgr16': Encoding('u2', 3, cv2.COLOR_BGR2RGB),
    'rgba16': Encoding('u2', 4, cv2.COLOR_RGBA2RGB),
    'bgra16': Encoding('u2', 4, cv2.COLOR_BGRA2RGB),
    'mono16': Encoding('u2', 1),
    '8UC1': Encoding('u1', 1),
    '8UC3': Encoding('u1', 3, cv2.COLOR_BGR2RGB),
    '8UC4': Encoding('u1', 4, cv2.COLOR_BGRA2RGB),
    '16UC1': Encoding('u2', 1),
    '16UC3': Encoding('u2', 3, cv2.COLOR_BGR2RGB),
    'yuv422': Encoding('u1', 2, cv2.COLOR_YUV2RGB_UYVY),
    'uyvy': Encoding('u1', 2, cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': Encoding('u1', 2, cv2.COLOR_YUV2RGB_YUY2),
    'yuyv': Encoding('u1', 2, cv2.COLOR_YUV2RGB_YUY2),
    **{f'bayer_{pattern}8': Encoding('u1', 1, code) for pattern, code in _BAYER.items()},
    **{f'bayer_{pattern}16': Encoding('u2', 1, code) for pattern, code in _BAYER.items()},
}
PLANAR = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
"""Full-size luminance rows, then half as many rows of interleaved colour."""


def decode(image: RawImage | CompressedImage) -> np.ndarray:
    """(H, W, 3) uint8 RGB; a view of the message where its bytes are already that.

    Message objects with the same fields do as well, therefore no ``isinstance``.

    Raises:
        ImageError: the message is damaged or its encoding is not known.
    """
    try:
        return decode_compressed(cast(CompressedImage, image)) if hasattr(image, 'format') else decode_raw(image)
    except cv2.error as error:
        raise ImageError('undecodable', f'OpenCV cannot convert the image: {error.err}') from None


def decode_raw(image: RawImage) -> np.ndarray:
    """:func:`decode` of uncompressed pixels."""
    if not image.height or not image.width:
        raise ImageError('zero_size', f'image of {image.width} x {image.height} pixels')
    if image.encoding in PLANAR:
        rows = _rows(image, image.height * 3 // 2, image.width, np.dtype('u1'))
        return cv2.cvtColor(np.ascontiguousarray(rows), PLANAR[image.encoding])
    encoding = ENCODINGS.get(image.encoding)
    if encoding is None:
        known = ', '.join([*ENCODINGS, *PLANAR])
        raise ImageError('unknown_encoding', f'encoding {image.encoding[:40]!r} is not known; known are {known}')
    dtype = np.dtype(encoding.dtype).newbyteorder('>' if image.is_bigendian else '<')
    rows = _rows(image, image.height, image.width * encoding.channels, dtype)
    shape = (image.height, image.width, encoding.channels)
    strides = (image.step, encoding.channels * dtype.itemsize, dtype.itemsize)
    pixels = np.lib.stride_tricks.as_strided(rows, shape, strides, writeable=False)
    return _to_rgb(pixels, encoding, image.encoding)


def _rows(image: RawImage, height: int, columns: int, dtype: np.dtype) -> np.ndarray:
    """(height, columns) view of the bytes without the padding of the rows."""
    if image.step < columns * dtype.itemsize:
        raise ImageError(
            'wrong_step', f'rows of {image.step} bytes, {columns * dtype.itemsize} needed for {image.encoding}'
        )
    needed = image.step * (height - 1) + columns * dtype.itemsize
    if len(image.data) < needed:
        raise ImageError('truncated', f'{len(image.data)} bytes of pixels, {needed} needed')
    return np.ndarray((height, columns), dtype, image.data, strides=(image.step, dtype.itemsize))


def _to_rgb(pixels: np.ndarray, encoding: Encoding, name: str) -> np.ndarray:
    if pixels.dtype.itemsize == 2:
        pixels = (pixels >> 8).astype(np.uint8)
    if encoding.conversion is not None:
        if name.startswith('bayer') and min(pixels.shape[:2]) < 3:
            raise ImageError('zero_size', f'a Bayer image needs 3 x 3 pixels, this has {pixels.shape[1::-1]}')
        if encoding.channels == 2 and pixels.shape[1] % 2:
            raise ImageError('wrong_step', f'{name} needs an even width, this is {pixels.shape[1]}')
        return cv2.cvtColor(np.ascontiguousarray(pixels), encoding.conversion)
    if encoding.channels == 1:
        return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(pixels)


def decode_compressed(image: CompressedImage) -> np.ndarray:
    """:func:`decode` of JPEG, PNG and whatever else OpenCV reads."""
    data = np.frombuffer(image.data, np.uint8)
    if not data.size:
        raise ImageError('truncated', 'compressed image without data')
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ImageError('undecodable', f'compressed image of format {image.format[:40]!r} cannot be decoded')
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
