"""What chromm_ros relies on in tf2_ros.Buffer. These tests hold for the real tf2_ros of ROS 2 Jazzy too."""

import math
import threading
import time

import pytest
import yaml
from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import TransformStamped
from hypothesis import given
from hypothesis import strategies as st
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import (
    Buffer,
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)

NEWEST = Time()


def stamped(parent, child, stamp=1.0, xyz=(0.0, 0.0, 0.0), yaw=0.0) -> TransformStamped:
    """``parent_from_child``: a rotation about z, then a shift in the parent's axes."""
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = parent, child
    message.header.stamp = Time(nanoseconds=round(stamp * 1e9)).to_msg()
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = xyz
    q.z, q.w = math.sin(yaw / 2), math.cos(yaw / 2)
    return message


def filled(*transforms, static=()) -> Buffer:
    buffer = Buffer()
    for transform in transforms:
        buffer.set_transform(transform, 'test')
    for transform in static:
        buffer.set_transform_static(transform, 'test')
    return buffer


def at(seconds: float) -> Time:
    return Time(nanoseconds=round(seconds * 1e9))


def position(answer: TransformStamped) -> tuple[float, float, float]:
    t = answer.transform.translation
    return (t.x, t.y, t.z)


def yaw_of(answer: TransformStamped) -> float:
    q = answer.transform.rotation
    return 2 * math.atan2(q.z, q.w)


def test_answer_maps_source_coordinates_to_the_target_frame():
    buffer = filled(stamped('map', 'camera', xyz=(1.0, 2.0, 3.0), yaw=math.pi / 2))
    answer = buffer.lookup_transform('map', 'camera', at(1.0))
    assert (answer.header.frame_id, answer.child_frame_id) == ('map', 'camera')
    assert position(answer) == pytest.approx((1.0, 2.0, 3.0))
    back = buffer.lookup_transform('camera', 'map', at(1.0))
    # R^T (-t) with R a quarter turn about z
    assert position(back) == pytest.approx((-2.0, 1.0, -3.0))
    assert yaw_of(back) == pytest.approx(-math.pi / 2)


def test_chain_goes_up_and_down_the_tree():
    buffer = filled(
        stamped('map', 'base', xyz=(1.0, 0.0, 0.0), yaw=math.pi / 2),
        stamped('base', 'left', xyz=(0.0, 1.0, 0.0)),
        stamped('base', 'right', xyz=(0.0, -1.0, 0.0)),
    )
    assert position(buffer.lookup_transform('map', 'left', at(1.0))) == pytest.approx((0.0, 0.0, 0.0))
    assert position(buffer.lookup_transform('left', 'right', at(1.0))) == pytest.approx((0.0, -2.0, 0.0))


@given(ratio=st.floats(0.0, 1.0), turn=st.floats(-3.1, 3.1))
def test_interpolates_along_the_line_and_the_short_arc(ratio, turn):
    buffer = filled(
        stamped('map', 'base', 1.0, (0.0, 0.0, 0.0), 0.0), stamped('map', 'base', 2.0, (2.0, -4.0, 0.0), turn)
    )
    answer = buffer.lookup_transform('map', 'base', at(1.0 + ratio))
    assert position(answer) == pytest.approx((2.0 * ratio, -4.0 * ratio, 0.0), abs=1e-6)
    assert math.remainder(yaw_of(answer) - turn * ratio, math.tau) == pytest.approx(0.0, abs=1e-6)


def test_opposite_quaternions_are_one_rotation():
    flipped = stamped('map', 'base', 2.0, yaw=0.2)
    q = flipped.transform.rotation
    q.x, q.y, q.z, q.w = -q.x, -q.y, -q.z, -q.w
    buffer = filled(stamped('map', 'base', 1.0), flipped)
    answer = buffer.lookup_transform('map', 'base', at(1.5))
    assert math.remainder(yaw_of(answer), math.tau) == pytest.approx(0.1)


def test_newest_is_the_newest_time_that_the_chain_has_in_common():
    buffer = filled(
        *(stamped('map', 'base', t, (t, 0.0, 0.0)) for t in (1.0, 2.0, 3.0)),
        *(stamped('base', 'arm', t, (0.0, t, 0.0)) for t in (1.0, 2.0)),
        static=[stamped('arm', 'hand', 9.0, (0.0, 0.0, 1.0))],
    )
    answer = buffer.lookup_transform('map', 'hand', NEWEST)
    assert position(answer) == pytest.approx((2.0, 2.0, 1.0))
    assert Time.from_msg(answer.header.stamp).nanoseconds == 2_000_000_000


