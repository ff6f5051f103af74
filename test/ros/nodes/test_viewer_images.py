import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from chromm_ros.ros.nodes.cameras_node import camera_info, image_message
from chromm_ros.ros.nodes.viewer_images import WIDTH, CameraImages
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import header
from chromm_ros.viewing.thumbnails import pixels_of

SECOND = 1_000_000_000
INTRINSICS = np.array([[300.0, 0, 320], [0, 300.0, 240], [0, 0, 1]])


def image(stamp, shade=100):
    return cdr.encode(Image, image_message(np.full((480, 640, 3), shade, np.uint8), header(stamp, 'front')))


def info(width=640, height=480, distortion=()):
    described = camera_info(INTRINSICS, width, height, header(0, 'front'))
    message = CameraInfo(width=width, height=height, distortion_model='plumb_bob')
    message.k, message.p = described['k'], described['p']
    message.d = list(distortion)
    return message


def test_the_image_that_a_window_was_made_of_is_found_again():
    images = CameraImages(compressed=False, interval=0.0)
    for step in range(10):
        images.take(image(step * SECOND, 20 * step), now=float(step))
    assert images.near(round(3.1 * SECOND)).stamp == 3 * SECOND
    assert images.near(None).stamp == 9 * SECOND
    assert pixels_of(images.near(3 * SECOND).jpeg).shape == (180, WIDTH, 3)
    assert abs(int(pixels_of(images.near(3 * SECOND).jpeg).mean()) - 60) < 3


def test_images_that_come_faster_than_the_page_draws_are_counted_and_not_kept():
    images = CameraImages(compressed=False, interval=0.1)
    for step in range(100):
        images.take(image(step), now=0.02 * step)
    assert images.rate(2.0) == pytest.approx(100 / 5)
    assert len(images._kept) <= 20


@pytest.mark.parametrize('damage', [b'', b'\0\1\0\0', 'cut'])
def test_what_cannot_be_shown_is_said(damage):
    images = CameraImages(compressed=False, interval=0.0)
    images.take(image(0)[:5000] if damage == 'cut' else damage, now=0.0)
    assert images.problem
    assert images.near(None) is None
    images.take(image(SECOND), now=1.0)
    assert not images.problem


def test_compressed_images_are_decoded_when_they_are_shown():
    images = CameraImages(compressed=True, interval=0.0)
    _, jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 90, np.uint8))
    head = header(SECOND, 'front')
    images.take(cdr.encode(CompressedImage, {'header': head, 'format': 'jpeg', 'data': jpeg}), now=0.0)
    assert not images._kept[0].jpeg
    assert images.near(SECOND).jpeg
    assert images.size == (64, 48)


def test_the_lens_is_that_of_the_undistorted_image():
    images = CameraImages(compressed=False, interval=0.0)
    images.calibrate(info(distortion=(-0.2, 0.05, 0.0, 0.0, 0.0)))
    images.take(image(0), now=0.0)
    half_a_pixel = np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    np.testing.assert_allclose(images.intrinsics - half_a_pixel, INTRINSICS, atol=0.51)
    assert images.fov == pytest.approx(2 * np.arctan(0.8))


def test_a_calibration_of_another_camera_is_said_and_not_used():
    images = CameraImages(compressed=False, interval=0.0)
    images.calibrate(info(width=640, height=640))
    images.take(image(0), now=0.0)
    assert images.intrinsics is None
    assert 'proportions' in images.problem
