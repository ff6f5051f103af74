"""Sends transforms that move."""

from __future__ import annotations

from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage

DEFAULT_QOS = QoSProfile(depth=100)


class TransformBroadcaster:
    """Publishes on ``/tf``.

    Args:
        node: the node that publishes.
        qos: a profile or a history depth.
    """

    def __init__(self, node: Node, qos: QoSProfile | int = DEFAULT_QOS) -> None:
        self.pub_tf = node.create_publisher(TFMessage, '/tf', qos)

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Sends one transform, or several in one message."""
        self.pub_tf.publish(TFMessage(transforms=as_list(transform)))


def as_list(transform: TransformStamped | Iterable[TransformStamped]) -> list[TransformStamped]:
    return [transform] if isinstance(transform, TransformStamped) else list(transform)
