"""``chromm record``: the topics of the cameras and of the capture, as they come off the wire, into a bag."""

from __future__ import annotations

import importlib
import os
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import rclpy
import tyro
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.typesys.store import Typestore
from tyro.conf import Positional

from chromm_ros.apps.inputs import NOT_GIVEN, InputFlags, Inputs, inputs_of
from chromm_ros.apps.processes import stop_requests
from chromm_ros.recording.bags import BagWriter, Topic, typestore
from chromm_ros.settings import UsageError

QUEUE_BYTES = 512 << 20
"""Messages wait for the disk up to this; beyond it they are dropped and counted."""

RECORDED_OUTPUTS = ('humans', 'scene', 'markers', 'camera_poses', 'status')
"""Topics of the capture that a bag keeps."""

NOTHING = (
    'nothing was recorded: no message came in ROS domain {domain}; '
    'is the name of the cameras right (--cameras), and does what you record run in this ROS_DOMAIN_ID?'
)


class RecorderNode(Node):
    """Subscribes to topics as they appear and writes their serialised messages from a thread of its own."""

    def __init__(self, path: Path, wanted: set[str]):
        super().__init__('chromm_recorder')
        self.written = self.dropped = 0
        self.counts: Counter[str] = Counter()
        """Messages received, by topic."""
        self.first: float | None = None
        """time.monotonic() of the first message."""
        self.failure: OSError | None = None
        self._wanted = wanted
        self._types = known_types()
        self._bag = BagWriter(path, self._types)
        self._queue: queue.SimpleQueue[tuple[str, int, bytes] | None] = queue.SimpleQueue()
        self._waiting = 0
        self._known: set[str] = set()
        self._writer = threading.Thread(target=self._write, name='bag writer', daemon=True)
        self._writer.start()
        self.create_timer(0.5, self._discover)
        self._discover()

    @property
    def topics(self) -> int:
        """Topics that are being recorded."""
        return len(self._known)

    @property
    def seconds(self) -> float:
        """Since the first message."""
        return 0.0 if self.first is None else time.monotonic() - self.first

    def finish(self) -> None:
        """Write what waits and close the bag."""
        self._queue.put(None)
        self._writer.join()
        if self.failure is None:
            self._bag.close()

    def _discover(self) -> None:
        for name, types in self.get_topic_names_and_types():
            if name in self._wanted and name not in self._known and types:
                self._subscribe(name, types[0])

    def _subscribe(self, name: str, kind: str) -> None:
        offers = self.get_publishers_info_by_topic(name)
        if not offers:
            return
        latched = all(offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        reliable = all(offer.qos_profile.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
        profile = QoSProfile(
            depth=100,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        )
        self._known.add(name)
        try:
            self._bag.add_topic(Topic(name, kind, (bag_qos(reliable, latched),)))
            message = message_class(kind)
        except (ValueError, ImportError, AttributeError) as error:
            self.get_logger().error(f'{name} is not recorded: {error}')
            return
        self.create_subscription(message, name, partial(self._keep, name), profile, raw=True)

    def _keep(self, name: str, raw: Any) -> None:
        if self.first is None:
            self.first = time.monotonic()
        self.counts[name] += 1
        if self._waiting + len(raw) > QUEUE_BYTES:
            self.dropped += 1
            return
        self._waiting += len(raw)
        self._queue.put((name, self.get_clock().now().nanoseconds, raw))

    def _write(self) -> None:
        while (item := self._queue.get()) is not None:
            name, stamp, raw = item
            self._waiting -= len(raw)
            if self.failure is not None:
                continue
            try:
                self._bag.write(name, stamp, raw)
                self.written += 1
            except OSError as error:
                self.failure = error


def record(
    output: Positional[Path],
    what: Literal['inputs', 'outputs', 'both'] = 'both',
    topics: tuple[str, ...] = (),
    duration: float = 0.0,
    inputs: tyro.conf.OmitArgPrefixes[InputFlags] = NOT_GIVEN,
) -> int:
    """Write topics into an MCAP bag that ``ros2 bag`` and ``chromm replay`` play.

    Args:
        output: folder of the bag; must not exist.
        what: inputs (images, calibration, TF), outputs (people, scene, status) or both.
        topics: further topics.
        duration: seconds from the first message; 0 records until Ctrl-C.
        inputs: the cameras and their topics, as the node's parameters say them.
    """
    if duration < 0:
        raise UsageError(f'duration is {duration}; it must be positive, or 0 for until Ctrl-C')
    chosen = inputs_of(inputs)
    images = image_topics(chosen)
    output = output.expanduser()
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = RecorderNode(output, topic_names(chosen, what) | {absolute(name, chosen.namespace) for name in topics})
    shown = time.monotonic()
    print(f'waiting for the topics of {", ".join(images)}; Ctrl-C ends the recording')
    with stop_requests() as stop:
        while not stop and node.failure is None and not (duration and node.seconds >= duration):
            rclpy.spin_once(node, timeout_sec=0.1)
            if node.first is not None and time.monotonic() - shown >= 1.0:
                shown = time.monotonic()
                print(f'\r{node.seconds:5.0f} s, {node.topics} topics, {node.written} messages', end='', flush=True)
        node.finish()
    rclpy.try_shutdown()
    if node.first is None:
        output.rmdir()
        print(NOTHING.format(domain=os.environ.get('ROS_DOMAIN_ID', '0')), file=sys.stderr)
        return 1
    print(f'\n{node.written} messages in {output}' + (f', {node.dropped} dropped' if node.dropped else ''))
    for note in missing(chosen, node.counts) if what != 'outputs' else ():
        print(f'note: {note}')
    if node.failure is not None:
        print(f'recording ended early: {node.failure}; what was written before is readable', file=sys.stderr)
        return 1
    return 0


def image_topics(chosen: Inputs) -> dict[str, list[str]]:
    """Camera -> the topics that its images may come on: both transports, unless one was chosen."""
    settings = chosen.parameters.node
    found = {}
    for camera in settings.cameras:
        plain = absolute(settings.image_topic.format(camera=camera), chosen.namespace)
        decided = {'image_transport', 'image_transports'} & set(chosen.given)
        places = {'raw': plain, 'compressed': f'{plain}/compressed'}
        found[camera] = [places[settings.transport(camera)]] if decided else list(places.values())
    return found


def missing(chosen: Inputs, counts: Mapping[str, int]) -> Iterator[str]:
    """Cameras of which a recording (messages by topic) lacks the images, or the calibration; sentences."""
    for camera, names in image_topics(chosen).items():
        info = absolute(chosen.parameters.node.camera_info_topic_of(camera), chosen.namespace)
        if not any(counts.get(name) for name in names):
            yield f'no image of {camera}: nothing came on {" or ".join(names)}'
        elif not counts.get(info):
            yield f'no calibration of {camera}: nothing came on {info} (choose with --camera-info-topic)'


def topic_names(chosen: Inputs, what: str) -> set[str]:
    """Topics of the cameras, of the capture, or of both."""
    settings, space = chosen.parameters.node, chosen.namespace
    transforms = set(chosen.tf_topics) or {'/tf', '/tf_static', absolute('tf', space), absolute('tf_static', space)}
    infos = {absolute(settings.camera_info_topic_of(camera), space) for camera in settings.cameras}
    inputs = {name for names in image_topics(chosen).values() for name in names} | infos | transforms
    inputs |= {absolute(f'synthetic/{name}', space) for name in ('truth', 'cameras')} | {'/clock'}
    outputs = {absolute(f'chromm/{name}', space) for name in RECORDED_OUTPUTS} | transforms | {'/diagnostics'}
    return {'inputs': inputs, 'outputs': outputs, 'both': inputs | outputs}[what]


def absolute(name: str, namespace: str) -> str:
    """A topic name as a node in the namespace resolves it."""
    return expand_topic_name(name, 'chromm', namespace)


def known_types() -> Typestore:
    """The types of ROS and those of this package, from the interface files that were installed."""
    definitions = {}
    for package in ('chromm_ros', 'tf2_msgs'):
        folder = share_folder(package) / 'msg'
        definitions.update({f'{package}/msg/{path.stem}': path.read_text() for path in folder.glob('*.msg')})
    return typestore(definitions)


def share_folder(package: str) -> Path:
    """Where a package keeps its shared files, with or without ``AMENT_PREFIX_PATH`` (wheels do not set it)."""
    try:
        return Path(get_package_share_directory(package))
    except (OSError, PackageNotFoundError):
        return Path(sys.prefix) / 'share' / package


def message_class(kind: str) -> Any:
    """The Python class of ``package/msg/Name``."""
    package, _, name = kind.split('/')
    return getattr(importlib.import_module(f'{package}.msg'), name)


def bag_qos(reliable: bool, latched: bool) -> Qos:
    """What a player should offer."""
    forever = QosTime(9223372036, 854775807)
    return Qos(
        QosHistory.KEEP_LAST,
        10,
        QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        forever,
        forever,
        QosLiveliness.AUTOMATIC,
        forever,
        False,
    )
