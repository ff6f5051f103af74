"""The mailbox keeps the newest image set, or none is lost; one set is prepared ahead; the worker survives errors."""

import threading
import time

import pytest

from chromm_ros.ros.nodes.worker import Mailbox, Worker


class Bench:
    """A worker whose work waits for permission, so that tests decide the order of events."""

    def __init__(self, block=False, raises=(), unusable=()):
        self.done, self.errors, self.prepared = [], [], []
        self.unusable = unusable
        self.permission = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.raises = raises
        self.worker = Worker(self.prepare, self.work, self.errors.append, block)
        self.worker.start()

    def prepare(self, pending):
        self.prepared.append(pending)
        return None if pending in self.unusable else pending

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


def until(happened):
    deadline = time.monotonic() + 10.0
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_where_every_set_counts_one_is_prepared_ahead_and_no_more(bench):
    one = bench(block=True)
    sender = threading.Thread(target=lambda: [one.worker.mailbox.put(pending) for pending in range(5)])
    sender.start()
    one.begun.acquire()
    until(lambda: one.prepared == [0, 1])
    time.sleep(0.02)
    assert one.prepared == [0, 1]
    one.permission.release()
    one.begun.acquire()
    until(lambda: one.prepared == [0, 1, 2])
    one.finish(5)
    sender.join(10.0)


def test_the_newest_set_is_prepared_shortly_before_the_work_is_expected_to_end(bench):
    one = bench()
    one.permission.release()
    one.worker.mailbox.put(0)  # how long work lasts is known from here on: not at all
    until(lambda: one.done == [0])
    one.worker.mailbox.put(1)
    one.begun.acquire(), one.begun.acquire()
    one.worker.mailbox.put(2)
    until(lambda: one.prepared == [0, 1, 2])
    for pending in (3, 4):
        one.worker.mailbox.put(pending)
    assert one.prepared == [0, 1, 2]  # 2 waits for the work, so nothing else is prepared
    for _ in range(3):
        one.permission.release()
    until(lambda: one.done == [0, 1, 2, 4])


def test_nothing_is_prepared_before_it_is_known_how_long_the_work_lasts(bench):
    one = bench()
    one.worker.mailbox.put(0)
    one.begun.acquire()
    one.worker.mailbox.put(1)
    time.sleep(0.02)
    assert one.prepared == [0]


def test_a_set_of_which_nothing_can_be_used_stops_nobody(bench):
    one = bench(block=True, unusable=(0, 1))
    for pending in range(3):
        one.worker.mailbox.put(pending)
    one.begun.acquire()
    one.finish(1)
    assert one.done == [2]
