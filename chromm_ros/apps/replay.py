"""``chromm replay``: a bag published again at its own pace, with ``/clock`` for ``use_sim_time``."""

from __future__ import annotations

import sys
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
from chromm_ros.recording.bag_topics import TF_TYPE
from chromm_ros.recording.bags import BagMessage, BagReader, Topic
from chromm_ros.ros.inputs.earlier_capture import EarlierCapture
from chromm_ros.settings import UsageError

CLOCK_STEP = 10_000_000
"""``/clock`` advances in steps of at most this [ns]."""

DISCOVERY, LONELY = 1.0, 5.0
"""Seconds without a new subscriber after which all are taken to be connected; with none at all, seconds to wait."""

LONGEST_PAUSE = 60 * 10**9
"""Pauses in a recording that are longer than this are skipped [ns]."""

CALIBRATION = ('sensor_msgs/msg/CameraInfo',)
CLOCK_TYPE = 'rosgraph_msgs/msg/Clock'
CLOCK = '/clock'


class Player(Node):
    """Publishes the messages of a bag as the bytes they were.

    There is one clock: that of the bag where it has one, else the times of recording.

    Args:
        reader: of the bag.
        rate: speed.
        inputs_only: leave out what earlier captures published, transforms included.
        tell: takes sentences for a person.
    """

    def __init__(
        self, reader: BagReader, rate: float, inputs_only: bool = False, tell: Callable[[str], object] = print
    ):
        super().__init__('chromm_player')
        self._reader = reader
        self._rate = rate
        self._tell = tell
        topics = reader.topics()
        self._earlier = EarlierCapture.of(topics) if inputs_only else None
        left_out = self._earlier.topics if self._earlier else frozenset()
        self._own_clock = not any(topic.name == CLOCK and topic.type == CLOCK_TYPE for topic in topics)
        self._clock_publisher = self.create_publisher(Clock, CLOCK, 10) if self._own_clock else None
        self._publishers_by_topic: dict[str, Any] = {}
        for topic in topics:
            if topic.name not in left_out:
                self._publish(topic)
        if not self._publishers_by_topic:
            raise ValueError(f'{reader.path} holds nothing that can be published here')

    def _publish(self, topic: Topic) -> None:
        try:
            kind = message_class(topic.type)
        except (ImportError, AttributeError, ValueError):
            self._tell(f'{topic.name} is left out: its type {topic.type} is not installed here')
            return
        self._publishers_by_topic[topic.name] = self.create_publisher(kind, topic.name, profile(topic))

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
            if (topic.type in CALIBRATION or topic.name.endswith('/tf_static'))
            and topic.name in self._publishers_by_topic
        }
        for message in self._reader.messages(early):
            if message.topic in early:
                self._send(message)
            if message.type in CALIBRATION:
                early.discard(message.topic)

    def play(self, progress: Callable[[int], object] = lambda count: None) -> int:
        """Publish everything once; returns the number of messages."""
        count = 0
        pace = _Pace(self._rate)
        for message in self._reader.messages(self._publishers_by_topic):
            skipped = pace.to(message.stamp)
            if skipped:
                self._tell(f'{_duration(skipped)} without messages skipped')
            self._let_the_clock_run(pace, message.stamp)
            self._send(message)
            count += 1
            progress(1)
        return count

    def _let_the_clock_run(self, pace: _Pace, stamp: int) -> None:
        """Wait until a time of recording [ns], and say meanwhile what time it is."""
        while pace.shown < stamp:
            pace.shown = min(pace.shown + CLOCK_STEP, stamp)
            pace.wait()
            if self._clock_publisher is not None:
                self._clock_publisher.publish(Clock(clock=Time(sec=pace.shown // 10**9, nanosec=pace.shown % 10**9)))
            rclpy.spin_once(self, timeout_sec=0.0)

    def _send(self, message: BagMessage) -> None:
        data: bytes | None = message.data
        if self._earlier is not None and message.type == TF_TYPE:
            data = self._earlier.without(message.data)
        if data is not None:
            self._publishers_by_topic[message.topic].publish(data)

    def other_clocks(self) -> int:
        """Publishers of ``/clock`` besides this player; two clocks make time jump to and fro."""
        own = 1 if self._own_clock or CLOCK in self._publishers_by_topic else 0
        return max(0, self.count_publishers(CLOCK) - own)


class _Pace:
    """Maps times of recording to the time of this computer."""

    def __init__(self, rate: float) -> None:
        self.shown = 0
        """Time of recording that has been reached [ns]."""
        self._rate = rate
        self._first: int | None = None
        self._started = 0.0

    def to(self, stamp: int) -> int:
        """Prepare for the next message; returns how many nanoseconds are skipped."""
        pause = 0 if self._first is None else stamp - self.shown
        if self._first is None or pause > LONGEST_PAUSE:
            self._first, self.shown, self._started = stamp, stamp - CLOCK_STEP, time.monotonic()
        return pause if pause > LONGEST_PAUSE else 0

    def wait(self) -> None:
        """Sleep until ``shown`` is due."""
        assert self._first is not None
        delay = self._started + 1e-9 * (self.shown - self._first) / self._rate - time.monotonic()
        if delay > 0:
            time.sleep(delay)


def _duration(nanoseconds: int) -> str:
    seconds = 1e-9 * nanoseconds
    for unit, name in ((31_557_600, 'years'), (86_400, 'days'), (3600, 'hours'), (60, 'minutes')):
        if seconds >= 2 * unit:
            return f'{seconds / unit:.1f} {name}'
    return f'{seconds:.0f} seconds'


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
    """Publish a bag again, with /clock (its own where it has one); start the other nodes with use_sim_time.

    Args:
        bag: folder, .mcap or .db3 file, or .bag of ROS 1.
        rate: speed; 2 is twice as fast.
        loop: start again at the end (the clock jumps back).
        inputs_only: leave out what captures published, in whatever namespace, and the frames that they estimated,
            to process the recording anew.
    """
    if not 0.01 <= rate <= 100:
        raise UsageError(f'rate is {rate}; it must be between 0.01 and 100')
    reader = BagReader(bag.expanduser())
    rclpy.init(args=[])
    try:
        player = Player(reader, rate, inputs_only, tqdm.write)
        player.wait_for_subscribers()
        if player.other_clocks():
            print('somebody else publishes /clock, too: end it, or time will jump to and fro', file=sys.stderr)
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
