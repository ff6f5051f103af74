"""A frozen picture and the frame of a camera's body are recognised, and said once."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.world.camera_checks import CameraChecks
from chromm_ros.flow import ViewImage
from chromm_ros.geometry.rotations import vector_of
from chromm_ros.intake.frames import BODY_FROM_OPTICAL, names_body_frame

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


def test_a_turn_by_the_body_frame_is_found_for_one_camera():
    checks, notices = CameraChecks(), Notices()
    checks.compare_one('a', vector_of(BODY_FROM_OPTICAL) + 0.1, notices)
    assert 'optical frame' in checks.findings('a')[0].text
    checks.compare_one('a', np.array([0.0, 0.0, 2.0]), notices)
    assert not checks.findings('a')
    assert len(sentences(notices)) == 1


@pytest.mark.parametrize('gauge', [0, 1, 2])
@pytest.mark.parametrize('headings', [(0, 90), (0, 120, 240), (10, 100, 190, 280)])
def test_a_rig_whose_frames_are_all_of_bodies_is_found_in_the_first_window(headings, gauge):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.random(random_state=gauge).as_matrix()
    true = {f'c{heading}': mounted(heading, 15) for heading in headings}
    estimated = {view: turn @ pose for view, pose in true.items()}
    checks, notices = CameraChecks(), Notices()
    checks.compare(estimated, true, notices)
    assert not any(checks.findings(view) for view in true)
    checks.compare(estimated, {view: as_body(pose) for view, pose in true.items()}, notices)
    assert all('-0.5 0.5 -0.5 0.5' in checks.findings(view)[0].text for view in true)
    assert len(sentences(notices)) == len(headings)
