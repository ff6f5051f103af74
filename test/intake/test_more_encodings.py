"""Compressed Bayer images, samples of 10 to 14 bits, and the names that drivers use."""

import cv2
import numpy as np
import pytest

from chromm_ros.intake.decoding import ALIASES, ENCODINGS, ImageError, SampleRange, decode
from chromm_ros.intake.image_cdr import CompressedImage, RawImage

PATTERNS = {'rggb': 'RGGB', 'bggr': 'BGGR', 'gbrg': 'GBRG', 'grbg': 'GRBG'}


def colourful(height=96, width=128):
    coarse = np.random.default_rng(0).integers(20, 235, (4, 6, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def mosaic_of(pixels, pattern):
    mosaic = np.zeros(pixels.shape[:2], pixels.dtype)
    for index, color in enumerate(pattern):
        y, x = divmod(index, 2)
        mosaic[y::2, x::2] = pixels[y::2, x::2, 'rgb'.index(color)]
    return mosaic


def error(pixels, expected):
    return np.abs(pixels.astype(int) - expected)[2:-2, 2:-2].mean()


@pytest.mark.parametrize('pattern', PATTERNS)
@pytest.mark.parametrize(('ending', 'codec', 'tolerance'), [('.png', 'png', 2.0), ('.jpg', 'jpeg', 4.0)])
@pytest.mark.parametrize('given', ['', 'mono8'])
def test_a_compressed_mosaic_is_demosaiced(pattern, ending, codec, tolerance, given):
    pixels = colourful()
    data = cv2.imencode(ending, mosaic_of(pixels, pattern))[1].tobytes()
    decoded = decode(CompressedImage(0, '', f'bayer_{pattern}8; {codec} compressed {given}', memoryview(data)))
    assert error(decoded, pixels) < tolerance


def test_a_mosaic_of_sixteen_bits_in_a_png_is_demosaiced():
    pixels = colourful()
    mosaic = mosaic_of(pixels.astype(np.uint16) << 4, 'rggb')  # 12 bits
    data = cv2.imencode('.png', mosaic)[1].tobytes()
    decoded = decode(CompressedImage(0, '', 'bayer_rggb16; png compressed ', memoryview(data)))
    assert error(decoded, pixels) < 3


@pytest.mark.parametrize(
    ('form', 'swapped'),
    [
        ('jpeg', False),
        ('rgb8; jpeg compressed bgr8', False),
        ('bgr8; png compressed bgr8', False),
        ('bayer_rggb8; jpeg compressed bgr8', False),
        ('rgb8; png compressed rgb8', True),
        ('rgb8;jpeg compressed rgb8', True),
    ],
)
def test_the_order_of_the_colours_follows_the_format(form, swapped):
    pixels = colourful()
    stored = pixels if swapped else pixels[..., ::-1]
    data = cv2.imencode('.png', stored)[1].tobytes()
    np.testing.assert_array_equal(decode(CompressedImage(0, '', form, memoryview(data))), pixels)


@pytest.mark.parametrize('form', ['16UC1; compressedDepth png', '32FC1; compressedDepth rvl'])
def test_compressed_depth_is_named(form):
    with pytest.raises(ImageError) as caught:
        decode(CompressedImage(0, '', form, memoryview(b'x' * 50)))
    assert caught.value.reason == 'depth_image'


def raw(encoding, pixels, height=None):
    pixels = np.ascontiguousarray(pixels)
    step = pixels[0].nbytes
    return RawImage(0, '', height or len(pixels), pixels.shape[1], encoding, 0, step, memoryview(pixels.tobytes()))


@pytest.mark.parametrize('bits', [10, 12, 14, 16])
@pytest.mark.parametrize('encoding', ['mono16', '16UC1', 'bayer_rggb16'])
def test_the_range_of_the_samples_is_found(bits, encoding):
    samples = np.linspace(0, 2**bits - 1, 96 * 128).reshape(96, 128).astype('<u2')
    assert decode(raw(encoding, samples)).max() >= 252


def test_the_range_stays_when_the_light_goes_down():
    found = SampleRange()
    bright, dark = np.full((8, 8), 4000, '<u2'), np.full((8, 8), 500, '<u2')
    assert decode(raw('mono16', bright), found).max() == 250
    assert decode(raw('mono16', dark), found).max() == 31


@pytest.mark.parametrize('bits', [10, 12, 14])
def test_encodings_that_say_their_bits_are_believed(bits):
    samples = np.full((8, 8), 2 ** (bits - 1), '<u2')
    assert decode(raw(f'mono{bits}', samples)).max() == 128
    assert decode(raw(f'bayer_gbrg{bits}', samples)).max() == 128


@pytest.mark.parametrize('alias', ALIASES)
def test_names_of_drivers_mean_the_known_encodings(alias):
    kind = ENCODINGS[ALIASES[alias]]
    shape = (8, 8, kind.channels) if kind.channels > 1 else (8, 8)
    samples = np.random.default_rng(1).integers(0, 2 ** (8 * np.dtype(kind.dtype).itemsize), shape).astype(kind.dtype)
    expected = decode(raw(ALIASES[alias], samples))
    for name in (alias, alias.upper()):
        np.testing.assert_array_equal(decode(raw(name, samples)), expected)


@pytest.mark.parametrize(('encoding', 'first'), [('i420', 1), ('yuv420', 1), ('yv12', 2)])
def test_three_planes_bring_back_the_colours(encoding, first):
    pixels = colourful()
    planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420)
    if first == 2:
        planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_YV12)
    assert error(decode(raw(encoding, planes, height=96)), pixels) < 6


def test_nv24_brings_back_the_colours():
    pixels = colourful()
    i420 = cv2.cvtColor(pixels, cv2.COLOR_RGB2YUV_I420)
    u, v = (i420[96 + 24 * k : 120 + 24 * k].reshape(48, 64).repeat(2, 0).repeat(2, 1) for k in range(2))
    color = np.stack([u, v], -1).reshape(192, 128)
    assert error(decode(raw('nv24', np.concatenate([i420[:96], color]), height=96)), pixels) < 6


@pytest.mark.parametrize('encoding', ['jpeg', 'mjpeg', 'MJPEG'])
def test_a_jpeg_in_an_image_message_is_decoded(encoding):
    data = cv2.imencode('.jpg', colourful()[..., ::-1])[1].tobytes()
    message = RawImage(0, '', 96, 128, encoding, 0, len(data), memoryview(data))
    assert error(decode(message), colourful()) < 5
