"""The capture on a stand-in network that knows the truth: every promise to the node about people, without weights."""

from __future__ import annotations

import numpy as np
import pytest
from captures import capture_of, run, tracked
from scipy.spatial.transform import Rotation
from truthful_studio import Studio, circling, nanoseconds, ring, standing

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import HumanState, ViewState, WorldSource
from chromm_ros.settings import changed


def test_one_person_is_found_where_it_is():
    studio = Studio([circling(1.5, 0.0)])
    last = run(capture_of(studio), studio, 0, 4)[-1]
    (human,) = last.humans
    assert human.state is HumanState.TRACKED
    assert np.linalg.norm(human.head - studio.heads(last.stamp * 1e-9)[0]) < 0.02
    assert np.linalg.norm(human.velocity) == pytest.approx(0.8, abs=0.15)
    assert np.linalg.norm(human.joints[15] - human.head) < 1e-6
    assert human.joints[10:12, 2].mean() < 0.3  # feet near the floor
    assert {seen.view for seen in human.observations} == set(studio.views)
    assert last.world_source is WorldSource.TF
    assert np.all(np.linalg.eigvalsh(human.covariance) > 0)


def test_a_person_keeps_its_id_while_each_camera_is_away_for_five_seconds():
    studio = Studio([circling(1.5, 0.0), circling(2.0, 2.0, speed=-0.6)])
    capture = capture_of(studio, noise=0.03)
    run(capture, studio, 0, 2)
    for number, view in enumerate(studio.views):
        for snapshot in run(capture, studio, 2 + 7 * number, 7 + 7 * number, without=[view]):
            assert set(tracked(snapshot)) == {1, 2}
            assert not {c.view: c for c in snapshot.cameras}[view].used
        assert snapshot.cameras[number].state is ViewState.MISSING
        for snapshot in run(capture, studio, 7 + 7 * number, 9 + 7 * number):
            assert set(tracked(snapshot)) == {1, 2}
            assert all(camera.state is ViewState.OK for camera in snapshot.cameras)


def test_a_person_who_comes_back_gets_the_same_id_and_a_stranger_another():
    def visitor(time):  # leaves between two images, and the cameras see that nobody is there
        return None if 4 <= time < 14 else np.array([-1.5, 1.0, 1.6])

    def stranger(time):
        return None if time < 20 else np.array([2.5, -2.0, 1.6])

    studio = Studio([visitor, stranger])
    capture = capture_of(studio)
    snapshots = run(capture, studio, 0, 24)
    states = [{human.id: human.state for human in snapshot.humans} for snapshot in snapshots]
    at = {round(snapshot.stamp * 1e-9, 2): state for snapshot, state in zip(snapshots, states)}
    assert at[3.75] == {1: HumanState.TRACKED}
    assert at[5.0] == {}
    assert sum(state.get(1) is HumanState.LOST for state in states) == 1
    assert at[13.0] == {}
    assert at[15.0] == {1: HumanState.TRACKED}
    assert at[23.0] == {1: HumanState.TRACKED, 2: HumanState.TRACKED}


@pytest.mark.parametrize('same_looks', [False, True])
def test_two_people_who_cross_keep_their_ids(same_looks):
    def path(side):
        return lambda time: np.array([side * (2.5 - 0.8 * time), side * 0.3, 1.6])

    studio = Studio([path(1), path(-1)], same_looks=same_looks)
    capture = capture_of(studio, noise=0.02)
    first, *_, last = run(capture, studio, 0, 6)
    begin, end = {h.id: h.head for h in first.humans}, tracked(last)
    assert set(begin) == set(end) == {1, 2}
    for identity in begin:
        assert np.sign(begin[identity][0]) == -np.sign(end[identity][0])


