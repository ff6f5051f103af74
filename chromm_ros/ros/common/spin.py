"""The life of a process with one node: start, spin, and an orderly end whatever ends it."""

from __future__ import annotations

import inspect
import os
import re
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import LoggingSeverity, get_logger_effective_level, set_logger_level
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions, install_signal_handlers, uninstall_signal_handlers
from rclpy.utilities import remove_ros_args

USER_ERRORS = (OSError, ValueError, KeyError, RuntimeError)
"""What a node raises at its start for the user to read; what rcl says of bad arguments is among them."""
LOG_SECONDS = 5.0
"""The same complaint is logged at most this often."""
PARENT_VARIABLE = 'CHROMM_ROS_ENDS_WITH'
"""Environment variable with the id of the process, ros2 launch, whose end is ours: see :func:`end_with`."""
USAGE = 'usage: {program} [--ros-args -p NAME:=VALUE -r FROM:=TO --params-file FILE ...]'


def run_node(make: Callable[[], Node], arguments: Sequence[str] | None = None, program: str = '') -> int:
    """Spin a node until it is told to stop; the exit status of the process.

    Args:
        make: constructs the node; its user errors become one line on stderr.
        arguments: of the command line, without the program; None: those of the process.
        program: what the user calls it; empty: the file that runs.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    program = program or Path(sys.argv[0]).stem
    if {'-h', '--help'} & set(words):
        print(f'{USAGE.format(program=program)}\n\n{inspect.getdoc(inspect.getmodule(make)) or ""}')
        return 0
    node: Node | None = None
    with _StopSignals() as signals:
        try:
            try:
                _init(words)
                node = make()
            except USER_ERRORS as error:
                print(f'{program}: {sentence(error)}', file=sys.stderr)
                return 1
            end_with(os.environ.get(PARENT_VARIABLE, ''))
            _spin(node, signals)
        except (KeyboardInterrupt, ExternalShutdownException):
            pass
        finally:
            with _undisturbed():
                if node is not None:
                    node.destroy_node()
                rclpy.try_shutdown()
    return int(getattr(node, 'exit_code', 0))


class _StopSignals:
    """SIGINT and SIGTERM: kept in mind while a node is made, and an end of its waiting when it spins.

    The handlers of rclpy take the context away at once. Between two calls of a node that is being made this ends in
    an error, a segmentation fault, or a process that nothing can stop.
    """

    def __init__(self) -> None:
        self._came = self._spinning = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        if self._spinning:
            uninstall_signal_handlers()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: object) -> None:
        self._came = True
        if self._spinning and number == signal.SIGINT:
            raise KeyboardInterrupt

    def let_through(self) -> None:
        """Let rclpy stop the node from now on: its handlers call those before them."""
        install_signal_handlers()
        self._spinning = True

    def came(self) -> bool:
        """One has come, at whatever time."""
        return self._came


def leave(status: int) -> NoReturn:
    """End the process at once, after everything that has an order was ended in its order.

    Taking the interpreter and its libraries apart costs seconds on a busy machine, and ros2 launch sends SIGTERM five
    seconds after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # whoever read it is gone
            continue
    os._exit(status)


def end_with(process: str) -> None:
    """Stop this process, as Ctrl-C would, when another one is gone; without effect for an empty id.

    A launch that dies on an error, or is killed, leaves its processes behind: a capture would publish for ever beside
    the next one.

    Args:
        process: id of the other process, as text.
    """
    if not process.isdigit():
        return
    try:
        watched = os.pidfd_open(int(process))
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGINT)
        return
    except OSError:  # another container, another user: cannot be watched
        return

    def wait() -> None:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        poll.poll()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, name='end_with', daemon=True).start()


def _init(words: Sequence[str]) -> None:
    """rclpy.init() that refuses what ROS would not read.

    Raises:
        ValueError: words that are no ROS arguments.
        RuntimeError: ROS arguments that cannot be parsed.
    """
    level = get_logger_effective_level('rcl')
    set_logger_level('rcl', LoggingSeverity.FATAL)  # it would say the same in other words
    try:
        rclpy.init(args=list(words), signal_handler_options=SignalHandlerOptions.NO)
    finally:
        set_logger_level('rcl', level)
    stray = remove_ros_args([*words])
    if stray:
        raise ValueError(f'{stray[0]!r} is no argument of a node; parameters and remappings come behind --ros-args')


def sentence(error: Exception) -> str:
    """One line that says what was wrong."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    text = re.sub(r', at /\S+?:\d+', '', text.removeprefix('failed to initialize rcl: '))
    if isinstance(error, rclpy._rclpy_pybind11.UnknownROSArgsError):
        text = f'unknown ROS arguments {text}'
    if "Value type 'bool'" in text:
        text += "; YAML reads y, n, yes, no, on and off as booleans: write them with quotes, \"['x', 'y']\""
    if not isinstance(error, USER_ERRORS):  # of a library, to which its kind belongs
        text = f'{type(error).__name__}: {text}'
    return ' '.join(text.split())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C, which a terminal and ros2 launch send together, does not cut short what is done here."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _spin(node: Node, signals: _StopSignals) -> None:
    """Run callbacks; what one of them raises is logged and stops nobody."""
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        signals.let_through()
        while rclpy.ok() and not signals.came():
            _spin_once(executor, node)
    finally:
        executor.shutdown()


def _spin_once(executor: SingleThreadedExecutor, node: Node) -> None:
    try:
        executor.spin_once()
    except ExternalShutdownException:
        raise
    except RCLError:
        # The context went away between two calls: a Ctrl-C at an unlucky moment, unless it is still valid.
        if rclpy.ok():
            raise
    except Exception:
        node.get_logger().error(f'a callback failed:\n{traceback.format_exc()}', throttle_duration_sec=LOG_SECONDS)
