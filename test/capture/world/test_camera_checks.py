"""A frozen picture and the frame of a camera's body are recognised, and said once."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.world.camera_checks import BODY_FROM_OPTICAL, CameraChecks, names_body_frame
from chromm_ros.flow import ViewImage
from chromm_ros.geometry.rotations import vector_of

SECOND = 1_000_000_000


def mounted(heading, tilt, roll=0.0):
    """(4, 4) world_from_camera of a camera that hangs like this; degrees, tilt downwards."""
    pose = np.eye(4)
    body = Rotation.from_euler('zyx', [heading, tilt, roll], degrees=True).as_matrix()
    pose[:3, :3] = body @ BODY_FROM_OPTICAL
    return pose


def as_body(pose):
    """The pose of the body of the same camera."""
    moved = pose.copy()
    moved[:3, :3] = pose[:3, :3] @ BODY_FROM_OPTICAL.T
    return moved


@pytest.mark.parametrize('heading', [0, 75, 160, -100])
@pytest.mark.parametrize('tilt', [-20, 0, 15, 40])
@pytest.mark.parametrize('roll', [-10, 0, 20])
def test_the_frame_of_the_body_is_told_from_the_optical_one(heading, tilt, roll):
    pose = mounted(heading, tilt, roll)
    assert not names_body_frame(pose)
    assert names_body_frame(as_body(pose))


def test_a_camera_that_looks_down_is_no_body_frame():
    assert not names_body_frame(mounted(30, 90))


def look(checks, notices, pixels, seconds, pose=None):
    checks.look('a', ViewImage(pixels, round(seconds * SECOND), None, pose), notices)


def sentences(notices):
    return notices.tell()[1]


def test_a_picture_that_stands_still_is_said_once_and_forgotten_when_it_moves():
    checks, notices = CameraChecks(), Notices()
    frozen = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    for k in range(40):
        look(checks, notices, frozen.copy(), 0.25 * k)
    (said,) = sentences(notices)
    assert said.startswith('Camera a: the picture has not changed for 5 s')
    assert 'restart the driver' in checks.findings('a')[0].text
    moved = frozen.copy()
    moved[3, 4] += 1
    look(checks, notices, moved, 10.25)
    assert not checks.findings('a')


@pytest.mark.parametrize(('count', 'interval'), [(9, 1.0), (100, 0.04)])
def test_a_few_equal_pictures_are_no_fault(count, interval):
    checks, notices = CameraChecks(), Notices()
    for k in range(count):
        look(checks, notices, np.zeros((32, 32, 3), np.uint8), interval * k)
    assert not checks.findings('a')


def test_a_turn_by_the_body_frame_is_found_where_no_pose_looks_up():
    checks, notices = CameraChecks(), Notices()
    checks.compare('a', vector_of(BODY_FROM_OPTICAL) + 0.1, notices)
    assert 'optical frame' in checks.findings('a')[0].text
    checks.compare('a', np.array([0.0, 0.0, 2.0]), notices)
    assert not checks.findings('a')
    assert len(sentences(notices)) == 1


def test_the_wrong_frame_is_said_with_the_first_image():
    checks, notices = CameraChecks(), Notices()
    look(checks, notices, np.zeros((32, 32, 3), np.uint8), 0.0, as_body(mounted(10, 10)))
    (said,) = sentences(notices)
    assert '-0.5 0.5 -0.5 0.5' in said
