import threading
import time

import numpy as np
import pytest

from chromm_ros.intake.assembly import Assembler, CameraInput
from chromm_ros.intake.depth import ALIVE, APART, DepthError, DepthImages, decode_depth, fitted
from chromm_ros.intake.image_cdr import CompressedImage, RawImage
from chromm_ros.intake.lens import Lens, Rectifier
from chromm_ros.intake.rig_buffer import MatchedSet


def raw(values, encoding, big=False, padding=0):
    """A message of a (H, W) array in the order of bytes that is asked for."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder('>' if big else '<'))
    rows = [row.tobytes() + bytes(padding) for row in values]
    step = values.shape[1] * values.dtype.itemsize + padding
    return RawImage(0, 'camera', *values.shape, encoding, big, step, b''.join(rows))


def colour(height, width):
    return RawImage(0, 'camera', height, width, 'rgb8', False, 3 * width, bytes(3 * height * width))


@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize('padding', [0, 6])
def test_millimetres_and_metres_are_metres(big, padding):
    millimetres = np.array([[1000, 0], [2500, 65535]], np.uint16)
    expected = np.array([[1.0, np.nan], [2.5, 65.535]])
    np.testing.assert_allclose(decode_depth(raw(millimetres, '16UC1', big, padding)), expected, rtol=1e-6)
    metres = np.array([[1.0, np.nan], [-1.0, np.inf]], np.float32)
    found = decode_depth(raw(metres, '32FC1', big, 2 * padding))
    np.testing.assert_allclose(found, [[1.0, np.nan], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ('message', 'words'),
    [
        (raw(np.zeros((2, 6), np.uint8), 'rgb8'), 'rgb8'),
        (raw(np.zeros((2, 2), np.float64), '64FC1'), '64FC1'),
        (RawImage(0, 'camera', 2, 2, '16UC1', False, 4, bytes(5)), '5 bytes'),
        (RawImage(0, 'camera', 2, 2, '16UC1', False, 2, bytes(8)), 'rows of 2 bytes'),
        (RawImage(0, 'camera', 0, 0, '16UC1', False, 0, b''), '0 x 0'),
        (CompressedImage(0, 'camera', '16UC1; compressedDepth', b'png'), 'compressedDepth'),
    ],
)
def test_what_is_no_depth_is_told(message, words):
    with pytest.raises(DepthError, match=words):
        decode_depth(message)


def test_depth_of_another_size_is_brought_to_the_colour_image_without_mixing():
    depth = np.array([[1.0, 3.0], [np.nan, 5.0]], np.float32)
    larger = fitted(depth, (4, 4))
    assert set(larger[np.isfinite(larger)]) == {1.0, 3.0, 5.0}
    with pytest.raises(DepthError, match='not registered'):
        fitted(depth, (4, 2))


def test_the_depth_nearest_in_time_belongs_to_the_image():
    images = DepthImages(lambda item: item)
    for stamp, value in ((0, 1000), (33_000_000, 2000), (66_000_000, 3000)):
        images.add(stamp, raw(np.full((2, 2), value, np.uint16), '16UC1'))
    assert images.of(30_000_000, (2, 2))[0, 0] == pytest.approx(2.0)
    assert images.of(70_000_000, (2, 2))[0, 0] == pytest.approx(3.0)
    assert images.of(66_000_000 + 2 * APART, (2, 2)) is None
    assert DepthImages(lambda item: item).of(0, (2, 2)) is None


def test_bad_depth_is_counted_and_forgotten_when_it_gets_better():
    images = DepthImages(lambda item: item, '/left/depth')
    images.add(0, raw(np.zeros((2, 2), np.float64), '64FC1'))
    assert images.of(0, (2, 2)) is None
    assert images.failures == 1
    assert images.problem.startswith('/left/depth: depth has the encoding')
    images.add(10, raw(np.ones((2, 2), np.float32), '32FC1'))
    assert images.of(10, (2, 2)) is not None
    assert not images.problem


def test_the_assembler_puts_depth_beside_the_pixels():
    assembler = Assembler({'left': CameraInput(lambda item: item)}, lambda frame, stamp: None)
    matched = MatchedSet(5, {'left': colour(4, 4)}, {'left': 5})
    assert assembler.assemble(matched, 1).views['left'].depth is None
    assembler.depths['left'] = DepthImages(lambda item: item)
    assembler.depths['left'].add(5, raw(np.full((2, 2), 1500, np.uint16), '16UC1'))
    np.testing.assert_allclose(assembler.assemble(matched, 1).views['left'].depth, np.full((4, 4), 1.5))
    assembler.depths['left'].add(5, raw(np.full((2, 3), 1500, np.uint16), '16UC1'))
    assembler.depths['left']._waiting.popleft()
    assert assembler.assemble(matched, 1).views['left'].depth is None
    assert 'not registered' in assembler.findings('left')[0].text


def test_depth_follows_the_pixels_when_the_distortion_is_undone():
    matrix = np.array([[40.0, 0, 31.5], [0, 40, 23.5], [0, 0, 1]])
    rectifier = Rectifier(Lens('plumb_bob', matrix, np.array([-0.3, 0.05, 0, 0, 0]), matrix, (64, 48)))
    pixels = np.zeros((48, 64, 3), np.uint8)
    depth = np.full((48, 64), 2.0, np.float32)
    pixels[10:38, 10:30], depth[10:38, 10:30] = 255, 1.0
    straight, moved = rectifier.rectify(pixels), rectifier.rectify_depth(depth)
    inside = straight[..., 0] == 255
    assert (moved[inside] == 1.0).mean() > 0.95
    assert set(np.unique(moved[np.isfinite(moved)])) <= {1.0, 2.0}


def test_depth_that_is_on_its_way_is_waited_for_and_a_stream_that_ended_is_not():
    images = DepthImages(lambda item: item, patience=5.0)
    one = raw(np.ones((2, 2), np.float32), '32FC1')
    images.add(0, one)
    later = threading.Timer(0.05, lambda: images.add(33_000_000, raw(2 * np.ones((2, 2), np.float32), '32FC1')))
    later.start()
    assert images.of(33_000_000, (2, 2))[0, 0] == 2.0
    later.join()
    started = time.monotonic()
    assert images.of(33_000_000 + 2 * ALIVE, (2, 2)) is None
    assert time.monotonic() - started < 4.0
