"""Whoever publishes on our topics is found, also a node of our own name; nobody else is."""

import time

import pytest
import rclpy
from std_msgs.msg import String

from chromm_ros.ros.common.other_publishers import other_publishers


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
