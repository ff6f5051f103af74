"""Publishers and subscribers that this node can never hear or reach, found by asking the ROS graph.

Event callbacks of the middleware would tell the same sooner. But each one is a further entity that rclpy's executor
goes through for every message that arrives: for four cameras they cost a quarter of the node's CPU time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rclpy.duration import Infinite
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

UNKNOWN = '_NODE_NAME_UNKNOWN_'
"""Name of a node that was discovered but has not introduced itself yet."""
NO_PUBLISHER_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
NO_SUBSCRIPTION_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)


class QosMismatches:
    """Compares our publishers and subscriptions with their other ends; warns once about each that does not fit."""

    def __init__(self, node: Node, warn: Callable[[str], object]) -> None:
        self.found: dict[str, str] = {}
        """Topic -> what is wrong, at the time of the last :meth:`check`."""
        self._node = node
        self._warn = warn
        self._told: set[str] = set()

    def check(self, publishers: Iterable[Any], subscriptions: Iterable[Any]) -> None:
        """Look at everybody who is connected now."""
        self.found.clear()
        for ours in publishers:
            for peer in self._node.get_subscriptions_info_by_topic(ours.topic_name):
                self._note(ours, peer, 'subscriber', _mismatch(ours, peer, ours.qos_profile, peer.qos_profile))
        for ours in subscriptions:
            for peer in self._node.get_publishers_info_by_topic(ours.topic_name):
                self._note(ours, peer, 'publisher', _mismatch(ours, peer, peer.qos_profile, ours.qos_profile))

    def _note(self, ours: Any, peer: TopicEndpointInfo, role: str, reason: str) -> None:
        if not reason or peer.node_name == UNKNOWN:
            return
        problem = f'nothing passes between {ours.topic_name} and its {role} {full_name(peer)}: {reason}'
        self.found[ours.topic_name] = problem
        if problem not in self._told:
            self._told.add(problem)
            self._warn(problem)


def full_name(end: TopicEndpointInfo) -> str:
    """Name of the node at the other end of a topic, with its namespace."""
    return f'{end.node_namespace.rstrip("/")}/{end.node_name}'


def _mismatch(ours: Any, peer: TopicEndpointInfo, offered: Any, requested: Any) -> str:
    """Why two ends of a topic do not fit together; empty when they do."""
    kind = ours.msg_type
    expected = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'
    if peer.topic_type != expected:
        return f'its type is {peer.topic_type}, {expected} expected'
    compatibility, reason = qos_check_compatible(_comparable(offered), _comparable(requested))
    return reason.replace('ERROR: ', ' ').strip('; ') if compatibility == QoSCompatibility.ERROR else ''


def _comparable(profile: QoSProfile) -> QoSProfile:
    """What must agree, with endless durations unset: the graph says endless where we, and the check, say unset."""
    durations = {name: getattr(profile, name) for name in ('deadline', 'liveliness_lease_duration')}
    return QoSProfile(
        depth=1,
        reliability=profile.reliability,
        durability=profile.durability,
        liveliness=profile.liveliness,
        **{name: duration for name, duration in durations.items() if duration != Infinite},
    )
