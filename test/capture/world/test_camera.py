"""A camera is averaged while it stands, and reported once when it does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.capture.settings import WorldSettings
from chromm_ros.capture.world.camera import Camera
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.similarity import Similarity

ERRORS = EstimateErrors()
ROUGH, ROUGHER = (EstimateErrors(camera_position=noise, camera_rotation=noise / 4) for noise in (0.2, 0.4))
LIMITS = WorldSettings(bump_windows=3, bump_translation=0.1, bump_rotation=0.2)


def pose(x: float = 0.0, turn: float = 0.0) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 3] = x
    matrix[:3, :3] = Rotation.from_rotvec([0.0, turn, 0.0]).as_matrix()
    return matrix


def test_the_mean_of_what_windows_say():
    camera = Camera()
    for x in (0.0, 0.2, 0.4):
        camera.average(pose(x), None, refine=False, memory=10)
    assert camera.estimated[0, 3] == pytest.approx(0.2)


def test_the_memory_is_short_enough_to_follow():
    camera = Camera()
    for x in [0.0] * 100 + [1.0] * 30:
        camera.average(pose(x), None, refine=False, memory=5)
    assert camera.estimated[0, 3] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(('refine', 'expected'), [(False, 0.0), (True, 0.5)])
def test_a_given_pose_is_kept_or_corrected_slowly(refine, expected):
    camera = Camera()
    for _ in range(8):
        camera.average(pose(0.5), pose(0.0), refine, memory=2)
    assert camera.estimated[0, 3] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize('away', [pose(0.3), pose(0.0, 0.4)])
def test_a_bump_is_said_once_and_so_is_its_end(away):
    camera = Camera(is_given=True)
    seen = [pose()] * 3 + [away] * 12 + [pose()] * 12
    said = list(filter(None, (camera.compare('door', each, pose(), LIMITS, ERRORS) for each in seen)))
    assert len(said) == 2
    assert 'was it bumped' in said[0]
    assert 'again' in said[1]


def test_an_estimated_camera_that_moved_forgets_its_pose():
    camera = Camera()
    camera.average(pose(), None, refine=False, memory=10)
    said = [camera.compare('door', pose(0.5), pose(), LIMITS, ERRORS) for _ in range(3)]
    assert 'was moved by 0.50 m' in said[2]
    assert camera.estimated is None


def test_what_the_network_misplaces_by_itself_is_no_bump():
    camera = Camera(is_given=True)
    assert not any(camera.compare('door', pose(0.3), pose(), LIMITS, ROUGH) for _ in range(10))
    assert camera.errors[0] == pytest.approx(0.3)
    camera, turned = Camera(is_given=True), pose(0.0, 0.22)  # such a network also turns cameras
    assert not any(camera.compare('door', turned, pose(), LIMITS, ROUGHER) for _ in range(10))
    assert any(camera.compare('door', turned, pose(), LIMITS, ERRORS) for _ in range(10))


def test_people_correct_what_the_network_says_and_the_average_goes_on():
    camera = Camera()
    camera.average(pose(0.0), None, refine=False, memory=10)
    for x in (0.2, 0.4):
        camera.correct(pose(x), memory=10)
    assert camera.corrected[0, 3] == pytest.approx(0.3)
    assert camera.estimated[0, 3] == 0.0
    camera.average(pose(1.0), None, refine=False, memory=10)
    assert camera.corrected[0, 3] == pytest.approx(0.8)  # the correction is about the average


def test_a_correction_grows_with_the_world():
    camera = Camera()
    camera.average(pose(1.0), None, refine=False, memory=10)
    camera.correct(pose(1.5), memory=10)
    camera.move(Similarity(np.asarray(2.0), np.eye(3), np.zeros(3)))
    assert camera.corrected[0, 3] == pytest.approx(3.0)


def test_a_camera_that_was_moved_forgets_its_correction():
    camera = Camera()
    camera.average(pose(), None, refine=False, memory=10)
    camera.correct(pose(0.2), memory=10)
    for _ in range(4):
        camera.compare('door', pose(0.9), pose(), LIMITS, ERRORS)
    camera.average(pose(0.9), None, refine=False, memory=10)
    assert camera.corrected[0, 3] == pytest.approx(0.9)
