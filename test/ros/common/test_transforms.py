"""TF is read at the image's time, never contradicted, and never read back from ourselves."""

from itertools import pairwise

import numpy as np
import pytest
import tf2_ros
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from standins import camera, human

from chromm_ros.flow import HumanState
from chromm_ros.ros.common.transforms import (
    CameraFrames,
    frame_parents,
    matrix_of,
    optical_frame,
    transform_messages,
)

SECOND = 1_000_000_000


def pose(x=0.0, angle=0.0):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec([0, 0, angle]).as_matrix()
    matrix[0, 3] = x
    return matrix


@pytest.fixture
def buffer():
    return tf2_ros.Buffer()


def frames(buffer):
    return CameraFrames(buffer, 'map', 'chromm/')


@settings(deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_message_and_matrix_say_the_same(numbers):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(numbers[:3]).as_matrix()
    matrix[:3, 3] = numbers[3:]
    message = transform_messages('map', {'camera': matrix}, 3 * SECOND + 7)[0]
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (3, 7)
    np.testing.assert_allclose(matrix_of(message), matrix, atol=1e-9)


@pytest.mark.parametrize('field', ['translation', 'rotation'])
def test_numbers_that_are_no_motion_are_not_a_pose(field):
    message = transform_messages('map', {'camera': np.eye(4)}, 0)[0]
    setattr(getattr(message.transform, field), 'x' if field == 'translation' else 'w', float('nan'))
    assert matrix_of(message) is None


def test_moving_camera_is_looked_up_at_the_stamp_of_the_image(buffer):
    buffer.set_transform(transform_messages('map', {'left': pose(0.0)}, 1 * SECOND)[0], 'test')
    buffer.set_transform(transform_messages('map', {'left': pose(1.0)}, 2 * SECOND)[0], 'test')
    found = frames(buffer).world_from('left', SECOND * 5 // 4, 0.0)
    np.testing.assert_allclose(found, pose(0.25), atol=1e-9)


def test_frame_that_tf_never_heard_of_is_not_a_problem(buffer):
    known = frames(buffer)
    assert known.world_from('left', SECOND, 0.0) is None
    assert known.world_from('', SECOND, 0.0) is None
    assert not known.problems


def test_time_that_tf_does_not_reach_is_counted(buffer):
    buffer.set_transform(transform_messages('map', {'left': pose()}, 1 * SECOND)[0], 'test')
    buffer.set_transform(transform_messages('map', {'left': pose()}, 2 * SECOND)[0], 'test')
    known = frames(buffer)
    assert known.world_from('left', 9 * SECOND, 0.0) is None
    assert known.problems == {'ExtrapolationException': 1}


def test_only_estimated_cameras_are_sent(buffer):
    cameras = [camera('a', 1, pose(1.0), given=False), camera('b', 1, pose(2.0), given=True)]
    (sent,) = frames(buffer).to_send(cameras, 5)
    assert (sent.header.frame_id, sent.child_frame_id) == ('map', 'chromm/a_optical_frame')
    np.testing.assert_allclose(matrix_of(sent), pose(1.0))


def test_camera_frame_that_has_a_parent_gets_no_other(buffer):
    buffer.set_transform_static(transform_messages('base', {'chromm/a_optical_frame': pose()}, 0)[0], 'test')
    assert frames(buffer).to_send([camera('a', 1, pose(1.0), given=False)], 5) == []


def test_own_frames_are_sent_on_and_never_believed(buffer):
    known = frames(buffer)
    for _ in range(2):
        (sent,) = known.to_send([camera('a', 1, pose(1.0), given=False)], SECOND)
        buffer.set_transform(sent, 'self')
    assert known.world_from('chromm/a_optical_frame', SECOND, 0.0) is None


def test_a_frame_that_is_not_sent_is_reported_until_it_is_free(buffer):
    buffer.set_transform(transform_messages('base', {'chromm/a_optical_frame': pose()}, SECOND)[0], 'test')
    sender = frames(buffer)
    estimated = [camera(name, 1, pose(1.0), given=False) for name in 'ab']
    (sent,) = sender.to_send(estimated, 5)
    assert sent.child_frame_id == 'chromm/b_optical_frame'
    (finding,) = sender.findings()
    assert 'chromm/a_optical_frame is not sent, somebody else gives it the parent base' in finding.text
    buffer.clear()
    assert len(sender.to_send(estimated, 6)) == 2
    assert sender.findings() == []


TF_NAMES = st.text(st.characters(categories=('L', 'N', 'P', 'S', 'Zs')), min_size=1, max_size=12).filter(
    lambda name: not name.startswith('/')
)


@settings(deadline=None)
@given(st.lists(TF_NAMES, min_size=2, max_size=5, unique=True))
@example(['1', 'no', 'null'])
@example(["it's", 'a: b', '- c', '#d', "  parent: 'x'", 'x'])
def test_parents_are_read_whatever_the_frames_are_called(names):
    buffer = tf2_ros.Buffer()
    for parent, child in pairwise(names):
        buffer.set_transform(transform_messages(parent, {child: pose()}, SECOND)[0], 'test')
    assert frame_parents(buffer) == dict(zip(names[1:], names))


def test_a_frame_that_hangs_on_something_else_than_the_world_names_its_root(buffer):
    for parent, child in (('1', 'no'), ('no', 'a: b')):
        buffer.set_transform(transform_messages(parent, {child: pose()}, SECOND)[0], 'test')
    assert frames(buffer).other_root('a: b') == '1'
    assert frames(buffer).other_root('nowhere') is None


@pytest.mark.parametrize('name', ['front', '/front', 'arm/front', '/robot1/front'])
def test_frames_of_cameras_are_names_that_tf_accepts(buffer, name):
    for prefix in ('', 'r1/chromm/'):
        frame = optical_frame(prefix, name)
        assert not frame.startswith('/')
        assert '//' not in frame


def test_only_tracked_people_get_frames(buffer):
    people = [human(1, 0), human(2, 0, state=HumanState.PREDICTED)]
    (sent,) = frames(buffer).people_to_send(people, '/', 5)
    assert (sent.header.frame_id, sent.child_frame_id) == ('map', 'body_b0001')
    np.testing.assert_allclose(matrix_of(sent)[:3, :3], np.eye(3), atol=1e-9)
    (sent,) = frames(buffer).people_to_send(people, '/fleet/r1', 5)
    assert sent.child_frame_id == 'fleet/r1/body_b0001'


def test_people_frames_of_somebody_else_are_reported_too(buffer):
    buffer.set_transform(transform_messages('map', {'body_b0001': pose()}, SECOND)[0], 'test')
    sender = frames(buffer)
    assert sender.people_to_send([human(1, 0)], '/', 5) == []
    assert 'body_b0001' in sender.findings()[0].text
