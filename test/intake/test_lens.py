"""Intrinsics with the half pixel, and lenses undone: a point seen by the lens ends where a pinhole would see it."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from chromm_ros.intake.lens import CalibrationError, Rectifier, lens_of

WIDTH, HEIGHT = 160, 120
MATRIX = np.array([[110.0, 0, 79.5], [0, 112.0, 59.5], [0, 0, 1]])
RECTIFIED = np.array([[90.0, 0, 81.0], [0, 91.0, 58.0], [0, 0, 1]])
LENSES = {
    'plumb_bob': [-0.25, 0.08, 0.001, -0.002, -0.01],
    'rational_polynomial': [0.3, -0.1, 0.001, 0.0005, 0.01, 0.5, -0.05, 0.02],
    'equidistant': [0.05, -0.01, 0.003, -0.001],
}


def info(model='plumb_bob', distortion=(), matrix=MATRIX, rectified=RECTIFIED, **fields):
    projection = np.concatenate([rectified, np.zeros((3, 1))], 1)
    fields = {'width': WIDTH, 'height': HEIGHT, **fields}
    return CameraInfo(distortion_model=model, d=list(distortion), k=matrix.ravel(), p=projection.ravel(), **fields)


def seen_through(model, distortion, ray):
    """OpenCV pixel (first centre at 0) at which the lens shows a ray (x/z, y/z)."""
    point = np.array([[[ray[0], ray[1], 1.0]]])
    project = cv2.fisheye.projectPoints if model == 'equidistant' else cv2.projectPoints
    pixels, _ = project(point, np.zeros(3), np.zeros(3), MATRIX, np.array(distortion))
    return pixels.reshape(2)


@pytest.mark.parametrize('model', LENSES)
@pytest.mark.parametrize('ray', [(0.0, 0.0), (0.4, -0.3), (-0.5, 0.1)])
def test_rectified_image_shows_a_ray_where_the_intrinsics_say(model, ray):
    centre = seen_through(model, LENSES[model], ray)
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    blob = 250 * np.exp(-((columns - centre[0]) ** 2 + (rows - centre[1]) ** 2) / (2 * 2.0**2))
    image = np.repeat(blob.astype(np.uint8)[..., None], 3, -1)

    rectifier = Rectifier(lens_of(info(model, LENSES[model])))
    flat = rectifier.rectify(image)[..., 0].astype(float)
    found = np.array([(columns + 0.5) * flat, (rows + 0.5) * flat]).sum((1, 2)) / flat.sum()
    intrinsics = rectifier.intrinsics(WIDTH, HEIGHT)
    expected = (intrinsics @ [*ray, 1.0])[:2]
    np.testing.assert_allclose(found, expected, atol=0.25)


def test_first_pixel_moves_by_half_a_pixel():
    intrinsics = Rectifier(lens_of(info())).intrinsics(WIDTH, HEIGHT)
    np.testing.assert_allclose(intrinsics, RECTIFIED + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]))


def test_without_projection_the_camera_matrix_counts():
    intrinsics = Rectifier(lens_of(info(rectified=np.zeros((3, 3))))).intrinsics(WIDTH, HEIGHT)
    np.testing.assert_allclose(intrinsics[:2, 2], MATRIX[:2, 2] + 0.5)


def test_undistorted_images_are_not_touched():
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    assert Rectifier(lens_of(info(rectified=MATRIX))).rectify(image) is image


def test_rectification_does_not_turn_the_camera():
    """R belongs to a stereo pair; the pose from TF is that of the optical frame."""
    turned = cv2.Rodrigues(np.array([0.0, 0.1, 0.0]))[0]
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    plain, stereo = (
        Rectifier(lens_of(info(distortion=LENSES['plumb_bob'], r=r.ravel()))) for r in (np.eye(3), turned)
    )
    np.testing.assert_array_equal(plain.rectify(image), stereo.rectify(image))
    np.testing.assert_array_equal(plain.intrinsics(WIDTH, HEIGHT), stereo.intrinsics(WIDTH, HEIGHT))


def test_image_of_half_the_size_sees_the_same_rays():
    """The centre of the image is a fixed point of scaling about its corner."""
    rectifier = Rectifier(lens_of(info()))
    half = rectifier.intrinsics(WIDTH // 2, HEIGHT // 2)
    np.testing.assert_allclose(half[:2], rectifier.intrinsics(WIDTH, HEIGHT)[:2] / 2)


def test_size_may_change_while_running():
    rectifier = Rectifier(lens_of(info(distortion=LENSES['plumb_bob'])))
    for width, height in [(WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2), (WIDTH, HEIGHT)]:
        assert rectifier.rectify(np.zeros((height, width, 3), np.uint8)).shape == (height, width, 3)


def test_other_proportions_are_refused():
    with pytest.raises(CalibrationError, match='other proportions'):
        Rectifier(lens_of(info())).intrinsics(WIDTH, WIDTH)


def test_crop_and_binning_move_the_intrinsics():
    crop = RegionOfInterest(x_offset=20, y_offset=10, width=80, height=60)
    lens = lens_of(info(roi=crop, binning_x=2, binning_y=2))
    assert lens.size == (40, 30)
    intrinsics = Rectifier(lens).intrinsics(40, 30)
    np.testing.assert_allclose(intrinsics[0, 2], (RECTIFIED[0, 2] + 0.5 - 20) / 2)
    np.testing.assert_allclose(intrinsics[1, 1], RECTIFIED[1, 1] / 2)


def test_zero_matrix_means_not_calibrated():
    assert lens_of(CameraInfo(width=WIDTH, height=HEIGHT)) is None


@pytest.mark.parametrize(
    ('message', 'text'),
    [
        (info(matrix=MATRIX * [[np.nan], [1], [1]]), 'NaN'),
        (info(distortion=[np.inf, 0, 0, 0, 0]), 'NaN'),
        (info(matrix=MATRIX * [[0], [1], [1]]), 'focal'),
        (info(matrix=-MATRIX), 'focal'),
        (info(width=0), 'size'),
        (info('thin_prism', [0.1] * 5), 'not known'),
        (info('equidistant', [0.1] * 5), 'coefficients'),
    ],
)
def test_impossible_calibrations_are_refused(message, text):
    with pytest.raises(CalibrationError, match=text):
        lens_of(message)
