"""Quality of service of every topic; users override it with ``qos_overrides`` parameters."""

from __future__ import annotations

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
