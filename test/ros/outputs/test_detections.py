"""Consumers that know only vision_msgs get everybody with place, uncertainty and id."""

import numpy as np
from rclpy.serialization import deserialize_message
from standins import StandInBody, human
from vision_msgs.msg import Detection3DArray

from chromm_ros.flow import HumanState
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of
from chromm_ros.ros.outputs.detections import detections


def published(humans):
    bodies = body_shapes_of(humans, StandInBody())
    return deserialize_message(
        cdr.encode(Detection3DArray, detections(humans, bodies, 1_500_000_000, 'odom')), Detection3DArray
    )


def test_everybody_is_a_detection_with_the_id_of_the_person():
    states = [HumanState.TENTATIVE, HumanState.TRACKED, HumanState.PREDICTED]
    message = published([human(7 + k, k, state=state) for k, state in enumerate(states)])
    assert [found.id for found in message.detections] == ['7', '8', '9']
    for head in [message.header, *(found.header for found in message.detections)]:
        assert (head.stamp.sec, head.stamp.nanosec, head.frame_id) == (1, 500_000_000, 'odom')


def test_pose_uncertainty_and_score_are_those_of_the_person():
    person = human(4, 0)
    person.covariance[:] = np.diag(np.arange(1.0, 7.0))
    (found,) = published([person]).detections
    (result,) = found.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ('person', person.confidence)
    p = result.pose.pose.position
    np.testing.assert_allclose([p.x, p.y, p.z], person.joints[[1, 2]].mean(0))
    np.testing.assert_allclose(result.pose.covariance, np.diag(np.arange(1.0, 7.0)).ravel())


def test_the_box_stands_upright_and_encloses_every_joint():
    person = human(4, 0)
    (found,) = published([person]).detections
    q, size, middle = found.bbox.center.orientation, found.bbox.size, found.bbox.center.position
    assert (q.x, q.y, q.z, q.w) == (0.0, 0.0, 0.0, 1.0)
    half = np.array([size.x, size.y, size.z]) / 2
    assert (np.abs(person.joints - [middle.x, middle.y, middle.z]) <= half + 1e-6).all()


def test_nobody_is_a_message_too():
    assert published([]).detections == []
