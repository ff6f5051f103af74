"""Pixels of image messages as RGB arrays: every encoding that camera drivers send, with at most one copy.

``cv_bridge`` does the same from message objects; it is not used here because its binary part is built against the
NumPy of the distribution and fails beside a newer one in a virtual environment, and because it copies twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np

from chromm_ros.intake.image_cdr import CompressedImage, RawImage


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
    bits: int = 0
    """Significant bits of a sample in 16; 0: found from the samples, as drivers of 10, 12 and 14 bits say 16."""


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
    **{f'bayer_{pattern}{n}': Encoding('u2', 1, code, n) for pattern, code in _BAYER.items() for n in (10, 12, 14)},
    **{f'mono{bits}': Encoding('u2', 1, None, bits) for bits in (10, 12, 14)},
}
PLANAR = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
"""Full-size luminance rows, then half as many rows of interleaved colour."""
THREE_PLANES = {'i420': cv2.COLOR_YUV2RGB_I420, 'yuv420': cv2.COLOR_YUV2RGB_I420, 'yv12': cv2.COLOR_YUV2RGB_YV12}
"""Full-size luminance, then two planes of a quarter of the size; rows without padding."""
FILES = ('jpeg', 'jpg', 'mjpeg', 'png')
"""Not pixels but a compressed picture, in an Image message."""
ALIASES = {
    'rgb888': 'rgb8',
    'rgb': 'rgb8',
    'bgr888': 'bgr8',
    'bgr': 'bgr8',
    'mono': 'mono8',
    'gray8': 'mono8',
    'y8': 'mono8',
    'grey': 'mono8',
    'gray': 'mono8',
    'y16': 'mono16',
    'gray16': 'mono16',
    'yuv422_uyvy': 'uyvy',
    'uyvy422': 'uyvy',
    'yuyv422': 'yuyv',
    'yuy2': 'yuyv',
    'bgrx8': 'bgra8',
    'rgbx8': 'rgba8',
}
"""Names that some drivers use."""
DEPTH = ('32fc1', '64fc1', 'compresseddepth')
VIDEO = re.compile(r'[hx]\.?26[45]|hevc|avc|av1|vp[89]', re.IGNORECASE)
"""In the format of a compressed image: it needs the images before it."""
_BY_LOWER_NAME = {name.lower(): name for name in (*ENCODINGS, *PLANAR, *THREE_PLANES, 'nv24', *FILES)}


class SampleRange:
    """How many of 16 bits the samples of a camera use, found from the largest sample so far."""

    def __init__(self) -> None:
        self._largest = 0

    def bits(self, samples: np.ndarray) -> int:
        """10, 12, 14 or 16, for samples of any shape."""
        self._largest = max(self._largest, int(samples.max()))
        return next(bits for bits in (10, 12, 14, 16) if self._largest < 2**bits)


def decode(image: RawImage | CompressedImage, sample_range: SampleRange | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB; a view of the message where its bytes are already that.

    Message objects with the same fields do as well, therefore no ``isinstance``.

    Args:
        image: undecoded.
        sample_range: of the camera; None: found from this image alone, so that the brightness of images of 10 to 14
            bits may change from one to the next.

    Raises:
        ImageError: the message is damaged or its encoding is not known.
    """
    own_range = SampleRange() if sample_range is None else sample_range
    try:
        if hasattr(image, 'format'):
            return decode_compressed(cast(CompressedImage, image), own_range)
        return decode_raw(image, own_range)
    except cv2.error as error:
        raise ImageError('undecodable', f'OpenCV cannot convert the image: {error.err}') from None


def encoding_of(name: str) -> str:
    """The known name of an encoding, whatever its case; raises :class:`ImageError`."""
    lower = name.lower()
    known = _BY_LOWER_NAME.get(ALIASES.get(lower, lower))
    if known is not None:
        return known
    if lower in DEPTH:
        raise ImageError('depth_image', f'encoding {name[:40]!r} is depth; point image_topic to the colour images')
    names = ', '.join([*ENCODINGS, *PLANAR, *THREE_PLANES, 'nv24', *FILES])
    raise ImageError('unknown_encoding', f'encoding {name[:40]!r} is not known; known are {names}')


def decode_raw(image: RawImage, sample_range: SampleRange) -> np.ndarray:
    """:func:`decode` of uncompressed pixels."""
    if not image.height or not image.width:
        raise ImageError('zero_size', f'image of {image.width} x {image.height} pixels')
    name = encoding_of(image.encoding)
    if name in FILES:
        return _read_picture(image.data, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, sample_range)
    if name not in ENCODINGS:
        return _decode_planes(image, name)
    encoding = ENCODINGS[name]
    dtype = np.dtype(encoding.dtype).newbyteorder('>' if image.is_bigendian else '<')
    rows = _rows(image, image.height, image.width * encoding.channels, dtype)
    shape = (image.height, image.width, encoding.channels)
    strides = (image.step, encoding.channels * dtype.itemsize, dtype.itemsize)
    pixels = np.lib.stride_tricks.as_strided(rows, shape, strides, writeable=False)
    return _to_rgb(pixels, encoding, name, sample_range)


