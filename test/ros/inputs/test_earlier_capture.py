"""What an earlier capture estimated is left out, whatever it was called; everything else stays as it was."""

import pytest
from rclpy.serialization import deserialize_message, serialize_message
from recordings import START, transform
from tf2_msgs.msg import TFMessage

from chromm_ros.recording.bags import Topic
from chromm_ros.ros.inputs.earlier_capture import EarlierCapture

HUMANS = 'chromm_ros/msg/HumanArray'


def capture(*names):
    return EarlierCapture.of([Topic(name, HUMANS) for name in names])


@pytest.mark.parametrize(
    ('humans', 'frame'),
    [
        ('/chromm/humans', 'chromm/front_optical_frame'),
        ('/r1/chromm/humans', 'r1/chromm/front_optical_frame'),
        ('/people/humans', 'people/front_optical_frame'),
        ('/fleet/r2/people/humans', 'fleet/r2/people/left_optical_frame'),
        ('/chromm/humans', 'body_b0003'),
        ('/r1/chromm/humans', 'r1/body_b0003'),
    ],
)
def test_frames_of_cameras_and_people_are_known(humans, frame):
    assert capture(humans).estimated(frame)


@pytest.mark.parametrize('frame', ['front_optical_frame', 'base_link', 'chrommium/front', 'map', 'camera_body'])
def test_frames_of_others_are_left_alone(frame):
    assert not capture('/chromm/humans').estimated(frame)


def test_body_frames_of_a_bag_without_captures_are_somebody_elses():
    assert not EarlierCapture.of([]).estimated('body_b0003')


def test_only_the_estimates_leave_a_message():
    both = TFMessage()
    for child in ('front_optical', 'chromm/front_optical_frame'):
        both.transforms += transform(START, 'map', child).transforms
    left = deserialize_message(capture('/chromm/humans').without(serialize_message(both)), TFMessage)
    assert [one.child_frame_id for one in left.transforms] == ['front_optical']


def test_a_message_of_estimates_alone_is_left_out_and_others_stay_to_the_byte():
    own = serialize_message(transform(START, 'map', 'chromm/front_optical_frame'))
    other = serialize_message(transform(START, 'map', 'front_optical'))
    assert capture('/chromm/humans').without(own) is None
    assert capture('/chromm/humans').without(other) is other
