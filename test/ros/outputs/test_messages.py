"""Snapshots become messages that say the same in ROS's terms."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseArray
from rclpy.serialization import deserialize_message
from scipy.spatial.transform import Rotation
from standins import StandInBody, camera, human, snapshot

from chromm_ros import conditions
from chromm_ros.flow import CameraState, HumanState, ViewState
from chromm_ros.msg import CaptureStatus, Human, HumanArray
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of
from chromm_ros.ros.outputs.margins import way_of
from chromm_ros.ros.outputs.messages import (
    HumanOptions,
    Turns,
    bits,
    camera_poses,
    capture_status,
    human_array,
    smplx_parameters,
    stamp,
)
from chromm_ros.skeleton import HEAD


def published(shot, options=None, latency=0.25, last=None):
    bodies = body_shapes_of(shot.humans, StandInBody())
    options = options or HumanOptions(model='stand-in')
    return deserialize_message(
        cdr.encode(HumanArray, human_array(shot, bodies, 'map', latency, options, last)), HumanArray
    )


def test_array_carries_acquisition_time_frame_session_and_views():
    message = published(snapshot())
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_000)
    assert message.header.frame_id == 'map'
    assert bytes(message.session.uuid) == bytes(15) + b'\x05'
    assert (message.window, message.views, list(message.views_used)) == (3, ['a', 'b'], [True, True])
    assert (message.latency.sec, message.latency.nanosec) == (0, 250_000_000)
    assert not message.predicted


def test_nobody_is_a_message_too():
    message = published(snapshot(humans=[]))
    assert message.humans == []
    assert message.views == ['a', 'b']


def test_pose_is_the_rep155_body_frame():
    """Somebody upright who looks along +x: the body frame is the world's, at the middle of the hips."""
    person = human(4, 0)
    (message,) = published(snapshot(humans=[person])).humans
    q = message.pose.pose.orientation
    np.testing.assert_allclose(Rotation.from_quat([q.x, q.y, q.z, q.w]).as_matrix(), np.eye(3), atol=1e-9)
    p = message.pose.pose.position
    np.testing.assert_allclose([p.x, p.y, p.z], person.joints[[1, 2]].mean(0))
    np.testing.assert_allclose(message.pose.covariance.reshape(6, 6), person.covariance)
    h = message.head.position
    np.testing.assert_allclose([h.x, h.y, h.z], person.joints[HEAD])


def test_identity_state_and_times():
    shot = snapshot(stamp=5_000_000_000, humans=[human(4, 4_000_000_000, state=HumanState.PREDICTED)])
    (message,) = published(shot).humans
    assert (message.id, message.body_id, message.state) == (4, 'b0004', Human.PREDICTED)
    assert message.last_observed.sec == 4
    assert message.age.sec == 3


def test_joints_and_what_was_observed_of_them():
    person = human(1, 0)
    (message,) = published(snapshot(humans=[person])).humans
    positions = [(p.position.x, p.position.y, p.position.z) for p in message.joints]
    np.testing.assert_allclose(positions, person.joints)
    assert [message.joints_observed >> j & 1 for j in range(55)] == [j % 2 == 0 for j in range(55)]
    np.testing.assert_allclose(message.joint_confidence, person.joint_confidence, atol=1e-6)


def test_parts_that_nobody_wants_stay_empty():
    (message,) = published(snapshot(humans=[human(1, 0)]), HumanOptions(joints=False, capsules=False)).humans
    assert not len(message.joints)
    assert not len(message.capsules)
    assert message.cylinder.radius > 0


def test_solids_enclose_and_margin_grows_with_speed_uncertainty_and_delay():
    (message,) = published(snapshot(humans=[human(1, 0)]), latency=0.5).humans
    assert [capsule.joint for capsule in message.capsules] == [3, 6, 15]
    assert message.capsules[0].radius == pytest.approx(0.1)
    # 2 standard deviations of 0.1 m, and for half a second 0.5 m/s that become 1.6
    assert message.cylinder.margin == pytest.approx(2 * 0.1 + way_of(human(1, 0), 0.5))
    assert message.cylinder.margin > 2 * 0.1 + 0.25