def test_static_transforms_hold_at_every_time_and_can_be_replaced():
    buffer = filled(static=[stamped('map', 'camera', 5.0, (1.0, 0.0, 0.0))])
    for when in (NEWEST, at(0.1), at(1e6)):
        assert position(buffer.lookup_transform('map', 'camera', when)) == pytest.approx((1.0, 0.0, 0.0))
    buffer.set_transform_static(stamped('map', 'camera', 6.0, (2.0, 0.0, 0.0)), 'test')
    assert position(buffer.lookup_transform('map', 'camera', at(0.1))) == pytest.approx((2.0, 0.0, 0.0))


def test_answers_to_message_times_as_well():
    buffer = filled(stamped('map', 'base', 1.0), stamped('map', 'base', 2.0, (1.0, 0.0, 0.0)))
    answer = buffer.lookup_transform('map', 'base', TimeMessage(sec=1, nanosec=500_000_000))
    assert position(answer) == pytest.approx((0.5, 0.0, 0.0))
    assert answer.header.stamp == TimeMessage(sec=1, nanosec=500_000_000)


def test_full_look_up_joins_two_times_over_a_fixed_frame():
    buffer = filled(*(stamped('map', 'base', t, (t, 0.0, 0.0)) for t in (1.0, 2.0, 3.0)))
    answer = buffer.lookup_transform_full('base', at(3.0), 'base', at(1.5), 'map')
    assert position(answer) == pytest.approx((-1.5, 0.0, 0.0))
    assert Time.from_msg(answer.header.stamp).nanoseconds == 3_000_000_000
    assert buffer.can_transform_full('base', at(3.0), 'base', at(1.5), 'map')
    assert not buffer.can_transform_full('base', at(3.5), 'base', at(1.5), 'map')


def test_unknown_frame():
    with pytest.raises(LookupException, match='nobody'):
        filled(stamped('map', 'base')).lookup_transform('map', 'nobody', NEWEST)


def test_frames_of_two_trees():
    buffer = filled(stamped('map', 'base'), stamped('other', 'thing'))
    with pytest.raises(ConnectivityException, match='not part of the same tree'):
        buffer.lookup_transform('map', 'thing', at(1.0))
    with pytest.raises(ConnectivityException):
        buffer.lookup_transform('map', 'thing', NEWEST)


@pytest.mark.parametrize(('when', 'words'), [(0.5, 'into the past'), (2.5, 'into the future')])
def test_never_extrapolates(when, words):
    buffer = filled(stamped('map', 'base', 1.0), stamped('map', 'base', 2.0))
    with pytest.raises(ExtrapolationException, match=f'extrapolation {words}'):
        buffer.lookup_transform('map', 'base', at(when))


def test_one_sample_answers_only_for_its_own_time():
    buffer = filled(stamped('map', 'base', 1.0))
    assert buffer.can_transform('map', 'base', at(1.0))
    with pytest.raises(ExtrapolationException):
        buffer.lookup_transform('map', 'base', at(1.1))


@pytest.mark.parametrize('frame', ['', '/map'])
def test_impossible_frame_names(frame):
    with pytest.raises(InvalidArgumentException):
        filled(stamped('map', 'base')).lookup_transform(frame, 'base', NEWEST)


def test_all_errors_are_transform_exceptions():
    for error in (LookupException, ConnectivityException, ExtrapolationException, InvalidArgumentException):
        assert issubclass(error, TransformException)


def test_forgets_what_is_older_than_the_cache():
    buffer = Buffer(cache_time=Duration(seconds=2.0))
    for second in range(1, 7):
        buffer.set_transform(stamped('map', 'base', float(second)), 'test')
    assert buffer.can_transform('map', 'base', at(4.5))
    assert not buffer.can_transform('map', 'base', at(2.5))


def test_prunes_before_it_inserts():
    buffer = Buffer(cache_time=Duration(seconds=2.0))
    for second in (1.0, 2.0, 9.0):
        buffer.set_transform(stamped('map', 'base', second), 'test')
    assert buffer.can_transform('map', 'base', at(1.5))
    buffer.set_transform(stamped('map', 'base', 9.5), 'test')
    assert not buffer.can_transform('map', 'base', at(1.5))


def test_keeps_ten_seconds_by_default():
    buffer = filled(*(stamped('map', 'base', float(second)) for second in range(1, 21)))
    assert buffer.can_transform('map', 'base', at(11.0))
    assert not buffer.can_transform('map', 'base', at(8.0))