def test_nobody_and_twenty_people():
    assert run(capture_of(Studio([])), Studio([]), 0, 2)[-1].humans == ()
    crowd = [standing(1.1 * (n % 5) - 2.2, 1.1 * (n // 5) - 1.6) for n in range(20)]
    studio = Studio(crowd)
    last = run(capture_of(studio, noise=0.01), studio, 0, 3)[-1]
    assert last.dropped['beyond max_people'] > 10
    found = np.stack(list(tracked(last).values()))
    assert 10 <= len(found) <= 20
    everybody = run(capture_of(studio, noise=0.01, max_people=20), studio, 0, 3)[-1]
    assert 'beyond max_people' not in everybody.dropped
    assert len(tracked(everybody)) == 20
    nearest = np.linalg.norm(found[:, None] - studio.heads(0), axis=-1).min(1)
    assert np.median(nearest) < 0.1


def test_every_image_set_of_a_window_enters_the_static_scene():
    studio = Studio([])
    capture = capture_of(studio, CaptureSettings(window_size=4, window_stride=4))
    (snapshot,) = run(capture, studio, 0, 1)
    assert len(snapshot.scene_update.points)
    assert len(capture.static_scene().points)  # a voxel must have been seen twice


def test_single_images_and_single_videos_work():
    studio = Studio([standing(0.5, 0)], rig=ring(4)[:1])
    capture = capture_of(studio, gauge='random')
    for snapshot in run(capture, studio, 0, 2, rig=None, calibrated=False):
        assert len(snapshot.humans) == 1
    assert set(tracked(snapshot)) == {1}


def test_prediction_moves_on_and_comes_to_rest():
    studio = Studio([circling(50.0, 0.0, speed=1.0)], rig=ring(4) @ np.eye(4))
    studio.people = [lambda time: np.array([-1.0 + 0.5 * time, 0.0, 1.6])]
    capture = capture_of(studio)
    last = run(capture, studio, 0, 4)[-1]
    (human,) = last.humans
    (soon,) = capture.predict(last.stamp + nanoseconds(0.4))
    (late,) = capture.predict(last.stamp + nanoseconds(3.0))
    (after,) = capture.predict(last.stamp + nanoseconds(6.0))
    assert 0.1 < (soon.head - human.head)[0] <= 0.2
    np.testing.assert_allclose((soon.head - human.head)[1:], 0, atol=0.02)
    np.testing.assert_allclose(after.head, late.head, atol=0.02)
    assert np.trace(human.covariance) < np.trace(soon.covariance) < np.trace(late.covariance)
    np.testing.assert_allclose(soon.joints - soon.head, human.joints - human.head, atol=0.02)


def test_merge_announces_what_was_absorbed_and_refuses_nonsense():
    studio = Studio([standing(0.5, 0), standing(-1, 1)])
    capture = capture_of(studio)
    run(capture, studio, 0, 2)
    with pytest.raises(ValueError, match='1, 2'):
        capture.merge(1, [9])
    with pytest.raises(ValueError, match='cannot merge'):
        capture.merge(1, [1])
    capture.merge(1, [2])
    snapshot = run(capture, studio, 2, 2.25)[0]
    assert {human.id: human.absorbed for human in snapshot.humans}[1] == (2,)


def test_resets():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio)
    before = run(capture, studio, 0, 2)[-1]
    assert len(capture.static_scene().points) > 100
    capture.reset_scene()
    assert len(capture.static_scene().points) == 0
    capture.reset_identities()
    assert capture.predict(nanoseconds(2.0)) == ()
    after = run(capture, studio, 2, 3)[-1]
    assert after.session != before.session
    assert {human.id for human in after.humans} == {1}


def test_settings_change_while_it_runs():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio, phantoms={2: np.array([-0.5, -1.0, 1.6])})
    assert [len(snapshot.humans) for snapshot in run(capture, studio, 0, 2)] == [1] * 8
    capture.settings = changed(capture.settings, {'identity.min_confidence': 0.0, 'window_stride': 2})
    assert [len(snapshot.humans) for snapshot in run(capture, studio, 2, 4)] == [2] * 4


def test_somebody_whom_one_camera_alone_sees_where_all_should_is_not_reported():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio, phantoms={2: np.array([-0.5, -1.0, 1.6])})
    snapshots = run(capture, studio, 0, 4)
    assert all(set(tracked(snapshot)) <= {1, 2} and len(snapshot.humans) == 1 for snapshot in snapshots)
    (doubted,) = snapshots[-1].doubted
    assert {seen.view for seen in doubted.observations} == {'camera2'}
    assert doubted.confidence < 0.2
    assert sum(snapshot.dropped.get('doubted person', 0) for snapshot in snapshots) == len(snapshots)


def test_somebody_whom_the_other_cameras_cannot_see_is_reported():
    """Hidden from three cameras is not the same as missed by three cameras."""
    rig = ring(4)
    rig[1:, :3, :3] = rig[1:, :3, :3] @ Rotation.from_rotvec([0, np.pi, 0]).as_matrix()  # they look at the wall
    studio = Studio([standing(0.3, 0.2)], rig=rig)
    last = run(capture_of(studio), studio, 0, 3)[-1]
    (human,) = last.humans
    assert human.state is HumanState.TRACKED
    assert human.confidence > 0.8
    assert {seen.view for seen in human.observations} == {'camera0'}
