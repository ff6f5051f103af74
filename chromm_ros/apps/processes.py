"""Child processes that never outlive their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass
class Processes:
    """Named child processes with their output in files.

    Every child leads its own session, so that Ctrl-C in the terminal reaches the parent alone and the parent decides
    the order of the end; the kernel kills a child whose parent died without asking.
    """

    folder: Path
    """Where the output of each child goes, as ``<name>.log``."""
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run ``python -m module`` with this interpreter."""
        log = (self.folder / f'{name}.log').open('wb')
        self._children[name] = subprocess.Popen(
            [sys.executable, '-m', module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, 'PYTHONUNBUFFERED': '1'},
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        log.close()

    def ended(self) -> str | None:
        """Name of a child that has ended by itself; None while all run."""
        return next((name for name, child in self._children.items() if child.poll() is not None), None)

    def last_lines(self, name: str, count: int = 12) -> str:
        """The end of what a child printed."""
        lines = (self.folder / f'{name}.log').read_text(errors='replace').splitlines()
        return '\n'.join(lines[-count:])

    def stop(self, patience: float = 3.0) -> None:
        """Ask every child to stop, as Ctrl-C would; kill those that have not within ``patience`` seconds."""
        for child in self._children.values():
            _signal_group(child, signal.SIGINT)
        deadline = time.monotonic() + patience
        for child in self._children.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal_group(child, signal.SIGKILL)
                child.wait()


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """A list that fills when Ctrl-C or SIGTERM arrives, so that the end is as orderly as any other.

    For processes whose ``rclpy`` context was made without signal handlers.
    """
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda caught, _: received.append(caught))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    if child.poll() is None:
        os.killpg(child.pid, number)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
