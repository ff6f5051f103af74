"""What rigs and people do that no tracker likes: ids survive where the evidence allows, nobody is doubled."""

from __future__ import annotations

import numpy as np
from head_rig import HeadRig, published, times, tracker, walk

from chromm_ros.people.tracker import HeadDetections


def test_a_crowd_in_a_doorway():
    """Twenty people within two square metres: nothing breaks, nobody is doubled."""
    rig, people, random = HeadRig(seed=5), tracker(), np.random.default_rng(5)
    heads = {person: np.array([0.45 * (person % 5), 0.35 * (person // 5), 1.6]) for person in range(20)}
    for time in times(0, 2):
        missed = [(view, person) for view in range(4) for person in heads if random.random() < 0.5]
        people.update(time, rig.detect(heads, missed=missed), rig.cameras())
    assert len(published(people)) <= 20
    assert len(published(people)) >= 14


def test_two_cameras_at_one_place():
    rig, people = HeadRig(), tracker()
    rig.poses = np.stack([rig.poses[0], rig.poses[0], rig.poses[2]])
    way = walk((-0.8, -0.8, 1.6), (0.8, 0.6, 1.6))
    for time in times(0, 5):
        people.update(time, rig.detect({1: way(time)}), rig.cameras())
    assert sorted(published(people)) == [1]
    assert np.linalg.norm(published(people)[1] - way(4.75)) < 0.3


def test_a_camera_whose_clock_lags():
    """One of four sees the past of 200 ms ago: nobody is doubled, ids stay."""
    rig, people = HeadRig(), tracker()
    ways = {1: walk((-1.5, 0.4, 1.6), (1.5, 0.4, 1.6), 1.2), 2: walk((1.5, -0.5, 1.7), (-1.5, -0.5, 1.7), 1.2)}
    for time in times(0.25, 4):
        now = rig.detect({p: way(time) for p, way in ways.items()}, missed=[(3, 1), (3, 2)])
        past = rig.detect(
            {p: way(time - 0.2) for p, way in ways.items()}, missed=[(v, p) for v in range(3) for p in ways]
        )
        people.update(time, _joined(now, past), rig.cameras())
        assert sorted(published(people)) == [1, 2]


def test_a_bumped_camera():
    """One of four is turned by 6 degrees from its calibration: nobody is doubled for long, ids stay."""
    rig, people = HeadRig(), tracker()
    wrong = rig.cameras()
    turn = np.eye(4)
    turn[:3, :3] = [[np.cos(0.1), 0, np.sin(0.1)], [0, 1, 0], [-np.sin(0.1), 0, np.cos(0.1)]]
    way = walk((-0.8, -0.8, 1.6), (0.8, 0.6, 1.6), 0.4)
    doubled = 0
    for time in times(0, 8):
        detections = rig.detect({1: way(time)})
        if time > 3:
            mine = detections.view == 3
            bump = rig.poses[3, :3, :3] @ turn[:3, :3] @ rig.poses[3, :3, :3].T
            detections.ray[mine] = detections.ray[mine] @ bump.T
        people.update(time, detections, wrong)
        doubled += len(published(people)) > 1
        assert 1 in published(people)
    assert doubled <= 4


def test_sets_far_apart_in_time():
    """Windows of one image set, five seconds from one to the next."""
    rig, people = HeadRig(), tracker()
    for time in (0.0, 5.0, 10.0):
        people.update(time, rig.detect({1: np.array([0.0, 0.0, 1.6])}), rig.cameras())
        assert sorted(published(people)) == [1]


def test_an_estimated_camera_that_jumps_when_it_is_settled():
    """Two of four cameras were 0.4 m and 0.3 m off, and are put right in the middle of a run: ids stay."""
    rig, people = HeadRig(seed=2), tracker()
    true = rig.poses.copy()
    ways = {1: walk((-1.0, 0.4, 1.6), (1.0, 0.4, 1.6), 0.4), 2: walk((1.0, -0.6, 1.7), (-1.0, -0.6, 1.7), 0.4)}
    for time in times(0, 8):
        rig.poses = true
        detections = rig.detect({person: way(time) for person, way in ways.items()})
        rough = rig.cameras()
        if time < 4:
            wrong = np.zeros((4, 3))
            wrong[1], wrong[2] = (0.4, 0.0, 0.0), (0.0, -0.3, 0.0)
            rough.world_from_camera[:, :3, 3] += wrong
            detections.centre[:] += wrong[detections.view]
        rough.position_error[:] = 0.3
        people.update(time, detections, rough)
        assert sorted(published(people)) == [1, 2]


def test_everybody_in_uniform():
    """All look the same: place alone keeps them apart."""
    rig, people = HeadRig(), tracker()
    ways = {n: walk((-1.5, 0.7 * n - 1.4, 1.6), (1.5, 0.7 * n - 1.4, 1.6), 0.5) for n in range(4)}
    for time in times(0, 6):
        detections = rig.detect({person: way(time) for person, way in ways.items()})
        detections.betas[:] = 0
        detections.posture[:] = detections.posture[:1]
        people.update(time, detections, rig.cameras())
        assert sorted(published(people)) == [1, 2, 3, 4]


def _joined(first: HeadDetections, second: HeadDetections) -> HeadDetections:
    fields = ('view', 'row', 'score', 'betas', 'posture', 'centre', 'ray', 'distance')
    return HeadDetections(*(np.concatenate([getattr(first, f), getattr(second, f)]) for f in fields))
