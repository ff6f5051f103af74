"""``chromm bench ros``: what ROS costs without the network. Receive, decode, synchronise, build and publish.

A second process plays the cameras; the capture node runs here, with a capture that answers at once, so that all the
time that passes is the node's own.
"""

from __future__ import annotations

import multiprocessing
import os
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from chromm_ros.benchmarks.standin import StandInBackend
from chromm_ros.body.model import BodyModel
from chromm_ros.ros.common import qos
from chromm_ros.ros.common.dds import dds_environment
from chromm_ros.ros.nodes.cameras_node import image_message
from chromm_ros.ros.nodes.capture_node import CaptureNode
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.messages import NANO, header
from chromm_ros.ros.outputs.publishers import TOPICS

GOAL_CORE = 0.35
GOAL_SET_MS = 15.0
WARM_UP = 1.0
"""Seconds before anything is measured."""
PATIENCE = 60.0
"""Seconds for two processes to start and to find each other."""
SETTLE = 0.5
"""Seconds from the moment the publishers know of their subscriptions to that when the opposite holds as well."""
DRAIN = 2.0
"""Seconds for the last images to arrive."""


def bench_ros(
    cameras: int = 4,
    width: int = 1280,
    height: int = 720,
    rate: float = 15.0,
    people: int = 3,
    duration: float = 10.0,
    shipped_buffers: bool = True,
) -> int:
    """Measure the ROS side alone: share of a core, milliseconds per image set, images lost between two processes.

    Args:
        cameras: that send raw RGB images.
        width: of the images [px].
        height: of the images [px].
        rate: images per second of every camera.
        people: in every answer.
        duration: seconds that are measured.
        shipped_buffers: use config/fastdds.xml; else Fast DDS as it comes.
    """
    names = tuple(f'camera_{index}' for index in range(cameras))
    if shipped_buffers:
        os.environ.update(dds_environment())
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    context = multiprocessing.get_context('spawn')
    done, sent = context.Event(), context.Value('q', 0)
    player = context.Process(target=play, args=(names, width, height, rate, WARM_UP + duration, done, sent))
    player.start()
    try:
        result = watch(names, people, duration, lambda: sent.value if done.is_set() else None)
    finally:
        player.join(10.0)
        player.kill()
    per_set = sum(result.stages[name] for name in ('images', 'publish'))
    print(f'{cameras} cameras {width} x {height} raw RGB at {rate:g} Hz, {people} people, {duration:g} s')
    print(f'images          sent {sent.value}, received {result.received}, lost {sent.value - result.received}')
    print(f'image sets      {result.sets}, of which {result.whole} with all cameras; {result.superseded} superseded')
    print(f'CPU             {100 * result.core:.1f} % of one core (goal {100 * GOAL_CORE:.0f} %)')
    print(f'per image set   {1e3 * per_set:.2f} ms to decode and build (medians; goal {GOAL_SET_MS:g} ms)')
    for name, seconds in result.stages.items():
        print(f'  {name:<13} median {1e3 * seconds:.2f} ms')
    return 0


@dataclass(frozen=True)
class Measured:
    """Result of :func:`watch`."""

    received: int
    sets: int
    whole: int
    """Sets with an image of every camera."""
    superseded: int
    """Sets that a newer one replaced before the worker was free."""
    core: float
    """CPU seconds of the process per second, all threads."""
    stages: dict[str, float]
    """Median seconds."""


def play(names: Sequence[str], width: int, height: int, rate: float, duration: float, done: Any, sent: Any) -> None:
    """The cameras, in a process of their own: all images of a set with one stamp. It subscribes to all results.

    It sends when both sides know of each other, so that each image it counts is one that should arrive; ``done`` is
    set after the last one.
    """
    rclpy.init(args=[])
    node = rclpy.create_node('bench_cameras')
    publishers = [node.create_publisher(Image, f'{name}/image', qos.reliable(5)) for name in names]
    for topic, (kind, profile, _) in TOPICS.items():
        node.create_subscription(kind, f'/chromm/{topic}', lambda message: None, profile, raw=True)
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    messages = [
        bytearray(cdr.encode(Image, image_message(pixels, header(0, f'{name}_optical_frame')))) for name in names
    ]
    _await(lambda: all(publisher.get_subscription_count() for publisher in publishers))
    start = time.monotonic() + SETTLE
    for k in range(round(duration * rate)):
        time.sleep(max(start + k / rate - time.monotonic(), 0.0))
        stamp = divmod(node.get_clock().now().nanoseconds, NANO)
        for message, publisher in zip(messages, publishers):
            struct.pack_into('<iI', message, len(cdr.HEADER), *stamp)
            publisher.publish(bytes(message))
            sent.value += 1
    done.set()
    time.sleep(2 * DRAIN)  # a publisher that goes takes along what was not fetched
    node.destroy_node()
    rclpy.shutdown()


def watch(names: Sequence[str], people: int, duration: float, total: Callable[[], int | None]) -> Measured:
    """Run the capture node, and measure it from the end of the warm-up on.

    Args:
        names: of the cameras.
        people: in every answer.
        duration: seconds that are measured.
        total: how many images were sent; None while there are more to come.
    """
    rclpy.init(args=[])
    backend = StandInBackend(BodyModel.load(), people, points=20_000)
    options = {'cameras': list(names), 'autostart': False, 'publish_human_tf': True}
    node = CaptureNode(
        lambda settings: backend,
        parameter_overrides=[Parameter(name, value=value) for name, value in options.items()],
    )
    node.trigger_configure()
    node.trigger_activate()
    pipeline = node.pipeline
    if pipeline is None:
        raise RuntimeError('the node could not be activated')
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def received() -> int:
        return sum(queue.received for queue in pipeline.synchronizer.buffer.queues.values())

    def spin(seconds: float, until: Callable[[], object] = lambda: False) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            executor.spin_once(timeout_sec=0.1)

    spin(PATIENCE, received)
    spin(WARM_UP)
    processor, wall = time.process_time(), time.monotonic()
    spin(duration)
    core = (time.process_time() - processor) / (time.monotonic() - wall)
    spin(PATIENCE, lambda: total() is not None)
    spin(DRAIN, lambda: received() == total())
    if not node.health_log.stages:
        raise RuntimeError('no image set arrived')
    stages = {
        name: float(np.median([row[name] for row in node.health_log.stages])) for name in node.health_log.stages[-1]
    }
    superseded = pipeline.worker.mailbox.replaced
    whole = sum(len(images.views) == len(names) for images in backend.sets)
    result = Measured(received(), len(backend.sets), whole, superseded, core, stages)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return result


def _await(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f'the capture node did not subscribe within {PATIENCE:.0f} s')
        time.sleep(0.05)
