"""Images of ROS messages as numpy arrays for OpenCV, and back."""

from __future__ import annotations

import array
import sys

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from cv_bridge import conversions
from cv_bridge.encodings import OPENCV_TYPES, parse

PASSTHROUGH = 'passthrough'
COMPRESSED_ENCODINGS = {1: 'mono', 3: 'bgr', 4: 'bgra'}


class CvBridgeError(TypeError):
    """A message or an image that cannot be converted."""


class CvBridge:
    """Converts between sensor_msgs images and numpy arrays of shape (H, W) or (H, W, C)."""

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = PASSTHROUGH) -> np.ndarray:
        """The pixels of a message, in the byte order of this machine.

        ``passthrough`` keeps the encoding; the array then shares the message's memory where its rows have no
        padding. Any other encoding gives a new array.

        Raises:
            CvBridgeError: unknown encoding, too few bytes, or a conversion that makes no sense.
        """
        image = _pixels(img_msg)
        return image if desired_encoding == PASSTHROUGH else _converted(image, img_msg.encoding, desired_encoding)

    def cv2_to_imgmsg(self, cvim: np.ndarray, encoding: str = PASSTHROUGH, header: Header | None = None) -> Image:
        """A message with the pixels of an array; nothing is converted.

        Args:
            cvim: (H, W) or (H, W, C).
            encoding: its meaning; ``passthrough`` names only the number type and the channels (``8UC3``).
            header: copied into the message; None leaves it empty.

        Raises:
            TypeError: not an array.
            CvBridgeError: the array's type or channels are not those of ``encoding``.
        """
        cv_type = _opencv_type(cvim)
        message = Image() if header is None else Image(header=header)
        message.height, message.width = cvim.shape[:2]
        message.encoding = cv_type if encoding == PASSTHROUGH else encoding
        expected = _parsed(message.encoding)
        if f'{OPENCV_TYPES[expected.dtype]}C{expected.channels}' != cv_type:
            raise CvBridgeError(f'encoding specified as {encoding}, but image has incompatible type {cv_type}')
        big = {'>': True, '<': False}.get(cvim.dtype.byteorder, sys.byteorder == 'big')
        message.is_bigendian = int(big)
        # The setter checks every element of anything but an array of bytes: 29 ms against 0.8 ms for 1080p.
        message.data = _bytes(cvim)
        message.step = len(message.data) // message.height if message.height else 0
        return message

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = PASSTHROUGH
    ) -> np.ndarray | None:
        """The decoded pixels of a JPEG, PNG, ... message.

        ``passthrough`` gives what OpenCV decodes: (H, W) for grey, else blue, green, red. Bytes that are no image
        give None with it and with ``bgr8``, which needs no conversion.

        Raises:
            CvBridgeError: a conversion that makes no sense, or one of bytes that are no image.
            cv2.error: there are no bytes.
        """
        image = cv2.imdecode(np.frombuffer(cmprs_img_msg.data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
        if desired_encoding == PASSTHROUGH or (image is None and desired_encoding == 'bgr8'):
            return image
        if image is None:
            raise CvBridgeError(f'bytes of format {cmprs_img_msg.format!r} that are not an image')
        channels = 1 if image.ndim == 2 else image.shape[2]
        return _converted(image, f'{COMPRESSED_ENCODINGS[channels]}{8 * image.itemsize}', desired_encoding)

    def cv2_to_compressed_imgmsg(self, cvim: np.ndarray, dst_format: str = 'jpg') -> CompressedImage:
        """A message with the array (grey or blue, green, red) encoded as ``jpg``, ``png``, ``bmp``, ``tiff``, ...

        Raises:
            TypeError: not an array.
            CvBridgeError: OpenCV cannot write the array in this format.
        """
        _opencv_type(cvim)
        try:
            done, encoded = cv2.imencode(f'.{dst_format}', cvim)
        except cv2.error as error:
            raise CvBridgeError(f'cannot encode {cvim.dtype} {cvim.shape} as {dst_format}: {error}') from error
        if not done:
            raise CvBridgeError(f'cannot encode {cvim.dtype} {cvim.shape} as {dst_format}')
        return CompressedImage(format=dst_format, data=_bytes(encoded))

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """``('uint8', 3)`` for ``bgr8``."""
        parsed = _parsed(encoding)
        return parsed.dtype, parsed.channels

    def dtype_with_channels_to_cvtype2(self, dtype: np.dtype, n_channels: int) -> str:
        """``'8UC3'`` for ``uint8`` and 3."""
        return f'{OPENCV_TYPES[dtype.name]}C{n_channels}'


def _pixels(message: Image) -> np.ndarray:
    """A view of the message's bytes, or a copy where padding or byte order ask for one."""
    encoding = _parsed(message.encoding)
    stored = np.dtype(encoding.dtype).newbyteorder('>' if message.is_bigendian else '<')
    pixel = stored.itemsize * encoding.channels
    if message.step < message.width * pixel or len(message.data) < message.height * message.step:
        raise CvBridgeError(
            f'{message.width} x {message.height} {message.encoding} needs a step of at least {message.width * pixel} '
            f'and step x height bytes; the message has a step of {message.step} and {len(message.data)} bytes'
        )
    shape: tuple[int, ...] = (message.height, message.width, encoding.channels)
    strides: tuple[int, ...] = (message.step, pixel, stored.itemsize)
    if encoding.channels == 1:
        shape, strides = shape[:2], strides[:2]
    view = np.ndarray(shape, stored, buffer=message.data, strides=strides)
    return np.ascontiguousarray(view).astype(encoding.dtype, copy=False)


def _bytes(image: np.ndarray) -> array.array:
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(image).reshape(-1).view(np.uint8).data)
    return data


def _opencv_type(image: np.ndarray) -> str:
    """``8UC3`` and the like."""
    if not isinstance(image, np.ndarray | np.generic):
        raise TypeError(f'Your input type is not a numpy array but {type(image).__name__}')
    if image.ndim not in (2, 3) or image.dtype.name not in OPENCV_TYPES:
        raise CvBridgeError(f'an array of {image.dtype} {image.shape} is not an image of OpenCV')
    return f'{OPENCV_TYPES[image.dtype.name]}C{image.shape[2] if image.ndim == 3 else 1}'


def _parsed(encoding: str):
    try:
        return parse(encoding)
    except ValueError as error:
        raise CvBridgeError(str(error)) from error


def _converted(image: np.ndarray, source: str, target: str) -> np.ndarray:
    try:
        return conversions.convert(image, source, target)
    except (ValueError, cv2.error) as error:
        raise CvBridgeError(str(error)) from error
