"""The life of a process with one node: start, spin, and an orderly end whatever ends it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

try:
    from rclpy._rclpy_pybind11 import RCLError
except ImportError:  # Humble keeps it elsewhere
    from rclpy.impl.implementation_singleton import rclpy_implementation

    RCLError = rclpy_implementation.RCLError

USER_ERRORS = (OSError, ValueError, KeyError, RuntimeError)
"""What a node raises at its start for the user to read."""


def run_node(make: Callable[[], Node], arguments: Sequence[str] | None = None) -> int:
    """Spin a node until it is told to stop; the exit status of the process.

    Args:
        make: constructs the node; its user errors become one line on stderr.
        arguments: of the command line; None: those of the process.
    """
    rclpy.init(args=None if arguments is None else list(arguments))
    executor = SingleThreadedExecutor()
    try:
        node = make()
    except USER_ERRORS as error:
        print(f'{sys.argv[0].rpartition("/")[2]}: {error}', file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RCLError:
        # The context went away between two calls: a Ctrl-C at an unlucky moment, unless it is still valid.
        if rclpy.ok():
            raise
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return int(getattr(node, 'exit_code', 0))
