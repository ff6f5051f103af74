"""``chromm replay``: a bag published again at its own pace, with ``/clock`` for ``use_sim_time``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from builtin_interfaces.msg import Time
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import QosDurability, QosReliability
from rosgraph_msgs.msg import Clock
from tqdm import tqdm
from tyro.conf import Positional

from chromm_ros.apps.record import message_class
from chromm_ros.recording.bags import BagMessage, BagReader, Topic

CLOCK_STEP = 10_000_000
"""``/clock`` advances in steps of at most this [ns]."""

DISCOVERY, LONELY = 1.0, 5.0
"""Seconds without a new subscriber after which all are taken to be connected; with none at all, seconds to wait."""

CALIBRATION = ('sensor_msgs/msg/CameraInfo',)


class Player(Node):
    """Publishes the messages of a bag as the bytes they were."""

    def __init__(self, reader: BagReader, rate: float, keep: Callable[[Topic], bool] = lambda topic: True):
        super().__init__('chromm_player')
        self._reader = reader
        self._rate = rate
        self._clock_publisher = self.create_publisher(Clock, '/clock', 10)
        self._publishers_by_topic: dict[str, Any] = {}
        for topic in reader.topics():
            if keep(topic):
                self._publishers_by_topic[topic.name] = self.create_publisher(
                    message_class(topic.type), topic.name, profile(topic)
                )

    def wait_for_subscribers(self) -> None:
        """Let those who are there connect, so that they hear the recording from its beginning."""
        started = changed = time.monotonic()
        known = 0
        while time.monotonic() - changed < DISCOVERY or not (known or time.monotonic() - started > LONELY):
            count = sum(publisher.get_subscription_count() for publisher in self._publishers_by_topic.values())
            if count != known:
                known, changed = count, time.monotonic()
            time.sleep(0.05)

    def prime(self) -> None:
        """Publish the first calibration of every camera and the static frames ahead of time.

        A bag starts in the middle of things; a capture that learns its calibration one image late would not say the
        same twice.
        """
        early = {
            topic.name
            for topic in self._reader.topics()
            if topic.name in self._publishers_by_topic and (topic.type in CALIBRATION or topic.name == '/tf_static')
        }
        for message in self._reader.messages(early):
            if message.topic in early:
                self._send(message)
            if message.type in CALIBRATION:
                early.discard(message.topic)

    def play(self, progress: Callable[[int], object] = lambda count: None) -> int:
        """Publish everything once; returns the number of messages."""
        count = 0
        started = time.monotonic()
        first: int | None = None
        shown = 0
        for message in self._reader.messages(self._publishers_by_topic):
            first = message.stamp if first is None else first
            shown = self._wait_until(message.stamp, first, started, shown)
            self._send(message)
            count += 1
            progress(1)
        return count

    def _wait_until(self, stamp: int, first: int, started: float, shown: int) -> int:
        """Let the clock run to ``stamp``; returns the clock that was published last."""
        shown = shown or first - CLOCK_STEP
        while shown < stamp:
            shown = min(shown + CLOCK_STEP, stamp)
            delay = started + 1e-9 * (shown - first) / self._rate - time.monotonic()
            if delay > 0:
                time.sleep(delay)
            self._clock_publisher.publish(Clock(clock=Time(sec=shown // 10**9, nanosec=shown % 10**9)))
            rclpy.spin_once(self, timeout_sec=0.0)
        return shown

    def _send(self, message: BagMessage) -> None:
        self._publishers_by_topic[message.topic].publish(message.data)


def profile(topic: Topic) -> QoSProfile:
    """The offer of the recorded publisher; reliable, because a recording is to arrive whole."""
    latched = any(offer.durability == QosDurability.TRANSIENT_LOCAL for offer in topic.qos)
    best_effort = bool(topic.qos) and all(offer.reliability == QosReliability.BEST_EFFORT for offer in topic.qos)
    return QoSProfile(
        depth=100 if latched or not best_effort else 10,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        reliability=ReliabilityPolicy.RELIABLE,
    )


def replay(bag: Positional[Path], rate: float = 1.0, loop: bool = False, inputs_only: bool = False) -> int:
    """Publish a bag again, with /clock; start the other nodes with use_sim_time.

    Args:
        bag: folder of a ROS 2 bag.
        rate: speed; 2 is twice as fast.
        loop: start again at the end (the clock jumps back).
        inputs_only: leave out what a capture published, to process the recording anew.
    """
    if not 0.01 <= rate <= 100:
        raise ValueError(f'rate is {rate}; it must be between 0.01 and 100')
    reader = BagReader(bag)
    outputs = ('/chromm/', '/diagnostics')
    rclpy.init(args=[])
    try:
        player = Player(reader, rate, lambda topic: not (inputs_only and topic.name.startswith(outputs)))
        player.wait_for_subscribers()
        player.prime()
        time.sleep(0.5 * DISCOVERY)
        while True:
            with tqdm(unit=' messages', desc=bag.name) as bar:
                player.play(bar.update)
            if not loop:
                time.sleep(DISCOVERY)  # the last messages leave before their publishers do
                return 0
    except ExternalShutdownException:
        return 0
    finally:
        rclpy.try_shutdown()
