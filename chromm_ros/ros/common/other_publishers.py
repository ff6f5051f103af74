"""Whether somebody else publishes on the topics of this node, found by asking the ROS graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.node import Node

from chromm_ros.ros.common.qos_mismatch import UNKNOWN, full_name


def other_publishers(node: Node, publishers: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """Topic -> names of the other nodes that publish on it; a second node of the same name counts as well.

    Args:
        publishers: of ``node``, one per topic.
    """
    found = {}
    for publisher in publishers:
        ends = node.get_publishers_info_by_topic(publisher.topic_name)
        names = [full_name(end) for end in ends if end.node_name != UNKNOWN]
        if node.get_fully_qualified_name() in names:
            names.remove(node.get_fully_qualified_name())
        if names:
            found[publisher.topic_name] = tuple(sorted(names))
    return found
