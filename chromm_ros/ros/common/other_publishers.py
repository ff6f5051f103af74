"""What others publish: on the topics of this node, or what it may have been meant to hear. Asks the ROS graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node

from chromm_ros.recording.bag_topics import IMAGE_TYPES, TF_TYPE
from chromm_ros.ros.common.qos_mismatch import UNKNOWN, full_name

TF_TOPICS = ('/tf', '/tf_static')
MOST = 6
"""Topics that are named at most."""


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


@dataclass(frozen=True)
class Offers:
    """Names of topics that have publishers."""

    images: tuple[str, ...] = ()
    transforms: tuple[str, ...] = ()
    """Those of other namespaces, while nobody else sends on the topics that this node hears."""


def offers(node: Node) -> Offers:
    """Look at the graph as it is now."""
    topics = {name: kinds[0] for name, kinds in node.get_topic_names_and_types() if kinds}
    images = [name for name, kind in topics.items() if kind in IMAGE_TYPES and _senders(node, name)]
    heard = [node.resolve_topic_name(name) for name in TF_TOPICS]
    if any(_senders(node, name) for name in heard):
        return Offers(tuple(images))
    elsewhere = [name for name, kind in topics.items() if kind == TF_TYPE and name.endswith(TF_TOPICS)]
    if heard != list(TF_TOPICS):  # of this robot, among several: those of the others are no help
        elsewhere = [name for name in elsewhere if name in TF_TOPICS]
    return Offers(tuple(images), tuple(name for name in elsewhere if name not in heard and _senders(node, name)))


def some(topics: tuple[str, ...]) -> str:
    """Their names for a sentence."""
    return ', '.join(topics[:MOST]) + (', ...' if len(topics) > MOST else '')


def _senders(node: Node, topic: str) -> int:
    """Publishers that are not of this node."""
    own = (node.get_name(), node.get_namespace())
    return sum((end.node_name, end.node_namespace) != own for end in node.get_publishers_info_by_topic(topic))
