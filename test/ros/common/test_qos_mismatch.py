"""Somebody at the other end of a topic who gets nothing, or sends nothing that arrives, is named with the reason."""

import time

import pytest
import rclpy
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from chromm_ros.ros.common import qos
from chromm_ros.ros.common.qos_mismatch import QosMismatches

TOPICS_AND_QOS = {'/a': qos.reliable(5), '/b': qos.sensor(), '/c': qos.latched()}
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture
def nodes():
    """Ours and a foreign one."""
    contexts = [rclpy.Context(), rclpy.Context()]  # one participant each: it refuses two types of one topic
    for context in contexts:
        context.init(args=[])
    made = [
        rclpy.create_node('ours', context=contexts[0]),
        rclpy.create_node('theirs', namespace='robot', context=contexts[1]),
    ]
    yield made
    for node, context in zip(made, contexts):
        node.destroy_node()
        context.shutdown()


def problems(ours, publishers=(), subscriptions=(), expected=True):
    """What a check finds once the graph has settled, and what was said about it; each thing is said once."""
    said = []
    mismatches = QosMismatches(ours, said.append)
    end = time.monotonic() + (10.0 if expected else 1.0)
    while not mismatches.found and time.monotonic() < end:
        time.sleep(0.05)
        mismatches.check(publishers, subscriptions)
    mismatches.check(publishers, subscriptions)
    assert said == list(mismatches.found.values())
    return mismatches.found


def test_publisher_that_promises_too_little(nodes):
    ours, theirs = nodes
    theirs.create_publisher(Image, '/a/image', BEST_EFFORT)
    subscription = ours.create_subscription(Image, '/a/image', lambda message: None, qos.reliable(5))
    found = problems(ours, subscriptions=[subscription])
    assert '/robot/theirs' in found['/a/image']
    assert 'reliable' in found['/a/image']


def test_subscriber_that_wants_too_much(nodes):
    ours, theirs = nodes
    publisher = ours.create_publisher(Image, '/scene', BEST_EFFORT)
    theirs.create_subscription(Image, '/scene', lambda message: None, qos.reliable(5))
    assert list(problems(ours, publishers=[publisher])) == ['/scene']


def test_other_type_under_the_same_name(nodes):
    ours, theirs = nodes
    theirs.create_publisher(CompressedImage, '/a/image', 5)
    subscription = ours.create_subscription(Image, '/a/image', lambda message: None, 5)
    assert 'sensor_msgs/msg/CompressedImage' in problems(ours, subscriptions=[subscription])['/a/image']


def test_subscriber_that_expects_messages_in_time(nodes):
    ours, theirs = nodes
    publisher = ours.create_publisher(Image, '/scene', qos.reliable(5))
    theirs.create_subscription(
        Image, '/scene', lambda message: None, QoSProfile(depth=5, deadline=Duration(seconds=1))
    )
    found = problems(ours, publishers=[publisher])
    assert 'deadline' in found['/scene']
    assert 'lease' not in found['/scene']


def test_peers_that_fit_are_not_mentioned(nodes):
    ours, theirs = nodes
    for topic, profile in TOPICS_AND_QOS.items():
        theirs.create_publisher(Image, topic, profile)
        theirs.create_subscription(Image, topic, lambda message: None, profile)
    publishers = [ours.create_publisher(Image, topic, qos) for topic, qos in TOPICS_AND_QOS.items()]
    subscriptions = [
        ours.create_subscription(Image, topic, lambda message: None, qos) for topic, qos in TOPICS_AND_QOS.items()
    ]
    assert problems(ours, publishers, subscriptions, expected=False) == {}


def test_problem_ends_with_the_peer(nodes):
    ours, theirs = nodes
    publisher = theirs.create_publisher(Image, '/a/image', BEST_EFFORT)
    subscription = ours.create_subscription(Image, '/a/image', lambda message: None, qos.reliable(5))
    mismatches = QosMismatches(ours, lambda text: None)
    for destroyed in (False, True):
        if destroyed:
            theirs.destroy_publisher(publisher)
        end = time.monotonic() + 10.0
        while bool(mismatches.found) == destroyed and time.monotonic() < end:
            time.sleep(0.05)
            mismatches.check((), [subscription])
        assert bool(mismatches.found) != destroyed
