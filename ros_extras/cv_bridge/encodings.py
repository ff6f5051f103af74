"""What the encodings of sensor_msgs/Image mean: number type, channels and colour space."""

from __future__ import annotations

import re
from typing import NamedTuple


class Encoding(NamedTuple):
    """Layout of one pixel."""

    dtype: str
    """Name of the numpy type of one channel, in the byte order of this machine."""
    channels: int
    colour: str | None
    """Colour space in OpenCV's words; None where the numbers are not a colour (``32FC1``)."""

    @property
    def bits(self) -> int:
        return int(re.sub(r'\D', '', self.dtype))


NUMBER_TYPES = {
    '8U': 'uint8',
    '8S': 'int8',
    '16U': 'uint16',
    '16S': 'int16',
    '32S': 'int32',
    '32F': 'float32',
    '64F': 'float64',
}
OPENCV_TYPES = {dtype: name for name, dtype in NUMBER_TYPES.items()}

COLOURS = {
    **{f'rgb{bits}': Encoding(f'uint{bits}', 3, 'RGB') for bits in (8, 16)},
    **{f'bgr{bits}': Encoding(f'uint{bits}', 3, 'BGR') for bits in (8, 16)},
    **{f'rgba{bits}': Encoding(f'uint{bits}', 4, 'RGBA') for bits in (8, 16)},
    **{f'bgra{bits}': Encoding(f'uint{bits}', 4, 'BGRA') for bits in (8, 16)},
    **{f'mono{bits}': Encoding(f'uint{bits}', 1, 'GRAY') for bits in (8, 16)},
    **{
        f'bayer_{order}{bits}': Encoding(f'uint{bits}', 1, f'Bayer{order.upper()}')
        for order in ('rggb', 'bggr', 'gbrg', 'grbg')
        for bits in (8, 16)
    },
    # Two pixels share their colour; the names differ in the order of the bytes, and each order has two names.
    **{name: Encoding('uint8', 2, 'YUV_UYVY') for name in ('yuv422', 'uyvy')},
    **{name: Encoding('uint8', 2, 'YUV_YUY2') for name in ('yuv422_yuy2', 'yuyv')},
}


def parse(name: str) -> Encoding:
    """The meaning of an encoding's name.

    Raises:
        ValueError: no such encoding.
    """
    if name in COLOURS:
        return COLOURS[name]
    match = re.fullmatch(r'(8U|8S|16U|16S|32S|32F|64F)C([1-9]\d*)', name)
    if not match:
        raise ValueError(f'Unrecognized image encoding [{name}]')
    return Encoding(NUMBER_TYPES[match[1]], int(match[2]), None)
