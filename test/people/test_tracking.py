from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from people_windows import changed, chosen, same_partition

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Detections, ViewPeople
from chromm_ros.people import TrackingSettings, track
from chromm_ros.people.tracking import token_half_distance
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

ERRORS = EstimateErrors()

REFERENCE = np.load(Path(__file__).parent / 'fixtures' / 'tracking_sequence.npz')


NUMBERS = [field.name for field in fields(Detections) if field.name not in ('valid', 'landmarks')]


def window_of_tokens(tokens):
    """A window of one view in which only tokens are known; people stand apart and still."""
    steps, most = len(tokens), max(len(token) for token in tokens)
    valid = np.array([[index < len(token) for index in range(most)] for token in tokens])
    padded = np.zeros((1, steps, most, tokens[0].shape[-1]), np.float32)
    for step, token in enumerate(tokens):
        padded[0, step, : len(token)] = token
    shape = (1, steps, most)
    eye = np.broadcast_to(np.eye(3), (*shape, 3, 3))
    head = np.zeros((*shape, 3)) + np.array([0, 0, 5.0]) + np.arange(most)[:, None] * np.array([1.0, 0, 0])
    return ViewPeople(
        valid=valid[None],
        score=np.ones(shape),
        token=padded,
        head_px=np.zeros((*shape, 2)),
        pelvis_px=np.zeros((*shape, 2)),
        pose=np.broadcast_to(np.eye(3), (*shape, 52, 3, 3)),
        betas=np.zeros((*shape, 10)),
        root_rotation=eye,
        head=head,
        canonical_joints=np.zeros((*shape, 55, 3)),
        intrinsics=np.broadcast_to(np.eye(3), (1, steps, 3, 3)),
        world_from_camera=np.broadcast_to(np.eye(4), (1, steps, 4, 4)),
        given=np.ones((1, steps), bool),
        seen=np.ones((1, steps), bool),
        times=np.arange(steps) / 30,
    )


LITERAL = TrackingSettings(
    token_distance=10.0, motion_weight=0.0, max_age=10**6, max_speed=1e6, duplicate_distance=0.0
)
"""Human3R's tracker: unscaled tokens alone, nobody ever forgotten."""


def test_ids_are_those_of_the_reference():
    steps = int(REFERENCE['T'])
    people = window_of_tokens([REFERENCE[f'tok{step}'] for step in range(steps)])
    ids = track(people, LITERAL, ERRORS).ids[0]
    for step in range(steps):
        np.testing.assert_array_equal(ids[step, : len(REFERENCE[f'id{step}'])], REFERENCE[f'id{step}'])


def test_everybody_keeps_one_id_in_every_view(noisy):
    tracklets = track(noisy.people, TrackingSettings(), ERRORS)
    for view in range(4):
        assert same_partition(tracklets.ids[view], noisy.person[view])


def test_who_leaves_for_longer_than_max_age_comes_back_as_another():
    tokens = [np.eye(2, 8)[:1] * 5] * 2 + [np.zeros((0, 8))] * 4 + [np.eye(2, 8)[:1] * 5]
    people = window_of_tokens(tokens)
    remembered = track(people, TrackingSettings(token_distance=5.0, max_age=5), ERRORS).ids[0]
    assert remembered[0, 0] == remembered[-1, 0]
    forgotten = track(people, TrackingSettings(token_distance=5.0, max_age=2), ERRORS).ids[0]
    assert forgotten[0, 0] == 0
    assert forgotten[-1, 0] == 1


def test_people_in_uniform_are_told_apart_by_movement(body):
    estimates = simulate(crowd(2, 12, 3, 3, body), Errors(uniform=0.95, token=0.2), 3, body)
    ids = track(estimates.people, TrackingSettings(), ERRORS).ids
    assert all(same_partition(ids[view], estimates.person[view]) for view in range(2))
    tokens_alone = track(estimates.people, TrackingSettings(motion_weight=0.0), ERRORS).ids
    assert not all(same_partition(tokens_alone[view], estimates.person[view]) for view in range(2))


@pytest.mark.parametrize('factor', [0.01, 1.0, 300.0])
def test_the_size_of_tokens_does_not_matter(noisy, factor):
    scaled = changed(noisy.people, token=noisy.people.token * np.float32(factor))
    np.testing.assert_array_equal(
        track(scaled, TrackingSettings(), ERRORS).ids, track(noisy.people, TrackingSettings(), ERRORS).ids
    )


def test_one_person_alone_keeps_the_id(noisy):
    only = changed(noisy.people, valid=noisy.people.valid & (noisy.person == 1))
    ids = track(only, TrackingSettings(), ERRORS).ids
    assert set(np.unique(ids)) == {-1, 0}


def test_tokens_that_say_nothing_have_scale_one():
    assert token_half_distance(np.zeros((1, 3, 2, 4), np.float32), np.ones((1, 3, 2), bool)) == 1.0
    assert token_half_distance(np.zeros((1, 1, 0, 4), np.float32), np.ones((1, 1, 0), bool)) == 1.0


def test_the_order_of_views_and_people_does_not_matter(noisy):
    ids = track(noisy.people, TrackingSettings(), ERRORS).ids
    again = track(chosen(noisy.people, [2, 0, 3, 1], [2, 0, 1]), TrackingSettings(), ERRORS).ids
    assert all(same_partition(again[place], ids[view][:, [2, 0, 1]]) for place, view in enumerate([2, 0, 3, 1]))


def test_nobody_is_tracked_without_error(nobody):
    tracklets = track(nobody, TrackingSettings(), ERRORS)
    assert tracklets.ids.shape == (4, 6, 0)
    assert tracklets.dropped == {}


@pytest.mark.parametrize('name', NUMBERS)
def test_what_is_not_finite_is_left_out_and_counted(clean, name):
    values = np.array(getattr(clean.people, name), copy=True)
    values[1, 2, 0] = np.nan
    values[1, 3, 1] = np.inf
    tracklets = track(changed(clean.people, **{name: values}), TrackingSettings(), ERRORS)
    assert tracklets.dropped == {'not finite': 2}
    assert tracklets.ids[1, 2, 0] == tracklets.ids[1, 3, 1] == -1
    assert (tracklets.ids >= 0).sum() == clean.people.valid.sum() - 2


def test_detections_of_a_lost_camera_are_left_out_and_counted(clean):
    poses = clean.people.world_from_camera.copy()
    poses[2] = np.nan
    tracklets = track(changed(clean.people, world_from_camera=poses), TrackingSettings(), ERRORS)
    assert (tracklets.ids[2] == -1).all()
    assert tracklets.dropped == {'camera unknown': clean.people.valid[2].sum()}


def test_a_head_behind_the_camera_is_left_out(clean):
    head = clean.people.head.copy()
    head[0, 0, 0, 2] = -1
    assert track(changed(clean.people, head=head), TrackingSettings(), ERRORS).dropped == {'behind the camera': 1}


def test_a_person_detected_twice_counts_once(body):
    estimates = simulate(crowd(2, 6, 2, 0, body), Errors(duplicate=0.5), 0, body)
    tracklets = track(estimates.people, TrackingSettings(), ERRORS)
    assert tracklets.dropped['duplicate'] == estimates.people.valid.sum() - 2 * 6 * 2
    assert tracklets.ids.max() == 1
