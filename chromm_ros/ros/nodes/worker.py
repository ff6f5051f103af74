"""The mailbox of one image set, the thread that prepares what is in it, and the thread that computes."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

PendingSet = TypeVar('PendingSet')
PreparedSet = TypeVar('PreparedSet')

HEAD_START = 1.5
"""Times the last preparation by which the next one begins before the end of the work is expected."""


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


class Turns:
    """When the next image set is to be prepared while another one is worked on: at most one set ahead.

    Where every set counts, that is as soon as the last prepared one was taken. Else it is as late as possible, so
    that the set is fresh and none is prepared in vain: shortly before the work, which lasts as long as the last one
    did, is done.
    """

    def __init__(self, block: bool) -> None:
        self._block = block
        self._begun: float | None = None
        self._lasted = math.inf
        self._took = 0.0
        self._waits = False
        self._closed = False
        self._changed = threading.Condition()

    def await_preparation(self) -> None:
        """Return when it is time to prepare a set, or :meth:`close` was called."""
        with self._changed:
            while not self._closed and (left := self._left(time.monotonic())) > 0:
                self._changed.wait(None if math.isinf(left) else left)

    def prepared(self, seconds: float) -> None:
        """A set is ready and waits for the work; it took so long."""
        with self._changed:
            self._waits, self._took = True, seconds

    def began(self) -> None:
        """The work on the set that waited begins."""
        with self._changed:
            self._begun, self._waits = time.monotonic(), False
            self._changed.notify_all()

    def done(self) -> None:
        """The work is done."""
        with self._changed:
            if self._begun is not None:
                self._lasted = time.monotonic() - self._begun
            self._begun = None
            self._changed.notify_all()

    def close(self) -> None:
        """End all waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _left(self, now: float) -> float:
        """Seconds until the next preparation; infinite until somebody does something."""
        if self._waits:
            return math.inf
        if self._begun is None or self._block:
            return 0.0
        return self._begun + self._lasted - HEAD_START * self._took - now


class Worker(Generic[PendingSet, PreparedSet]):
    """Reads a mailbox in one thread, where image sets are prepared, and works on them in another.

    Args:
        prepare: called with each image set; None: there is nothing to work on.
        work: called with each prepared set, never twice at once.
        failed: called, in the thread that it happened in, with what either of them raised; the worker goes on.
        block: see :class:`Mailbox`.
    """

    def __init__(
        self,
        prepare: Callable[[PendingSet], PreparedSet | None],
        work: Callable[[PreparedSet], None],
        failed: Callable[[Exception], None],
        block: bool,
    ) -> None:
        self.mailbox: Mailbox[PendingSet] = Mailbox(block)
        self.idle = threading.Lock()
        """Held while an image set is worked on; whoever holds it may touch what ``work`` touches."""
        self._prepare = prepare
        self._work = work
        self._failed = failed
        self._ready: Mailbox[PreparedSet] = Mailbox(block=True)
        self._turns = Turns(block)
        self._threads = [
            threading.Thread(target=self._run_preparation, name='images', daemon=True),
            threading.Thread(target=self._run_work, name='inference', daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Close the mailbox and wait for the image set in work; whether the threads have ended in time."""
        self.mailbox.close()
        self._ready.close()
        self._turns.close()
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _run_preparation(self) -> None:
        while True:
            self._turns.await_preparation()
            pending = self.mailbox.take()
            if pending is None:
                return
            begun = time.monotonic()
            try:
                prepared = self._prepare(pending)
            except Exception as error:
                self._failed(error)
                continue
            if prepared is not None:
                self._turns.prepared(time.monotonic() - begun)
                self._ready.put(prepared)

    def _run_work(self) -> None:
        while (prepared := self._ready.take()) is not None:
            self._turns.began()
            try:
                with self.idle:
                    self._work(prepared)
            except Exception as error:
                self._failed(error)
            self._turns.done()
