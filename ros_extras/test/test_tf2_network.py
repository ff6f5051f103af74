"""What chromm_ros relies on in the broadcasters and the listener of tf2_ros, over DDS."""

import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from tf2_msgs.msg import TFMessage
from tf2_msgs.srv import FrameGraph
from tf2_ros import Buffer, StaticTransformBroadcaster, TransformBroadcaster, TransformListener

NEWEST = Time()
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def stamped(parent: str, child: str, x: float = 0.0, second: int = 1) -> TransformStamped:
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = parent, child
    message.header.stamp.sec = second
    message.transform.translation.x = x
    message.transform.rotation.w = 1.0
    return message


def test_message_is_the_one_that_ros_knows():
    assert TFMessage.get_fields_and_field_types() == {'transforms': 'sequence<geometry_msgs/TransformStamped>'}
    assert TFMessage.__module__.startswith('tf2_msgs.msg')
    assert FrameGraph.Response.get_fields_and_field_types() == {'frame_yaml': 'string'}


def test_listener_fills_the_buffer(node, spin_until):
    buffer = Buffer()
    listener = TransformListener(buffer, node)
    moving, still = TransformBroadcaster(node), StaticTransformBroadcaster(node)
    still.sendTransform(stamped('base', 'camera', 2.0))

    def arrived() -> bool:
        moving.sendTransform(stamped('map', 'base', 1.0))
        return buffer.can_transform('map', 'camera', NEWEST)

    spin_until(arrived)
    assert buffer.lookup_transform('map', 'camera', NEWEST).transform.translation.x == 3.0
    listener.unregister()


def test_several_transforms_travel_in_one_message(node, spin_until):
    received: list[TFMessage] = []
    node.create_subscription(TFMessage, '/tf', received.append, 10)
    broadcaster = TransformBroadcaster(node)

    def arrived() -> bool:
        broadcaster.sendTransform([stamped('map', 'a'), stamped('map', 'b')])
        return bool(received)

    spin_until(arrived)
    assert [transform.child_frame_id for transform in received[0].transforms] == ['a', 'b']


def test_late_listeners_hear_every_static_frame(node, spin_until):
    broadcaster = StaticTransformBroadcaster(node)
    broadcaster.sendTransform(stamped('map', 'a', 1.0))
    broadcaster.sendTransform((stamped('map', 'b', 2.0),))
    buffer = Buffer()
    listener = TransformListener(buffer, node)
    spin_until(lambda: buffer.can_transform('a', 'b', NEWEST))
    assert buffer.lookup_transform('a', 'b', NEWEST).transform.translation.x == 1.0
    listener.unregister()


def test_a_static_frame_sent_again_stays_one_frame(node, spin_until):
    received: list[TFMessage] = []
    node.create_subscription(TFMessage, '/tf_static', received.append, LATCHED)
    broadcaster = StaticTransformBroadcaster(node)
    broadcaster.sendTransform(stamped('map', 'a', 1.0))
    broadcaster.sendTransform([stamped('map', 'a', 1.0), stamped('map', 'b')])
    spin_until(lambda: received and len(received[-1].transforms) == 2)
    assert sorted(transform.child_frame_id for transform in received[-1].transforms) == ['a', 'b']


def test_a_new_broadcaster_replaces_a_static_frame(node, spin_until):
    buffer = Buffer()
    listener = TransformListener(buffer, node)
    old = StaticTransformBroadcaster(node)
    old.sendTransform(stamped('map', 'camera', 1.0))
    spin_until(lambda: buffer.can_transform('map', 'camera', NEWEST))
    node.destroy_publisher(old.pub_tf)
    StaticTransformBroadcaster(node).sendTransform(stamped('map', 'camera', 2.0))
    spin_until(lambda: buffer.lookup_transform('map', 'camera', NEWEST).transform.translation.x == 2.0)
    listener.unregister()


def test_quality_of_service_is_that_of_tf(node):
    kept = [TransformBroadcaster(node), StaticTransformBroadcaster(node), TransformListener(Buffer(), node)]
    for topic, durability in (('/tf', DurabilityPolicy.VOLATILE), ('/tf_static', DurabilityPolicy.TRANSIENT_LOCAL)):
        ends = node.get_publishers_info_by_topic(topic) + node.get_subscriptions_info_by_topic(topic)
        assert len(ends) == 2
        for end in ends:
            assert end.qos_profile.durability == durability
            assert end.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    kept[-1].unregister()


def test_dedicated_thread_lets_the_caller_wait(node):
    other = rclpy.create_node('listening')
    buffer = Buffer()
    listener = TransformListener(buffer, other, spin_thread=True)
    StaticTransformBroadcaster(node).sendTransform(stamped('map', 'camera', 1.0))
    assert buffer.can_transform('map', 'camera', NEWEST, timeout=rclpy.duration.Duration(seconds=20.0))
    listener.executor.shutdown()
    listener.dedicated_listener_thread.join()


def test_buffer_tells_its_frames_on_request(node, spin_until):
    buffer = Buffer(node=node)
    buffer.set_transform(stamped('map', 'base'), 'test')
    client = node.create_client(FrameGraph, 'tf2_frames')
    spin_until(client.service_is_ready)
    answer = client.call_async(FrameGraph.Request())
    spin_until(answer.done)
    assert 'base' in answer.result().frame_yaml
