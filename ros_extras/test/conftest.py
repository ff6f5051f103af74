"""A ROS context and a node that is spun until something is true."""

import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

PATIENCE = 20.0
"""Seconds after which a message is not coming any more."""


@pytest.fixture
def node() -> Iterator[Node]:
    rclpy.init()
    made = rclpy.create_node('contract')
    yield made
    made.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def spin_until(node: Node) -> Iterator[Callable[[Callable[[], object]], None]]:
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin(condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f'nothing came in {PATIENCE} s'
            executor.spin_once(timeout_sec=0.05)

    yield spin
    executor.shutdown()
