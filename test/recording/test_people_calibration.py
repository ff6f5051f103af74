import ast
import json
from dataclasses import replace

import numpy as np
import pytest
from launch_double import ros2_launch
from placeless_network import PlacelessNetwork
from scipy.spatial.transform import Rotation
from truthful_studio import Studio, circling, standing

from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.calibration_formats import read_cameras
from chromm_ros.recording.calibration_report import as_json, draw, static_transforms, table, write_report
from chromm_ros.recording.calibration_yaml import write_ros
from chromm_ros.recording.people_calibration import MOST, PeopleCalibrator

WALKERS = (circling(1.5, 0.0), circling(2.2, 2.0, speed=-0.9))


def calibrated(studio, seconds=6.0, step=0.25, given=(), without=(), calibrated=True, use_poses=True):
    calibrator = PeopleCalibrator(PlacelessNetwork(studio, noise=0.02), use_poses=use_poses)
    for time in np.arange(0, seconds, step):
        images = studio.images(float(time), without=without, calibrated=calibrated, rig=studio.rig)
        views = {
            view: image if number in given else replace(image, world_from_camera=None)
            for number, (view, image) in enumerate(images.views.items())
        }
        calibrator.add(replace(images, views=views))
    return calibrator


@pytest.fixture(scope='module')
def studio():
    return Studio(WALKERS)


@pytest.fixture(scope='module')
def walked(studio):
    calibrator = calibrated(studio)
    return calibrator, calibrator.estimate()


def test_a_walk_gives_the_rig(studio, walked):
    _, outcome = walked
    assert outcome.calibration.verified
    assert outcome.found == studio.views
    poses = np.stack([outcome.calibration.world_from_camera[view] for view in studio.views])
    moved = align_rigs(poses, studio.rig).apply_poses(poses)
    assert np.linalg.norm(moved[:, :3, 3] - studio.rig[:, :3, 3], axis=-1).max() < 0.2


def test_the_height_of_the_walkers_sets_the_scale(studio):
    sizes = []
    for height in (1.5, 1.8):
        calibrator = PeopleCalibrator(PlacelessNetwork(studio, noise=0.02), height=height)
        for time in np.arange(0, 4, 0.25):
            calibrator.add(studio.images(float(time)))
        poses = np.stack(list(calibrator.estimate().calibration.world_from_camera.values()))
        sizes.append(np.linalg.norm(poses[0, :3, 3] - poses[2, :3, 3]))
    assert sizes[1] / sizes[0] == pytest.approx(1.8 / 1.5, rel=0.02)


def test_images_that_come_fast_are_passed_over_and_long_walks_are_thinned(studio):
    assert 7 <= len(calibrated(studio, seconds=1.0, step=0.05)) <= 9
    assert len(calibrated(studio, seconds=30.0)) <= MOST


def test_a_recording_that_begins_anew_goes_on(studio):
    calibrator = calibrated(studio, seconds=1.0)
    before = len(calibrator)
    calibrator.add(studio.images(0.0))
    assert len(calibrator) == before + 1


def test_the_report_says_all_of_every_camera(studio, walked, tmp_path):
    calibrator, outcome = walked
    text = table(outcome)
    assert all(view in text for view in studio.views)
    assert 'scale from the size of people' in text
    write_report(tmp_path, outcome, calibrator)
    told = json.loads((tmp_path / 'report.json').read_text())
    assert told['verified'] is True
    assert told['cameras']['camera1']['reprojection_px'] < 5
    assert told['cameras']['camera1']['halves_differ']['m'] < 0.5
    assert (tmp_path / 'report.png').stat().st_size > 1000
    picture = draw(outcome, calibrator)
    assert picture.shape[0] == 480


def test_a_rig_that_is_not_verified_gives_a_report_and_no_cameras(tmp_path):
    calibrator = calibrated(Studio([standing(0.5, 0.3)]), seconds=3.0)
    outcome = calibrator.estimate()
    assert not outcome.cameras({})
    write_report(tmp_path, outcome, calibrator)
    told = json.loads((tmp_path / 'report.json').read_text())
    assert told['verified'] is False
    assert all(camera['problem'] for camera in told['cameras'].values())
    assert 'walk' in table(outcome)


