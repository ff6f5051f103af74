"""The floor is evidence: it places who is seen by one view, holds who is unseen, and yields to what views see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from head_rig import ERRORS, HeadRig, published, times, tracker, walk

from chromm_ros.flow import People
from chromm_ros.people.tracker import HeadDetections
from chromm_ros.people.tracker.footing import SOLE, soles

STATURE = 1.5
"""Of a head above the lowest joint, in the postures of these tests [m]."""
FLOOR = 1.6 - STATURE - SOLE
"""Where somebody stands whose head is at 1.6 m."""


def upright(detections: HeadDetections, stature: float = STATURE) -> HeadDetections:
    """The same people with their feet so far below their heads."""
    detections.posture[..., 2] = np.clip(detections.posture[..., 2], -stature, 0)
    detections.posture[:, 10] = 0.1, 0.0, -stature
    return detections


@pytest.mark.parametrize(('floor', 'near'), [(FLOOR, True), (math.nan, False)])
def test_one_view_that_errs_about_the_distance_is_put_right_by_the_floor(floor, near):
    rig, people = HeadRig(), tracker()
    rig.poses = rig.poses[:1]
    rig.poses[0, 2, 3] += 1.0  # it looks down on people, as cameras on walls do
    head = np.array([0.2, -0.1, 1.6])
    for time in times(0, 4):
        people.update(time, upright(rig.detect({1: head}, stretch={0: 1.2})), rig.cameras(), floor=floor)
    away = np.linalg.norm(published(people)[1] - head)
    assert (away < 0.35) == near


@pytest.mark.parametrize('period', [0.1, 0.25, 1.0])
def test_who_is_unseen_neither_rises_nor_sinks(period):
    """Last seen getting up from a squat: a head that goes up at half a metre per second."""
    rig, spread = HeadRig(), {}
    for floor in (FLOOR, math.nan):
        people = tracker()
        for time in times(0, 3):
            head = 1.0 + 0.5 * min(max(time - 1.8, 0.0), 1.2)
            detections = rig.detect({1: np.array([0.3, 0.2, head])})
            people.update(time, upright(detections, head - FLOOR - SOLE), rig.cameras(), floor=floor)
        last = people.tracks.mean[0, 2]
        assert people.tracks.mean[0, 5] > 0.3, 'it was going up'
        for time in np.arange(3, 7, period):
            people.update(time, rig.detect({}), rig.cameras(without=range(4)), floor=floor)
            if math.isfinite(floor):
                assert abs(people.tracks.mean[0, 2] - last) < 0.15
                assert abs(people.tracks.mean[0, 5]) < 0.2
        spread[floor] = math.sqrt(people.tracks.covariance[0, 2, 2])
    assert spread[FLOOR] < 0.2
    assert spread[math.nan] > 0.35


def test_views_tell_who_stands_on_a_stair_and_who_jumps():
    rig, people = HeadRig(), tracker()
    for time in times(0, 8):
        rise = min(max(0.2 * (time - 2), 0), 0.8)
        if time == 7:
            rise += 0.3
        head = np.array([0.3, 0.2, 1.6 + rise])
        people.update(time, upright(rig.detect({1: head})), rig.cameras(), floor=FLOOR)
        assert np.linalg.norm(published(people)[1] - head) < 0.12


def test_one_view_knows_who_stands_on_a_stair_while_it_remembers_its_own_error():
    rig, people = HeadRig(noise=0.3), tracker()
    head = np.array([0.3, 0.2, 2.4])
    for time in times(0, 4):
        people.update(time, upright(rig.detect({1: head})), rig.cameras(), floor=FLOOR)
    for time in times(4, 8):
        missed = [(view, 1) for view in (1, 2, 3)]
        detections = upright(rig.detect({1: head}, missed=missed))
        people.update(time, detections, rig.cameras(without=[1, 2, 3]), floor=FLOOR)
    assert np.linalg.norm(published(people)[1] - head) < 0.4


@pytest.mark.parametrize('wrong', [-3.0, -0.6, 0.6, 1.2, 50.0, math.inf])
def test_a_wrong_floor_moves_nobody_whom_several_views_see(wrong):
    rig, people = HeadRig(), tracker()
    ways = {1: walk((-1, -1, 1.6), (1.2, 0.5, 1.6)), 2: walk((1, 1, 1.6), (-1, 0.8, 1.6))}
    for time in times(0, 5):
        heads = {person: way(time) for person, way in ways.items()}
        people.update(time, upright(rig.detect(heads)), rig.cameras(), floor=FLOOR + wrong)
        assert sorted(published(people)) == [1, 2]
        for head in heads.values():
            assert min(np.linalg.norm(head - found) for found in published(people).values()) < 0.1


def test_who_lies_lies_on_the_floor():
    rig, people = HeadRig(), tracker()
    rig.poses = rig.poses[:1]
    rig.poses[0, 2, 3] += 1.0
    head = np.array([0.2, -0.1, FLOOR + SOLE + 0.1])
    for time in times(0, 4):
        detections = upright(rig.detect({1: head}, stretch={0: 1.2}), 0.1)
        people.update(time, detections, rig.cameras(), floor=FLOOR)
    assert np.linalg.norm(published(people)[1] - head) < 0.35


def test_the_floor_moves_with_the_world_and_its_height_means_nothing():
    results = []
    for lift in (0.0, -37.0):
        rig, people = HeadRig(noise=0.0), tracker()
        rig.poses[:, 2, 3] += lift
        head = np.array([0.3, 0.2, 1.6 + lift])
        for time in times(0, 3):
            people.update(time, upright(rig.detect({1: head})), rig.cameras(), floor=FLOOR + lift)
        results.append(published(people)[1] - [0, 0, lift])
    np.testing.assert_allclose(results[0], results[1], atol=1e-6)


def test_who_errs_about_a_body_for_long_is_not_averaged_away():
    """A body that is 20 cm too short for a minute does not pull the head down with more and more certainty."""
    rig, people = HeadRig(), tracker()
    rig.poses = rig.poses[:1]
    for time in times(0, 60):
        detections = upright(rig.detect({1: np.array([0.2, -0.1, 1.6])}), STATURE - 0.2)
        people.update(time, detections, rig.cameras(), floor=FLOOR)
    assert math.sqrt(people.tracks.covariance[0, 2, 2]) > 0.5 * ERRORS.detection.rise


def test_feet_tell_of_the_floor_where_several_views_place_the_head():
    def people(fused: list[list[bool]], spread: list[float]) -> People:
        """One step, K people seen by V views; the feet of each stand 10 cm higher than those of the one before."""
        count = len(spread)
        joints = np.zeros((1, count, 55, 3))
        joints[0, :, 15, 2] = 1.6
        joints[0, :, 10, 2] = SOLE + 0.1 * np.arange(count)
        joints[0, :, [0, *range(1, 10), *range(11, 15), *range(16, 22)], 2] = 1.0
        joints[0, :, 22:, 2] = -5.0  # fingers and eyes are no feet
        covariance = np.array([np.eye(3) * one**2 for one in spread])[None]
        nothing = np.zeros((1, count))
        used = np.array(fused).T[:, None]
        return People(
            identity=np.zeros((2, 1, 0), int), valid=nothing > -1, pose=nothing, betas=nothing, root_rotation=nothing,
            head=joints[:, :, 15], head_covariance=covariance, joints=joints, fused=used,
            residual=np.zeros(used.shape),
        )  # fmt: skip

    both, one = [True, True], [True, False]
    np.testing.assert_allclose(soles(people([both, one, both, both], [0.02, 0.02, 0.5, 0.02])), [0.0, 0.3])
    assert soles(people([one], [0.02])).shape == (0,)