def _decode_planes(image: RawImage, name: str) -> np.ndarray:
    """Luminance and colour in planes of their own."""
    height, width = image.height, image.width
    byte = np.dtype('u1')
    if name in PLANAR:
        rows = _rows(image, height * 3 // 2, width, byte)
        return cv2.cvtColor(np.ascontiguousarray(rows), PLANAR[name])
    if image.step != width or height % 2 or width % 2:
        raise ImageError(
            'wrong_step', f'{name} needs even sides and rows without padding, this has {image.step} bytes'
        )
    if name in THREE_PLANES:
        return cv2.cvtColor(np.ascontiguousarray(_rows(image, height * 3 // 2, width, byte)), THREE_PLANES[name])
    rows = _rows(image, 3 * height, width, byte)  # nv24: colour of full size, interleaved
    color = rows[height:].reshape(height, width, 2)[::2, ::2].reshape(height // 2, width)
    return cv2.cvtColor(np.concatenate([rows[:height], color]), cv2.COLOR_YUV2RGB_NV12)


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


def _to_rgb(pixels: np.ndarray, encoding: Encoding, name: str, sample_range: SampleRange) -> np.ndarray:
    if pixels.dtype.itemsize == 2:
        bits = encoding.bits or sample_range.bits(pixels)
        pixels = np.minimum(pixels >> (bits - 8), 255).astype(np.uint8)
    if encoding.conversion is not None:
        if name.startswith('bayer') and min(pixels.shape[:2]) < 3:
            raise ImageError('zero_size', f'a Bayer image needs 3 x 3 pixels, this has {pixels.shape[1::-1]}')
        if encoding.channels == 2 and pixels.shape[1] % 2:
            raise ImageError('wrong_step', f'{name} needs an even width, this is {pixels.shape[1]}')
        return cv2.cvtColor(np.ascontiguousarray(pixels), encoding.conversion)
    if encoding.channels == 1:
        return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(pixels)


def decode_compressed(image: CompressedImage, sample_range: SampleRange) -> np.ndarray:
    """:func:`decode` of JPEG, PNG and whatever else OpenCV reads.

    ``format`` is ``<encoding>; <codec> compressed <what the codec was given>`` where ``compressed_image_transport``
    wrote it: Bayer images that were given as they are still are a mosaic, and what was given as RGB comes out of
    OpenCV with red and blue exchanged. Other publishers write just ``jpeg``.
    """
    encoding, _, codec = image.format.lower().partition(';')
    if 'compresseddepth' in codec.replace(' ', ''):
        raise ImageError('depth_image', f'format {image.format[:40]!r} is depth; point image_topic to colour images')
    given = codec.rpartition('compressed')[2].strip()
    if encoding.startswith('bayer_') and not given.startswith(('bgr', 'rgb')):
        mosaic = _imread(image.data, image.format, cv2.IMREAD_UNCHANGED)
        if mosaic.ndim == 2:
            name = f'{encoding[:10]}{8 * mosaic.dtype.itemsize}'
            return _to_rgb(mosaic[..., None], ENCODINGS[encoding_of(name)], name, sample_range)
    turned = 0 if getattr(image, 'upright', False) else cv2.IMREAD_IGNORE_ORIENTATION
    pixels = _read_picture(image.data, image.format, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | turned, sample_range)
    return np.ascontiguousarray(pixels[..., ::-1]) if given.startswith('rgb') else pixels


def _read_picture(data: Any, name: str, flags: int, sample_range: SampleRange) -> np.ndarray:
    pixels = _imread(data, name, flags)
    wide = pixels.dtype.itemsize == 2
    return _to_rgb(pixels, ENCODINGS['bgr16' if wide else 'bgr8'], 'bgr', sample_range)


def _imread(data: Any, name: str, flags: int) -> np.ndarray:
    content = np.frombuffer(data, np.uint8)
    if not content.size:
        raise ImageError('truncated', 'compressed image without data')
    pixels = cv2.imdecode(content, flags)
    if pixels is None:
        cure = (
            '; encoded video is turned into images by `ros2 run image_transport republish`'
            if VIDEO.search(name)
            else ''
        )
        raise ImageError('undecodable', f'compressed image of format {name[:40]!r} cannot be decoded{cure}')
    if pixels.dtype.itemsize > 2:
        raise ImageError('depth_image', f'samples of type {pixels.dtype} are no colours; point image_topic elsewhere')
    return pixels