def test_whom_extrapolation_blurs_keeps_its_place():
    before, now = snapshot(humans=[human(1, 0)]), human(1, 0)
    now.covariance[:2, :2] = 4.0 * np.eye(2)
    message = published(snapshot(humans=[now]), latency=0.0, last=before)
    assert message.predicted
    assert message.humans[0].cylinder.placed
    assert not published(snapshot(humans=[now])).humans[0].cylinder.placed


def test_bones_without_skin_make_no_capsule():
    bodies = body_shapes_of([human(1, 0)], StandInBody())
    bodies.capsule_radius[0, 1] = 0.0
    description = human_array(snapshot(humans=[human(1, 0)]), bodies, 'map', 0.0, HumanOptions())
    assert description['humans'][0]['capsules'][:, 0].tolist() == [3, 15]


def test_unknown_covariance_says_so():
    person = human(1, 0)
    person.velocity_covariance[0, 0] = np.nan
    (message,) = published(snapshot(humans=[person])).humans
    assert message.twist.covariance[0] == -1


def test_smplx_parameters_are_axis_angle_in_the_order_of_smplx():
    person = human(1, 0)
    angles = 0.01 * np.arange(52)
    person.pose[:] = Rotation.from_rotvec(angles[:, None] * [0.0, 0.0, 1.0]).as_matrix()
    (theta,) = Turns.of([person]).theta
    found = smplx_parameters(theta, np.zeros(3), person.betas, 'm')
    for name, first, count in (
        ('body_pose', 0, 21),
        ('left_hand_pose', 21, 15),
        ('right_hand_pose', 36, 15),
        ('jaw_pose', 51, 1),
    ):
        np.testing.assert_allclose(np.reshape(found[name], (-1, 3))[:, 2], angles[first : first + count], atol=1e-6)
    assert found['flat_hand_mean'] is True


def test_observations_point_into_the_list_of_views():
    (message,) = published(snapshot(humans=[human(1, 9_000_000_001, views=('b',))])).humans
    (seen,) = message.observations
    assert (seen.view, seen.tracklet, seen.fused) == (1, 7, True)
    assert (seen.stamp.sec, seen.stamp.nanosec) == (9, 1)
    assert (seen.roi.x_offset, seen.roi.y_offset, seen.roi.width, seen.roi.height) == (1, 2, 3, 4)


def test_status_reports_cameras_delay_and_drops():
    lost = CameraState('b', ViewState.MISSING, False, 0, None, None, False, float('nan'), float('nan'))
    shot = snapshot(cameras=(camera('a', 1_400_000_000), lost), messages=('a camera was bumped',))
    description = capture_status(shot, 'map', {'a': 10.0}, {'wait': 0.1, 'encode': 0.2}, {'late': 3}, ('hint',))
    message = deserialize_message(cdr.encode(CaptureStatus, description), CaptureStatus)
    assert list(message.view_state) == [CaptureStatus.OK, CaptureStatus.MISSING]
    assert list(message.rate) == [10.0, 0.0]
    assert message.skew[0] == pytest.approx(-0.1)
    assert np.isnan(message.skew[1])
    assert np.isnan(message.camera_pose[1].position.x)
    assert message.stages == ['wait', 'encode']
    assert dict(zip(message.drop_reasons, message.drop_counts)) == {'late': 3}
    assert message.notes == ['hint', 'a camera was bumped']


def test_status_repeats_what_holds_and_says_nothing_twice():
    slow = conditions.TOO_FEW_SETS.found(rate=1.2, least=2.0)
    for said in ((), (slow.text,)):
        shot = snapshot(messages=said, findings=(slow,))
        assert capture_status(shot, 'map', {}, {}, {})['notes'] == [slow.text]


def test_camera_poses_keep_the_order_of_the_rig():
    pose = np.eye(4)
    pose[:3, 3] = [1, 2, 3]
    shot = snapshot(cameras=(camera('a', 1), camera('b', 1, pose)))
    message = deserialize_message(cdr.encode(PoseArray, camera_poses(shot, 'map')), PoseArray)
    assert message.poses[1].position.y == 2
    assert message.poses[0].orientation.w == 1


@pytest.mark.parametrize('flag', [0, 1, 31, 32, 54])
def test_bits(flag):
    assert bits(np.arange(55) == flag) == 1 << flag


def test_negative_durations_keep_their_nanoseconds_positive():
    assert stamp(-1) == {'sec': -1, 'nanosec': 999_999_999}
