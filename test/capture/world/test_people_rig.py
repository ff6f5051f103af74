"""A capture with a network that places no cameras: people have to tell where they stand."""

from dataclasses import replace

import numpy as np
import pytest
from placeless_network import PlacelessNetwork
from truthful_studio import BODY, Studio, circling, ring, standing

from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import ViewState, WorldSource
from chromm_ros.geometry.rotations import rotation_of, vector_of
from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.recording.state_files import decoded, encoded
from chromm_ros.settings import changed

WALKERS = (circling(1.5, 0.0), circling(2.2, 2.0, speed=-0.9))
INTERVAL = 0.25


def capture_of(studio, extrinsics='auto', **world):
    settings = changed(
        CaptureSettings(), {'extrinsics': extrinsics, **{f'world.{name}': value for name, value in world.items()}}
    )
    return Capture(PlacelessNetwork(studio, noise=0.02), BODY, settings, studio.views)


def run(capture, studio, start, end, given=(), interval=INTERVAL):
    """All snapshots from ``start`` to ``end`` [s]; the cameras ``given`` claim their true poses."""
    snapshots = []
    for time in np.arange(start, end, interval):
        images = studio.images(float(time), rig=studio.rig)
        views = {
            view: image if number in given else replace(image, world_from_camera=None)
            for number, (view, image) in enumerate(images.views.items())
        }
        snapshots.append(capture.add(replace(images, views=views)))
    return snapshots


def said(snapshots):
    return ' '.join(message for snapshot in snapshots for message in snapshot.messages)


def rig_error(snapshot, studio, scale=None):
    """Largest distance of the cameras from the truth [m], after the best similarity (scale 1: rigid motion)."""
    poses = np.stack([camera.world_from_camera for camera in snapshot.cameras])
    moved = align_rigs(poses, studio.rig, scale=scale).apply_poses(poses)
    return np.linalg.norm(moved[:, :3, 3] - studio.rig[:, :3, 3], axis=-1).max()


def test_nothing_is_published_before_people_told_where_the_cameras_are_and_then_it_is_right():
    studio = Studio(WALKERS)
    snapshots = run(capture_of(studio), studio, 0, 8)
    first = snapshots[0]
    assert not first.humans
    assert all(camera.world_from_camera is None and not camera.used for camera in first.cameras)
    assert {camera.state for camera in first.cameras} == {ViewState.UNCALIBRATED}
    assert 'walk through all views' in ' '.join(first.messages)
    blind = [snapshot for snapshot in snapshots if not snapshot.humans]
    assert 5 <= len(blind) < 20
    assert not any(camera.used for snapshot in blind for camera in snapshot.cameras)
    last = snapshots[-1]
    assert 'People tell where camera0, camera1, camera2, camera3 stand' in said(snapshots)
    assert last.world_source is WorldSource.FLOOR
    assert rig_error(last, studio) < 0.2
    assert not any(camera.given for camera in last.cameras)
    assert len(last.humans) == 2
    heights = [human.head[2] for human in last.humans]
    assert heights == pytest.approx([1.6, 1.6], abs=0.3)


def test_cameras_without_a_pose_come_to_those_with_one():
    studio = Studio(WALKERS)
    snapshots = run(capture_of(studio), studio, 0, 8, given=(0, 2))
    assert snapshots[3].humans
    assert [camera.used for camera in snapshots[3].cameras] == [True, False, True, False]
    assert 'camera1, camera3' in snapshots[3].messages[0]
    last = snapshots[-1]
    assert all(camera.used for camera in last.cameras)
    assert last.world_source is WorldSource.TF
    places = np.stack([camera.world_from_camera[:3, 3] for camera in last.cameras])
    assert np.abs(places - studio.rig[:, :3, 3]).max() < 0.25
    assert [camera.given for camera in last.cameras] == [True, False, True, False]


def test_people_who_stand_still_are_not_enough():
    studio = Studio([standing(0.5, 0.3)])
    snapshots = run(capture_of(studio), studio, 0, 4)
    assert not any(snapshot.humans for snapshot in snapshots)
    assert 'walk' in snapshots[-1].messages[0]


def test_one_camera_is_its_own_world_and_says_so():
    studio = Studio(WALKERS, rig=ring(1))
    snapshots = run(capture_of(studio, find_floor=False), studio, 0, 2)
    assert any(snapshot.humans for snapshot in snapshots)
    assert snapshots[-1].world_source is WorldSource.FIRST_CAMERA
    assert said(snapshots).count('There is one camera') == 1


