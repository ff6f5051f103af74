"""Sends transforms that never move."""

from __future__ import annotations

from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from tf2_ros.transform_broadcaster import as_list


class StaticTransformBroadcaster:
    """Publishes on ``/tf_static``, latched: who comes late hears every frame that this broadcaster ever sent.

    As in Jazzy, a child frame sent again is ignored (the C++ class and later releases replace it): whoever has new
    values makes a new broadcaster. Code that does so works with either.

    Args:
        node: the node that publishes.
        qos: a profile or a history depth; None for transient local, depth 1.
    """

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        if qos is None:
            qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, history=HistoryPolicy.KEEP_LAST)
        self.pub_tf = node.create_publisher(TFMessage, '/tf_static', qos)
        self.net_message = TFMessage()

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Adds one transform, or several, and sends all so far in one message: only the last message is latched."""
        for new in as_list(transform):
            if all(new.child_frame_id != sent.child_frame_id for sent in self.net_message.transforms):
                self.net_message.transforms.append(new)
        self.pub_tf.publish(self.net_message)
