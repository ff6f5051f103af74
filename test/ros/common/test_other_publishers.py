"""Whoever publishes on our topics is found, also a node of our own name; nobody else is."""

import time

import pytest
import rclpy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from chromm_ros.ros.common.other_publishers import Offers, offers, other_publishers


@pytest.fixture
def make_node():
    rclpy.init(args=[])
    nodes = []

    def make(name, namespace=''):
        nodes.append(rclpy.create_node(name, namespace=namespace))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown()


def found(node, publishers, expected):
    deadline = time.monotonic() + 30
    while (others := other_publishers(node, publishers)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return others


@pytest.mark.parametrize('name', ['chromm', 'bag_player'])
def test_somebody_else_on_our_topic_is_named(make_node, name):
    ours, theirs = make_node('chromm'), make_node(name)
    publishers = [ours.create_publisher(String, f'/chromm/{topic}', 1) for topic in ('humans', 'scene')]
    assert found(ours, publishers, {}) == {}
    other = theirs.create_publisher(String, '/chromm/humans', 1)
    assert found(ours, publishers, {'/chromm/humans': (f'/{name}',)}) == {'/chromm/humans': (f'/{name}',)}
    theirs.destroy_publisher(other)
    assert found(ours, publishers, {}) == {}


def test_a_capture_in_another_namespace_is_no_rival(make_node):
    ours, theirs = make_node('chromm', 'r1'), make_node('chromm', 'r2')
    publisher = ours.create_publisher(String, '~/humans', 1)
    theirs.create_publisher(String, '~/humans', 1)
    time.sleep(0.5)
    assert other_publishers(ours, [publisher]) == {}


def soon(node, expected):
    deadline = time.monotonic() + 30
    while (there := offers(node)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return there


def test_images_and_transforms_that_could_be_heard_are_known(make_node):
    ours, theirs = make_node('chromm'), make_node('driver', 'robot1')
    ours.create_publisher(TFMessage, '/tf', 1)
    ours.create_subscription(Image, '/front/image', lambda message: None, 1)
    for kind, name in ((Image, 'front/image_raw'), (CompressedImage, 'rear/compressed'), (TFMessage, 'tf_static')):
        theirs.create_publisher(kind, name, 1)
    expected = Offers(('/robot1/front/image_raw', '/robot1/rear/compressed'), ('/robot1/tf_static',))
    assert soon(ours, expected) == expected
    make_node('robot_state_publisher').create_publisher(TFMessage, '/tf_static', 1)
    expected = Offers(expected.images)
    assert soon(ours, expected) == expected
