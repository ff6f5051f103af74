"""The capture and its cameras: given, estimated, moved, bumped, out of step, away."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from captures import capture_of, run, tracked
from scipy.spatial.transform import Rotation
from truthful_studio import BODY, Studio, TruthfulNetwork, circling, nanoseconds, ring, standing

from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ImageSet, ViewState, WorldSource
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.settings import changed


def test_the_order_of_the_cameras_does_not_matter():
    studio = Studio([circling(1.5, 0.0), standing(0, 1)])
    results = []
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        capture = Capture(TruthfulNetwork(studio, noise=0.03), BODY)
        last = run(capture, studio, 0, 3, order=order)[-1]
        results.append(sorted(tuple(human.head) for human in last.humans))
        assert [camera.view for camera in last.cameras] == [studio.views[number] for number in order]
    # the floor, on which people stand, is found by random trials among the points in their order
    np.testing.assert_allclose(*results, atol=1e-4)


def test_a_rigid_change_of_the_given_rig_moves_everything_rigidly():
    studio = Studio([circling(1.5, 0.0), standing(0, 1)])
    change = Similarity(np.ones(()), _yaw(0.7), np.array([3.0, -2.0, 1.0]))
    here = run(capture_of(studio, noise=0.03), studio, 0, 3)[-1]
    there = run(capture_of(studio, noise=0.03), studio, 0, 3, rig=change.apply_poses(studio.rig))[-1]
    for a, b in zip(here.humans, there.humans):
        np.testing.assert_allclose(change.apply(a.joints), b.joints, atol=1e-5)
        np.testing.assert_allclose(change.rotation @ a.velocity, b.velocity, atol=1e-5)
    np.testing.assert_allclose(change.apply(here.scene_update.points), there.scene_update.points, atol=1e-4)


@pytest.mark.parametrize('gauge', ['studio', 'random', 'scale'])
def test_a_known_rig_sets_frame_and_scale_whatever_the_gauge(gauge):
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio, gauge=gauge, metric_error=1.4)
    last = run(capture, studio, 0, 3)[-1]
    assert np.linalg.norm(last.humans[0].head - studio.heads(last.stamp * 1e-9)[0]) < 0.05
    walls = np.abs(last.scene_update.points[:, :2]).max(1)
    height = last.scene_update.points[:, 2]
    assert np.all((np.abs(walls - 5) < 0.35) | (np.abs(height) < 0.2) | (np.abs(height - 3) < 0.2))
    if gauge != 'scale':
        assert last.scale == pytest.approx(1.4, rel=0.02)


def test_people_set_the_scale_of_an_unknown_rig():
    studio = Studio([circling(1.5, 0.0), standing(0, 1)])
    capture = capture_of(studio, gauge='random', metric_error=1.3)
    last = run(capture, studio, 0, 10, rig=None)[-1]
    assert last.scale == pytest.approx(1.3, rel=0.05)
    centres = np.stack([camera.world_from_camera[:3, 3] for camera in last.cameras])
    assert np.linalg.norm(centres[0] - centres[2]) == pytest.approx(8.0, rel=0.05)


@pytest.mark.parametrize('gauge', ['random', 'scale'])
def test_an_unknown_rig_gives_a_level_world_in_which_people_stay_themselves(gauge):
    studio = Studio([circling(1.5, 0.0), standing(0, 1)])
    capture = capture_of(studio, gauge=gauge, noise=0.01)
    snapshots = run(capture, studio, 0, 6, rig=None)
    last = snapshots[-1]
    assert last.world_source is WorldSource.FLOOR
    assert set(tracked(last)) == {1, 2}
    for human in last.humans:
        assert human.head[2] == pytest.approx(1.6, abs=0.12)
        assert human.root_rotation[2, 1] > 0.99  # the body's y axis points up
    apart = np.linalg.norm(last.humans[0].head - last.humans[1].head)
    truth = studio.heads(last.stamp * 1e-9)
    assert apart == pytest.approx(np.linalg.norm(truth[0] - truth[1]), rel=0.1)


@pytest.mark.parametrize('lift', [0.0, -2.5])
def test_the_floor_of_a_level_world_is_evidence_of_where_people_are(lift):
    studio = Studio([circling(1.5, 0.0), standing(0, 1)])
    rig = Similarity(np.ones(()), np.eye(3), np.array([0.0, 0.0, lift])).apply_poses(studio.rig)
    capture = capture_of(studio, noise=0.01)
    last = run(capture, studio, 0, 3, rig=rig)[-1]
    assert last.floor == pytest.approx(lift, abs=0.1)
    assert capture.evidence.floor == pytest.approx(last.floor, abs=0.05)


def test_without_a_level_there_is_no_floor():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio, changed(CaptureSettings(), {'world.find_floor': False}), gauge='random')
    last = run(capture, studio, 0, 3, rig=None)[-1]
    assert last.world_source is WorldSource.FIRST_CAMERA
    assert np.isnan(last.floor)
    assert np.isnan(capture.evidence.floor)


def test_moving_cameras_without_poses_are_tied_through_shared_images():
    studio = Studio([standing(0.5, 0), standing(-0.5, 1)])
    settings = dataclasses.replace(
        CaptureSettings(), world=dataclasses.replace(CaptureSettings().world, rig_moves=True)
    )
    capture = capture_of(studio, settings, gauge='scale')
    heads = [tracked(snapshot) for snapshot in run(capture, studio, 0, 5, rig=None)]
    for head in heads[2:]:
        assert set(head) == {1, 2}
        np.testing.assert_allclose(head[1], heads[-1][1], atol=0.1)


@pytest.mark.parametrize(('wobble', 'tolerance'), [(0.0, 0.01), (0.05, 0.1)])
def test_a_single_camera_in_the_hand_keeps_its_scale_in_a_room_without_people(wobble, tolerance):
    studio = Studio([], rig=ring(4, radius=1.0)[:1], travel=lambda time: np.array([-0.3 * time, 0.2 * time, 0]))
    settings = changed(
        CaptureSettings(), {'world.rig_moves': True, 'world.find_floor': False, 'window_size': 6, 'window_stride': 5}
    )
    capture = capture_of(studio, settings, gauge='scale', wobble=wobble)  # the unit of windows varies by a fifth
    snapshots = run(capture, studio, 0, 12.5, rig=None)
    centres = np.stack([step.cameras[0].world_from_camera[:3, 3] for shot in snapshots for step in shot.steps])
    strides = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    assert len(strides) == 49
    np.testing.assert_allclose(strides / strides[0], 1.0, atol=tolerance)


def test_a_bumped_camera_is_reported_once_and_does_not_drag_the_others():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 4)
    claimed = studio.rig.copy()
    studio.rig = studio.rig.copy()
    studio.rig[1, :3, :3] = studio.rig[1, :3, :3] @ _yaw(0.4)
    studio.rig[1, :3, 3] += [0.2, 0.5, 0.0]
    snapshots = run(capture, studio, 4, 12, rig=claimed)
    warnings = [message for snapshot in snapshots for message in snapshot.messages if 'bumped' in message]
    assert len(warnings) == 1
    assert 'camera1' in warnings[0]
    states = {camera.view: camera for camera in snapshots[-1].cameras}
    assert states['camera1'].translation_error > 0.4
    assert states['camera1'].rotation_error == pytest.approx(0.4, abs=0.1)
    assert all(states[view].translation_error < 0.1 for view in ('camera0', 'camera2', 'camera3'))


def test_a_rig_that_becomes_known_later_takes_the_world_over():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio, gauge='random')
    run(capture, studio, 0, 3, rig=None)
    last = run(capture, studio, 3, 6)[-1]
    assert last.world_source is WorldSource.TF
    assert set(tracked(last)) == {1}
    assert np.linalg.norm(last.humans[0].head - [0.5, 0, 1.6]) < 0.1


def test_tf_alone_leaves_cameras_without_a_pose_out():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio, CaptureSettings(extrinsics='tf'))
    assert run(capture, studio, 0, 1, rig=None) == []
    assert capture.dropped['no pose'] == 16
    images = studio.images(2.0, rig=studio.rig)
    views = {**images.views, 'camera1': dataclasses.replace(images.views['camera1'], world_from_camera=None)}
    snapshot = capture.add(ImageSet(images.stamp, views))
    assert snapshot.cameras[1].state is ViewState.EXCLUDED
    assert snapshot.cameras[0].used
    assert sum('camera1' in message for message in snapshot.messages) == 1


def test_views_are_excluded_and_taken_back():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 1)
    capture.set_views(['camera0', 'camera2', 'porch'])
    last = run(capture, studio, 1, 2)[-1]
    states = {camera.view: camera.state for camera in last.cameras}
    assert states == {
        'camera0': ViewState.OK,
        'camera1': ViewState.EXCLUDED,
        'camera2': ViewState.OK,
        'camera3': ViewState.EXCLUDED,
        'porch': ViewState.MISSING,
    }
    assert {seen.view for seen in last.humans[0].observations} <= {'camera0', 'camera2'}
    capture.set_views(studio.views)
    assert {c.view for c in run(capture, studio, 2, 3)[-1].cameras if c.used} == set(studio.views)
    with pytest.raises(ValueError, match='at least one camera'):
        capture.set_views([])


def test_cameras_out_of_sync_and_late_are_named():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 1)
    images = studio.images(1.0, rig=studio.rig)
    skewed = dataclasses.replace(images.views['camera0'], stamp=images.stamp - nanoseconds(0.1))
    views = {**images.views, 'camera0': skewed}
    del views['camera1']
    states = {camera.view: camera.state for camera in capture.add(ImageSet(images.stamp, views)).cameras}
    assert states['camera0'] is ViewState.DESYNC
    assert states['camera1'] is ViewState.STALE
    assert states['camera2'] is ViewState.OK


def test_a_camera_that_sends_and_never_fits_is_out_of_sync_and_one_without_a_lens_is_uncalibrated():
    studio = Studio([standing(0.5, 0)])
    images = studio.images(1.0, rig=studio.rig)
    views = {name: image for name, image in images.views.items() if name != 'camera3'}
    views['camera1'] = dataclasses.replace(views['camera1'], intrinsics=None)
    snapshot = capture_of(studio).add(ImageSet(images.stamp, views, frozenset({'camera3'})))
    assert [camera.state.name for camera in snapshot.cameras] == ['OK', 'UNCALIBRATED', 'OK', 'DESYNC']
    assert [camera.used for camera in snapshot.cameras] == [True, True, True, False]
    ignored = capture_of(studio, CaptureSettings(use_intrinsics=False)).add(images)
    assert all(camera.state is ViewState.UNCALIBRATED for camera in ignored.cameras)


def test_estimated_cameras_are_not_triangulated_as_if_they_were_known():
    studio = Studio([standing(0.5, 0)])
    sure, unsure = (capture_of(studio, errors=EstimateErrors(camera_position=position)) for position in (0.01, 0.4))
    spread = [
        np.trace(run(capture, studio, 0, 1, rig=None)[-1].humans[0].covariance[:3, :3]) for capture in (sure, unsure)
    ]
    assert spread[1] > 4 * spread[0]
    known = [np.trace(run(capture, studio, 1, 3)[-1].humans[0].covariance[:3, :3]) for capture in (sure, unsure)]
    assert known[1] == pytest.approx(known[0], rel=0.2)


def test_people_correct_the_cameras_of_an_estimated_rig():
    """The network misplaces every camera by about 0.4 m; people who walk through all views give that away."""
    rng = np.random.default_rng(4)
    wrong = np.tile(np.eye(4), (4, 1, 1))
    wrong[:, :3, :3] = Rotation.from_rotvec(0.08 * rng.normal(size=(4, 3))).as_matrix()
    wrong[:, :3, 3] = 0.25 * rng.normal(size=(4, 3))
    studio = Studio([circling(1.5, 0.0), circling(1.2, 2.0, speed=-0.7), standing(-0.5, 0.5)])

    def error(errors: EstimateErrors) -> float:
        """Mean error of where cameras are in each other's frames [m]."""
        capture = capture_of(studio, errors=errors, noise=0.03, misplaced=wrong)
        last = run(capture, studio, 0, 6, rig=None)[-1]
        poses = np.stack([camera.world_from_camera for camera in last.cameras])
        between = [np.linalg.inv(rig)[:, None] @ rig[None] for rig in (poses, studio.rig)]
        return float(np.linalg.norm((between[0] - between[1])[..., :3, 3], axis=-1).mean())

    assert error(EstimateErrors(camera_position=0.3, camera_rotation=0.08)) < 0.5 * error(EstimateErrors())


def _yaw(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