def test_nobody_at_all(studio):
    outcome = calibrated(Studio([])).estimate()
    assert not outcome.calibration.world_from_camera
    assert as_json(outcome)['sightings'] == 0


def test_given_poses_are_kept_and_named_so(studio):
    outcome = calibrated(studio, given=(0, 2)).estimate()
    assert outcome.found == ('camera1', 'camera3')
    assert np.array_equal(outcome.calibration.world_from_camera['camera2'], studio.rig[2])
    assert 'given' in table(outcome)


def test_given_poses_are_found_anew_where_they_are_not_to_be_used(studio):
    outcome = calibrated(studio, given=(0, 2), use_poses=False).estimate()
    assert outcome.found == tuple(f'camera{view}' for view in range(4))
    assert 'given' not in table(outcome)


def test_files_of_cameras_are_read_as_they_were_meant(studio, walked, tmp_path):
    _, outcome = walked
    known = {
        'camera0': CameraFile(np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]]), None, 64, 48, (0.1, 0.0, 0.0, 0.0))
    }
    cameras = outcome.cameras(known)
    assert cameras['camera0'].distortion == (0.1, 0.0, 0.0, 0.0)
    assert cameras['camera1'].intrinsics is None  # it keeps the calibration that came with its images
    write_cameras(tmp_path / 'cameras.json', cameras)
    again = read_cameras(tmp_path / 'cameras.json')
    for view, pose in outcome.calibration.world_from_camera.items():
        assert np.allclose(again[view].world_from_camera, pose, atol=1e-9)


def test_cameras_without_calibration_get_the_focal_length_that_was_found(studio, tmp_path):
    outcome = calibrated(studio, calibrated=False).estimate()
    cameras = outcome.cameras({})
    assert cameras
    write_ros(tmp_path, cameras)
    again = read_cameras(tmp_path)
    for view, camera in cameras.items():
        assert np.allclose(again[view].intrinsics, camera.intrinsics)
        assert 'was assumed' in table(outcome)


def test_the_launch_file_places_the_frames_of_the_images(walked, tmp_path):
    _, outcome = walked
    text = static_transforms(outcome.calibration.world_from_camera, {'camera0': 'rig/front_optical'}, "the 'map'")
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
    }
    assert assigned['WORLD'] == "the 'map'"
    assert [camera[1] for camera in assigned['CAMERAS'][:2]] == ['rig/front_optical', 'camera1_optical_frame']
    for name, _, position, quaternion in assigned['CAMERAS']:
        pose = outcome.calibration.world_from_camera[name]
        assert np.allclose(position, pose[:3, 3], atol=1e-5)
        assert np.allclose(Rotation.from_quat(quaternion).as_matrix(), pose[:3, :3], atol=1e-6)
    file = tmp_path / 'static_transforms.launch.py'
    file.write_text(text)
    nodes = ros2_launch(f'ros2 launch {file}', ('tf2_ros/static_transform_publisher',)).nodes
    assert [node['arguments'][-4:] for node in nodes] == [
        ['--frame-id', "the 'map'", '--child-frame-id', camera[1]] for camera in assigned['CAMERAS']
    ]


def test_cameras_keep_their_order_and_one_that_is_silent_is_named(studio):
    calibrator = PeopleCalibrator(PlacelessNetwork(studio, noise=0.02), ('camera3', 'broken', 'camera0'))
    for time in np.arange(0, 4, 0.25):
        images = studio.images(float(time))
        views = {view: replace(image, world_from_camera=None) for view, image in images.views.items()}
        calibrator.add(replace(images, views=views))
    outcome = calibrator.estimate()
    assert list(outcome.calibration.checks) == ['camera3', 'broken', 'camera0', 'camera1', 'camera2']
    assert not outcome.calibration.verified
    assert 'broken sent no images' in table(outcome)
    assert len(outcome.calibration.world_from_camera) == 4
