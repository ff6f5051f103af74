"""Image sets of recordings: everything is used or counted, and what is known beforehand is waited for exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromm_ros.intake.assembly import CameraInput
from chromm_ros.intake.image_cdr import RawImage
from chromm_ros.intake.recorded import RecordedIntake, StampedImage
from chromm_ros.intake.rig_buffer import SyncLimits

MS = 1_000_000
PIXELS = memoryview(bytes(16 * 16 * 3))


def limits(**changes):
    fields = {'slop': 20 * MS, 'timeout': 500 * MS, 'max_out_of_order': 500 * MS, 'min_views': 1, 'queue_size': 1000}
    return SyncLimits(**{**fields, **changes})


def intake(cameras='ab', rate=None, offsets=None, **changes):
    inputs = {camera: CameraInput(read=lambda item: item) for camera in cameras}
    return RecordedIntake(inputs, limits(**changes), lambda frame, stamp: None, offsets=offsets, rate=rate)


def image(camera, ms):
    return StampedImage(camera, ms * MS, RawImage(ms * MS, camera, 16, 16, 'rgb8', 0, 48, PIXELS))


def in_order(one, **streams):
    made = one.sets_in_order({camera: iter([image(camera, ms) for ms in own]) for camera, own in streams.items()})
    return [{name: view.stamp // MS for name, view in image_set.views.items()} for image_set in made]


def accounted(one):
    received = sum(queue.received for queue in one.buffer.queues.values())
    used = sum(queue.used for queue in one.buffer.queues.values())
    return received == used + one.buffer.dropped.total()


def test_a_lost_image_of_a_slow_camera_is_not_waited_for():
    one = intake()
    assert in_order(one, a=[0, 10_000, 20_000], b=[0, 20_000]) == [
        {'a': 0, 'b': 0},
        {'a': 10_000},
        {'a': 20_000, 'b': 20_000},
    ]


def test_pictures_far_apart_are_all_paired():
    one = intake()
    assert in_order(one, a=[0, 60_000, 120_000], b=[5, 60_003, 119_990]) == [
        {'a': 0, 'b': 5},
        {'a': 60_000, 'b': 60_003},
        {'a': 120_000, 'b': 119_990},
    ]


def test_of_a_fast_camera_the_nearest_image_is_taken_at_once():
    sets = in_order(intake(), a=range(0, 200, 8), b=[14, 80, 146])
    assert [one['a'] for one in sets if 'b' in one] == [16, 80, 144]


def test_free_running_cameras_make_no_lonely_sets():
    one = intake()
    assert in_order(one, a=range(0, 1000, 66), b=range(33, 1000, 66)) == []
    assert [finding.text for _, finding in one.findings() if 'sync_slop: 0.037' in finding.text]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2000), max_size=25, unique=True), min_size=1, max_size=3),
    st.sampled_from([None, 5.0]),
)
def test_any_streams_are_accounted_for_and_in_order(streams, rate):
    one = intake('abc'[: len(streams)], rate=rate)
    stamps = []
    ordered = {camera: iter([image(camera, ms) for ms in sorted(own)]) for camera, own in zip('abc', streams)}
    for image_set in one.sets_in_order(ordered):
        stamps.append(image_set.stamp)
        assert image_set.stamp - min(view.stamp for view in image_set.views.values()) <= 20 * MS
    assert stamps == sorted(set(stamps))
    assert accounted(one)


def test_the_end_is_handed_out_when_a_camera_stopped_before():
    one = intake()
    events = [image(c, ms) for ms in range(0, 1000, 100) for c in 'ab' if c == 'a' or ms < 500]
    assert len(list(one.sets(events))) == 10
    assert not one.dropped


@pytest.mark.parametrize(('rate', 'expected'), [(5.0, 5), (2.0, 2), (1000.0, 10)])
def test_a_rate_thins_before_anything_is_decoded(rate, expected):
    one = intake(rate=rate)
    assert len(in_order(one, a=range(0, 1000, 100), b=range(0, 1000, 100))) == expected
    assert one.dropped['thinned'] == 2 * (10 - expected)


def test_an_offset_is_added_to_the_stamps():
    sets = in_order(intake(offsets={'b': 0.5}), a=[500, 600], b=[0, 100])
    assert sets == [{'a': 500, 'b': 500}, {'a': 600, 'b': 600}]


def test_a_camera_without_any_image_is_said():
    one = intake()
    in_order(one, a=[0, 100, 200], b=[])
    assert [(camera, finding.text.partition(':')[0]) for camera, finding in one.findings()] == [
        ('b', 'the recording has no image of it')
    ]


def test_pictures_that_cannot_be_decoded_are_counted_and_said():
    one = intake('a')
    broken = StampedImage('a', 100 * MS, RawImage(0, 'a', 16, 16, 'rgb9', 0, 48, PIXELS))
    (image_set,) = one.sets([image('a', 0), broken])
    assert np.array_equal(image_set.views['a'].pixels, np.zeros((16, 16, 3)))
    assert one.dropped['unknown_encoding'] == 1
    assert any('rgb9' in finding.text for _, finding in one.findings())
