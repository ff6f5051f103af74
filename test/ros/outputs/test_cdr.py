"""Bytes written from arrays are read by the middleware as the messages that were described."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseArray, PoseStamped
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.ros.outputs import cdr


def decoded(kind, value):
    """The message that a subscriber gets."""
    return deserialize_message(cdr.encode(kind, value), kind)


@pytest.mark.parametrize('kind', [HumanArray, CaptureStatus, Image, PointCloud2, CameraInfo, MarkerArray, PoseArray])
def test_an_empty_description_is_an_empty_message(kind):
    assert decoded(kind, {}) == kind()


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(st.characters(codec='utf-8', exclude_characters='\0'), max_size=9),
    poses=st.integers(0, 4),
    capsules=st.integers(0, 4),
    views=st.lists(st.text('abc', max_size=3), max_size=4),
    observed=st.integers(0, 2**55 - 1),
)
def test_any_mixture_of_lengths_keeps_its_alignment(name, poses, capsules, views, observed):
    """Strings shift everything behind them; rows of structures must then be padded differently."""
    rng = np.random.default_rng(poses + 10 * capsules)
    joints, rows = rng.random((poses, 7)), rng.random((capsules, 8))
    rows[:, 0] = np.arange(capsules)
    human = {'id': 7, 'body_id': name, 'joints': joints, 'capsules': rows, 'joints_observed': observed}
    message = decoded(HumanArray, {'views': views, 'views_used': [True] * len(views), 'humans': [human, human]})
    assert message.views == views
    for one in message.humans:
        assert one.body_id == name
        assert one.joints_observed == observed
        assert [(p.position.y, p.orientation.w) for p in one.joints] == [(row[1], row[6]) for row in joints]
        assert [(c.joint, c.b.z) for c in one.capsules] == [(k, row[6]) for k, row in enumerate(rows)]


def test_numbers_of_every_kind_arrive():
    message = decoded(
        CaptureStatus,
        {
            'header': {'stamp': {'sec': -3, 'nanosec': 5}, 'frame_id': 'map'},
            'view_state': [0, 5],
            'rate': [1.5, float('nan')],
            'camera_pose': np.arange(14.0).reshape(2, 7),
            'drop_counts': [2**40],
            'scale': 2.5,
        },
    )
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (-3, 5)
    assert list(message.view_state) == [0, 5]
    assert message.rate[0] == 1.5
    assert np.isnan(message.rate[1])
    assert message.camera_pose[1].orientation.w == 13
    assert list(message.drop_counts) == [2**40]
    assert message.scale == 2.5


def test_one_structure_may_be_a_row():
    message = decoded(PoseStamped, {'pose': (1, 2, 3, 0, 0, 0, 1)})
    assert message.pose.position.z == 3
    assert message.pose.orientation.w == 1


def test_bytes_of_an_image_are_taken_as_they_are():
    data = np.arange(256, dtype=np.uint8)
    assert bytes(decoded(Image, {'encoding': 'mono8', 'data': data}).data) == data.tobytes()


@pytest.mark.parametrize(
    ('value', 'error', 'text'),
    [
        ({'heigth': 3}, KeyError, "no field 'heigth'"),
        ({'k': [1.0, 2.0]}, ValueError, '9 numbers expected, 2 given'),
    ],
)
def test_a_wrong_description_is_refused(value, error, text):
    with pytest.raises(error, match=text):
        cdr.encode(CameraInfo, value)


def test_rows_of_the_wrong_width_are_refused():
    with pytest.raises(ValueError, match='rows of 7 numbers expected'):
        cdr.encode(PoseArray, {'poses': np.zeros((2, 6))})
