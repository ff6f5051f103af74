"""The life of a process with one node: start, spin, and an orderly end whatever ends it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

USER_ERRORS = (OSError, ValueError, KeyError, RuntimeError)
"""What a node raises at its start for the user to read."""
LOG_SECONDS = 5.0
"""The same complaint is logged at most this often."""


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
        _spin(node, executor)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    return int(getattr(node, 'exit_code', 0))


def _spin(node: Node, executor: SingleThreadedExecutor) -> None:
    """Run callbacks; what one of them raises is logged and stops nobody."""
    while rclpy.ok():
        try:
            executor.spin_once()
        except ExternalShutdownException:
            raise
        except RCLError:
            # The context went away between two calls: a Ctrl-C at an unlucky moment, unless it is still valid.
            if rclpy.ok():
                raise
        except Exception:
            node.get_logger().error(
                f'a callback failed:\n{traceback.format_exc()}', throttle_duration_sec=LOG_SECONDS
            )