def test_late_samples_find_their_place():
    buffer = filled(*(stamped('map', 'base', t, (t, 0.0, 0.0)) for t in (1.0, 3.0, 2.0)))
    assert position(buffer.lookup_transform('map', 'base', at(2.5))) == pytest.approx((2.5, 0.0, 0.0))


@pytest.mark.parametrize(
    'change',
    [
        lambda m: setattr(m, 'child_frame_id', ''),
        lambda m: setattr(m.header, 'frame_id', ''),
        lambda m: setattr(m, 'child_frame_id', 'map'),
        lambda m: setattr(m.transform.translation, 'x', math.nan),
        lambda m: setattr(m.transform.rotation, 'w', 0.0),
    ],
    ids=['no child', 'no parent', 'own parent', 'nan', 'zero quaternion'],
)
def test_bad_transforms_are_ignored(change):
    bad = stamped('map', 'base', 2.0, (9.0, 0.0, 0.0))
    change(bad)
    buffer = filled(stamped('map', 'base', 1.0), bad)
    answer = buffer.lookup_transform('map', 'base', NEWEST)
    assert position(answer) == pytest.approx((0.0, 0.0, 0.0))


@pytest.mark.parametrize('length', [0.5, 0.9, 3.0])
def test_a_quaternion_that_is_not_normalised_is_normalised_and_accepted(length):
    sent = stamped('map', 'base', 1.0, (1.0, 0.0, 0.0))
    sent.transform.rotation.z, sent.transform.rotation.w = 0.6 * length, 0.8 * length
    turned = filled(sent).lookup_transform('map', 'base', NEWEST).transform.rotation
    assert (turned.x, turned.y, turned.z, turned.w) == pytest.approx((0.0, 0.0, 0.6, 0.8))


def test_of_two_samples_of_one_time_the_later_one_counts():
    buffer = filled(*(stamped('map', 'base', 1.0, (x, 0.0, 0.0)) for x in (1.0, 2.0, 2.0)))
    assert position(buffer.lookup_transform('map', 'base', at(1.0))) == (2.0, 0.0, 0.0)


def test_can_transform_tells_why_not():
    possible, reason = filled(stamped('map', 'base')).can_transform('map', 'nobody', NEWEST, return_debug_tuple=True)
    assert not possible
    assert 'nobody' in reason


def test_waits_for_a_transform_from_another_thread():
    buffer = filled(stamped('map', 'base', 1.0))
    sender = threading.Timer(0.2, buffer.set_transform, (stamped('map', 'base', 2.0, (1.0, 0.0, 0.0)), 'test'))
    sender.start()
    answer = buffer.lookup_transform('map', 'base', at(2.0), timeout=Duration(seconds=10.0))
    sender.join()
    assert position(answer) == pytest.approx((1.0, 0.0, 0.0))


def test_time_out_ends_the_wait():
    buffer = filled(stamped('map', 'base', 1.0))
    start = time.monotonic()
    assert not buffer.can_transform('map', 'base', at(2.0), timeout=Duration(seconds=0.2))
    assert 0.2 <= time.monotonic() - start < 5.0
    with pytest.raises(ExtrapolationException):
        buffer.lookup_transform('map', 'base', at(2.0), timeout=Duration(seconds=0.05))


def test_clear_forgets_what_moves():
    buffer = filled(stamped('map', 'base', 1.0), static=[stamped('base', 'camera')])
    buffer.clear()
    assert not buffer.can_transform('map', 'base', NEWEST)
    assert buffer.can_transform('base', 'camera', NEWEST)
    assert set(yaml.safe_load(buffer.all_frames_as_yaml())) == {'camera'}
    with pytest.raises(TransformException):
        buffer.lookup_transform('map', 'camera', NEWEST)


def test_yaml_names_every_child_and_its_parent():
    buffer = filled(stamped('map', 'base', 1.0), stamped('map', 'base', 2.0), static=[stamped('base', 'camera')])
    frames = yaml.safe_load(buffer.all_frames_as_yaml())
    assert {child: about['parent'] for child, about in frames.items()} == {'base': 'map', 'camera': 'base'}
    assert frames['base']['most_recent_transform'] == pytest.approx(2.0)


def test_identity_between_a_frame_and_itself():
    buffer = filled(stamped('map', 'base', 1.0, (1.0, 0.0, 0.0)))
    answer = buffer.lookup_transform('base', 'base', at(7.0))
    assert position(answer) == (0.0, 0.0, 0.0)
    assert answer.transform.rotation.w == 1.0