def test_cameras_that_move_are_not_guessed():
    studio = Studio(WALKERS)
    snapshots = run(capture_of(studio, rig_moves=True), studio, 0, 4)
    assert not any(snapshot.humans for snapshot in snapshots)
    assert 'need their poses from TF' in snapshots[-1].messages[0]


def test_poses_that_are_not_to_be_used_are_not():
    studio = Studio(WALKERS)
    snapshots = run(capture_of(studio, extrinsics='estimated'), studio, 0, 1, given=(0, 1, 2, 3))
    assert not any(camera.used for camera in snapshots[-1].cameras)


def test_a_pose_that_comes_late_moves_the_rig_into_its_world():
    studio = Studio(WALKERS)
    capture = capture_of(studio)
    before = run(capture, studio, 0, 6)[-1]
    after = run(capture, studio, 6, 14, given=(0, 1, 2, 3))[-1]
    assert before.world_source is WorldSource.FLOOR
    assert after.world_source is WorldSource.TF
    places = np.stack([camera.world_from_camera[:3, 3] for camera in after.cameras])
    assert np.allclose(places, studio.rig[:, :3, 3], atol=1e-6)


@pytest.mark.slow
def test_a_camera_that_is_moved_loses_its_place_and_finds_another():
    studio = Studio(WALKERS)
    capture = capture_of(studio)
    run(capture, studio, 0, 8)
    studio.rig[1, :3, 3] += [0.0, 0.0, 0.7]
    snapshots = run(capture, studio, 8, 140, interval=2.0) + run(capture, studio, 140, 146)
    assert 'camera1 was moved' in said(snapshots)
    assert rig_error(snapshots[-1], studio) < 0.2


@pytest.mark.parametrize('until', [1.0, 4.0])
def test_a_saved_state_goes_on_as_if_nothing_had_happened(until):
    studio = Studio(WALKERS)
    capture, again = capture_of(studio), capture_of(studio)
    run(capture, studio, 0, until)
    rig = again._session.people_rig
    rig.load_state_dict(decoded(encoded(capture._session.people_rig.state_dict())))
    for there, here in ((capture._session.people_rig, rig),):
        assert here.state_dict().keys() == there.state_dict().keys()
        assert here.missing(studio.views) == there.missing(studio.views)
        assert len(here.poses) == (0 if until < 2 else 4)
    expected = run(capture, studio, until, until + 3)[-1]
    assert np.isfinite(expected.scale)
    went_on = run(again, studio, until, until + 3)[-1]
    poses = [np.stack([camera.world_from_camera for camera in last.cameras]) for last in (expected, went_on)]
    relative = [np.linalg.inv(rig[0]) @ rig[1] for rig in poses]
    assert np.allclose(relative[0][:3, :3], relative[1][:3, :3], atol=1e-6)


@pytest.mark.parametrize(
    ('extrinsics', 'seconds', 'corrected'),
    [('auto', 3, False), pytest.param('tf_then_refine', 20, True, marks=pytest.mark.slow)],
)
def test_people_correct_given_poses_where_that_is_asked_for(extrinsics, seconds, corrected):
    studio = Studio(WALKERS)
    claimed = studio.rig.copy()
    claimed[1, :3, :3] = claimed[1, :3, :3] @ rotation_of(np.array([0.0, np.radians(2.0), 0.0]))
    capture = capture_of(studio, extrinsics)
    snapshots = [capture.add(studio.images(float(time), rig=claimed)) for time in np.arange(0, seconds, INTERVAL)]
    last = snapshots[-1]
    assert all(camera.given for camera in last.cameras)
    assert ('People correct the given poses' in said(snapshots)) == corrected
    turned = last.cameras[1].world_from_camera[:3, :3].T @ studio.rig[1, :3, :3]
    assert (np.degrees(np.linalg.norm(vector_of(turned))) < 1.2) == corrected


def test_a_given_pose_that_is_plainly_wrong_is_said_and_nothing_corrected():
    studio = Studio(WALKERS)
    claimed = studio.rig.copy()
    claimed[1, :3, :3] = claimed[1, :3, :3] @ rotation_of(np.array([0.0, np.radians(9.0), 0.0]))
    capture = capture_of(studio, 'tf_then_refine')
    snapshots = [capture.add(studio.images(float(time), rig=claimed)) for time in np.arange(0, 4, INTERVAL)]
    assert 'check them' in said(snapshots)
    np.testing.assert_allclose(snapshots[-1].cameras[0].world_from_camera, claimed[0], atol=1e-3)
