"""One thread that computes, and the mailbox of one image set in front of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

PendingSet = TypeVar('PendingSet')


class Mailbox(Generic[PendingSet]):
    """Holds at most one image set.

    With ``block`` a sender waits until the place is free, so nothing is lost; else a new set replaces the old
    one, so what is read is always the newest.
    """

    def __init__(self, block: bool) -> None:
        self.replaced = 0
        """Letters that nobody read."""
        self._block = block
        self._pending: PendingSet | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, pending: PendingSet) -> None:
        """Leave an image set; without effect after :meth:`close`."""
        with self._changed:
            while self._block and self._pending is not None and not self._closed:
                self._changed.wait()
            if self._closed:
                return
            self.replaced += self._pending is not None
            self._pending = pending
            self._changed.notify_all()

    def take(self) -> PendingSet | None:
        """Wait for an image set; None when the mailbox is closed."""
        with self._changed:
            while self._pending is None and not self._closed:
                self._changed.wait()
            pending, self._pending = self._pending, None
            self._changed.notify_all()
            return None if self._closed else pending

    def close(self) -> None:
        """End all waiting, now and later."""
        with self._changed:
            self._closed = True
            self._pending = None
            self._changed.notify_all()


class Worker(Generic[PendingSet]):
    """Reads a mailbox in a thread of its own.

    Args:
        work: called with each image set, never twice at once.
        failed: called, in the worker's thread, with what ``work`` raised; the worker goes on.
        block: see :class:`Mailbox`.
    """

    def __init__(self, work: Callable[[PendingSet], None], failed: Callable[[Exception], None], block: bool) -> None:
        self.mailbox: Mailbox[PendingSet] = Mailbox(block)
        self.idle = threading.Lock()
        """Held while an image set is worked on; whoever holds it may touch what ``work`` touches."""
        self._work = work
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name='inference', daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Close the mailbox and wait for the image set in work; whether the thread has ended in time."""
        self.mailbox.close()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (pending := self.mailbox.take()) is not None:
            try:
                with self.idle:
                    self._work(pending)
            except Exception as error:
                self._failed(error)
