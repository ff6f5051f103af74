"""A foreign node in the process of a test: it listens, and its executor runs the nodes under test, too."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

PATIENCE = 180.0
"""Seconds until something that must happen counts as not happening; a loaded machine is slow."""


class Peer:
    """Listens to topics beside the nodes under test. Needs ``rclpy.init()``; closes the nodes that it runs."""

    def __init__(self, *nodes: Node, keep: int | None = None) -> None:
        """
        Args:
            nodes: run by the same executor.
            keep: newest messages of each topic that are kept; None: all.
        """
        self.peer = rclpy.create_node('peer')
        self.executor = SingleThreadedExecutor()
        self.nodes = (*nodes, self.peer)
        for node in self.nodes:
            self.executor.add_node(node)
        self.heard: defaultdict[str, deque[Any]] = defaultdict(lambda: deque(maxlen=keep))

    def listen(self, kind: type, topic: str, qos: QoSProfile | int = 10) -> Any:
        """Keep the messages of a topic in :attr:`heard`, from the first one on; returns the subscription."""
        return self.peer.create_subscription(kind, topic, lambda message: self.heard[topic].append(message), qos)

    def until(
        self,
        happened: Callable[[], Any],
        again: Callable[[], Any] | None = None,
        period: float = 0.0,
        patience: float = PATIENCE,
    ) -> Any:
        """Spin until ``happened()`` is true; returns what it returned.

        Args:
            again: called meanwhile, every ``period`` seconds.
        """
        deadline, due = time.monotonic() + patience, 0.0
        while not (result := happened()):
            assert time.monotonic() < deadline, f'did not happen within {patience:.0f} s'
            if again is not None and time.monotonic() >= due:
                again()
                due = time.monotonic() + period
            self.executor.spin_once(timeout_sec=0.02)
        return result

    def close(self) -> None:
        self.executor.shutdown()
        for node in self.nodes:
            node.destroy_node()


def resident_mb() -> float:
    """Memory of this process [MB]."""
    pages = Path('/proc/self/statm').read_text().split()[1]
    return int(pages) * 4096 / 1e6
