"""Quality of service of every topic; users override it with ``qos_overrides`` parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


def reliable(depth: int) -> QoSProfile:
    """For what nobody should miss."""
    return QoSProfile(depth=depth)


def latched() -> QoSProfile:
    """For what a late subscriber wants as well: the rule for maps (REP-2003)."""
    return QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def sensor(depth: int = 5) -> QoSProfile:
    """For streams of which only the newest counts."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)


def images(reliability: str, depth: int, keep_all: bool) -> QoSProfile:
    """For the image subscriptions; ``keep_all`` for recordings, of which nothing may be lost."""
    policy = ReliabilityPolicy.RELIABLE if reliability == 'reliable' else ReliabilityPolicy.BEST_EFFORT
    if keep_all and policy == ReliabilityPolicy.RELIABLE:
        return QoSProfile(history=HistoryPolicy.KEEP_ALL, reliability=policy)
    return QoSProfile(depth=depth, reliability=policy)


def overridable() -> QoSOverridingOptions:
    """History, depth and reliability of a topic become parameters."""
    return QoSOverridingOptions.with_default_policies()


class IncompatiblePeers:
    """Counts publishers and subscribers whose quality of service does not fit ours, and says so once per topic."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._warn = warn

    def of_publisher(self, topic: str) -> PublisherEventCallbacks:
        return PublisherEventCallbacks(incompatible_qos=lambda event: self._noted(topic, 'subscriber', event))

    def of_subscription(self, topic: str) -> SubscriptionEventCallbacks:
        return SubscriptionEventCallbacks(incompatible_qos=lambda event: self._noted(topic, 'publisher', event))

    def _noted(self, topic: str, peer: str, event: object) -> None:
        if not self.counts[topic]:
            policy = getattr(getattr(event, 'last_policy_kind', None), 'name', 'unknown policy')
            self._warn(f'a {peer} of {topic} gets nothing: its quality of service does not fit ({policy})')
        self.counts[topic] += 1
