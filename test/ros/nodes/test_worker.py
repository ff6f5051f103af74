"""The mailbox keeps the newest image set, or none is lost; the worker survives what its work raises."""

import threading

import pytest

from chromm_ros.ros.nodes.worker import Mailbox, Worker


class Bench:
    """A worker whose work waits for permission, so that tests decide the order of events."""

    def __init__(self, block=False, raises=()):
        self.done, self.errors = [], []
        self.permission = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.raises = raises
        self.worker = Worker(self.work, self.errors.append, block)
        self.worker.start()

    def work(self, pending):
        self.begun.release()
        self.permission.acquire()
        if pending in self.raises:
            raise RuntimeError(pending)
        self.done.append(pending)

    def finish(self, sets):
        for _ in range(sets):
            self.permission.release()
        assert self.worker.stop(10.0)


@pytest.fixture
def bench():
    benches = []

    def make(**options):
        benches.append(Bench(**options))
        return benches[-1]

    yield make
    for one in benches:
        one.finish(100)


def test_latest_letter_wins_while_the_worker_is_busy(bench):
    one = bench()
    one.worker.mailbox.put(0)
    one.begun.acquire()
    for pending in (1, 2, 3):
        one.worker.mailbox.put(pending)
    one.permission.release()
    one.begun.acquire()
    one.finish(1)
    assert one.done == [0, 3]
    assert one.worker.mailbox.replaced == 2


def test_blocking_mailbox_loses_nothing(bench):
    one = bench(block=True)
    sender = threading.Thread(target=lambda: [one.worker.mailbox.put(pending) for pending in range(20)])
    sender.start()
    for _ in range(20):
        one.begun.acquire()
        one.permission.release()
    sender.join(10.0)
    one.finish(0)
    assert one.done == list(range(20))
    assert one.worker.mailbox.replaced == 0


def test_closing_frees_a_sender_that_waits():
    mailbox = Mailbox(block=True)
    mailbox.put(1)
    sender = threading.Thread(target=mailbox.put, args=(2,))
    sender.start()
    mailbox.close()
    sender.join(10.0)
    assert not sender.is_alive()
    assert mailbox.take() is None


def test_letters_after_closing_are_ignored():
    mailbox = Mailbox(block=False)
    mailbox.close()
    mailbox.put(1)
    assert mailbox.take() is None


def test_what_the_work_raises_is_reported_and_the_next_letter_is_read(bench):
    one = bench(raises=(0,))
    one.permission.release()
    one.worker.mailbox.put(0)
    one.begun.acquire()
    while not one.errors:
        pass
    one.worker.mailbox.put(1)
    one.begun.acquire()
    one.finish(1)
    assert [str(error) for error in one.errors] == ['0']
    assert one.done == [1]


def test_holding_idle_keeps_the_worker_out(bench):
    one = bench()
    with one.worker.idle:
        one.worker.mailbox.put(0)
        assert not one.begun.acquire(timeout=0.05)
    assert one.begun.acquire(timeout=10.0)


def test_stop_says_when_the_work_does_not_end(bench):
    one = bench()
    one.worker.mailbox.put(0)
    one.begun.acquire()
    assert not one.worker.stop(0.01)
