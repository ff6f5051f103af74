"""Every encoding becomes RGB as cv_bridge would make it; damaged images are refused with a reason."""

import cv2
import numpy as np
import pytest
from cv_bridge import CvBridge
from sensor_msgs.msg import Image

from chromm_ros.intake.decoding import ENCODINGS, PLANAR, ImageError, decode
from chromm_ros.intake.image_cdr import CompressedImage, RawImage

HEIGHT, WIDTH = 6, 8
CV_BRIDGE = ['rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', 'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8']
"""Encodings that cv_bridge turns into rgb8 by itself."""


def smooth_image():
    """(H, W, 3) uint8 with a gradient in each channel, so that demosaicing and chroma subsampling change little."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([40 + 8 * columns, 200 - 9 * rows, 90 + 3 * columns + 2 * rows], -1).astype(np.uint8)


def raw(encoding, pixels, padding=0, big_endian=False):
    """A RawImage of an array (H, W) or (H, W, C) with ``padding`` bytes after each row."""
    pixels = np.ascontiguousarray(pixels)
    if big_endian:
        pixels = pixels.astype(pixels.dtype.newbyteorder('>'))
    rows = pixels.reshape(len(pixels), -1).view(np.uint8).reshape(len(pixels), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    data = memoryview(rows.tobytes())
    height = HEIGHT if encoding in PLANAR else len(pixels)
    return RawImage(0, '', height, pixels.shape[1], encoding, int(big_endian), rows.shape[1], data)


def random_pixels(encoding):
    kind = ENCODINGS[encoding]
    high = 2 ** (8 * np.dtype(kind.dtype).itemsize)
    return np.random.default_rng(0).integers(0, high, (HEIGHT, WIDTH, kind.channels), kind.dtype)


@pytest.mark.parametrize('encoding', CV_BRIDGE)
def test_decodes_as_cv_bridge_does(encoding):
    image = raw(encoding, random_pixels(encoding))
    message = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=image.step, data=bytes(image.data))
    expected = CvBridge().imgmsg_to_cv2(message, 'rgb8')
    np.testing.assert_array_equal(decode(image), expected)
    np.testing.assert_array_equal(decode(message), expected)


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_padding_of_rows_is_left_out(encoding):
    pixels = random_pixels(encoding)
    np.testing.assert_array_equal(decode(raw(encoding, pixels, padding=6)), decode(raw(encoding, pixels)))


@pytest.mark.parametrize('encoding', [name for name, kind in ENCODINGS.items() if kind.dtype == 'u2'])
def test_byte_order_of_wide_pixels_is_respected(encoding):
    pixels = random_pixels(encoding)
    np.testing.assert_array_equal(decode(raw(encoding, pixels, big_endian=True)), decode(raw(encoding, pixels)))


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('bits', [8, 16])
def test_bayer_patterns_bring_back_the_colours(pattern, bits):
    image = smooth_image()
    mosaic = np.zeros((HEIGHT, WIDTH), np.uint8)
    for index, color in enumerate(pattern):
        y, x = divmod(index, 2)
        mosaic[y::2, x::2] = image[y::2, x::2, 'rgb'.index(color)]
    wide = mosaic.astype(np.uint16) << 8 if bits == 16 else mosaic
    error = decode(raw(f'bayer_{pattern}{bits}', wide)).astype(int) - image
    assert np.abs(error[2:-2, 2:-2]).max() <= 6


@pytest.mark.parametrize(
    ('encoding', 'order'), [('yuv422', 'UYVY'), ('uyvy', 'UYVY'), ('yuv422_yuy2', 'YUYV'), ('yuyv', 'YUYV')]
)
def test_packed_yuv_brings_back_the_colours(encoding, order):
    image = smooth_image()
    yuv = _limited_range_yuv(image)
    packed = np.zeros((HEIGHT, WIDTH, 2), np.uint8)
    luminance = order.index('Y')
    packed[..., luminance] = yuv[..., 0]
    packed[:, 0::2, 1 - luminance], packed[:, 1::2, 1 - luminance] = yuv[:, 0::2, 1], yuv[:, 0::2, 2]
    assert np.abs(decode(raw(encoding, packed)).astype(int) - image).max() <= 12


@pytest.mark.parametrize(('encoding', 'first'), [('nv12', 1), ('nv21', 2)])
def test_planar_yuv_brings_back_the_colours(encoding, first):
    image = smooth_image()
    yuv = _limited_range_yuv(image)
    chroma = np.stack([yuv[0::2, 0::2, first], yuv[0::2, 0::2, 3 - first]], -1).reshape(HEIGHT // 2, WIDTH)
    planes = np.concatenate([yuv[..., 0], chroma])
    assert np.abs(decode(raw(encoding, planes, padding=4)).astype(int) - image).max() <= 14


def _limited_range_yuv(image):
    """ITU-R BT.601 as cameras send it."""
    matrix = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
    return np.clip(np.round(image / 255.0 @ matrix.T + [16, 128, 128]), 0, 255).astype(np.uint8)


def test_rgb_is_not_copied():
    image = raw('rgb8', smooth_image())
    assert np.shares_memory(decode(image), np.frombuffer(image.data, np.uint8))


@pytest.mark.parametrize(('extension', 'tolerance'), [('.jpg', 12), ('.png', 0)])
def test_compressed_images_decode_to_rgb(extension, tolerance):
    image = cv2.resize(smooth_image(), (64, 48), interpolation=cv2.INTER_LINEAR)
    data = cv2.imencode(extension, image[..., ::-1])[1].tobytes()
    decoded = decode(CompressedImage(0, '', extension, memoryview(data)))
    assert np.abs(decoded.astype(int) - image).max() <= tolerance


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'height': 0}, 'zero_size'),
        ({'width': 0}, 'zero_size'),
        ({'step': 5}, 'wrong_step'),
        ({'height': 4000}, 'truncated'),
        ({'step': 2**32 - 1}, 'truncated'),
        ({'encoding': 'rgb9'}, 'unknown_encoding'),
        ({'encoding': ''}, 'unknown_encoding'),
        ({'encoding': '32FC1'}, 'depth_image'),
    ],
)
def test_damaged_images_are_refused_with_a_reason(changes, reason):
    image = raw('rgb8', smooth_image())
    with pytest.raises(ImageError) as caught:
        decode(RawImage(**{**vars(image), **changes}))
    assert caught.value.reason == reason
    assert str(caught.value)


def test_planar_yuv_of_odd_height_is_refused():
    with pytest.raises(ImageError) as caught:
        decode(RawImage(0, '', 5, 8, 'nv12', 0, 8, memoryview(bytes(200))))
    assert caught.value.reason == 'undecodable'


def test_odd_width_of_packed_yuv_is_refused():
    with pytest.raises(ImageError, match='even width'):
        decode(raw('yuyv', np.zeros((4, 5, 2), np.uint8)))


@pytest.mark.parametrize('name', ['h264', 'hevc', 'ffmpeg; H.265', 'vp9'])
def test_encoded_video_is_named_with_what_makes_images_of_it(name):
    with pytest.raises(ImageError, match='image_transport republish'):
        decode(CompressedImage(0, '', name, memoryview(b'\0\0\0\1' + bytes(50))))


@pytest.mark.parametrize(('data', 'reason'), [(b'', 'truncated'), (b'not an image', 'undecodable')])
def test_damaged_compressed_images_are_refused_with_a_reason(data, reason):
    with pytest.raises(ImageError) as caught:
        decode(CompressedImage(0, '', 'jpeg', memoryview(data)))
    assert caught.value.reason == reason
