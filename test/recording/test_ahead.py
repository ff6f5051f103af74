import threading

import pytest

from chromm_ros.recording.ahead import read_ahead


def test_the_next_set_is_prepared_while_one_is_used_and_no_more():
    read, prepared = [], threading.Semaphore(0)

    def sets():
        for number in range(4):
            read.append(number)
            yield number

    def prepare(number):
        prepared.release()
        return 10 * number

    found = read_ahead(sets(), prepare)
    assert next(found) == 0
    for _ in range(2):
        assert prepared.acquire(timeout=10)
    assert read == [0, 1]
    assert list(found) == [10, 20, 30]
    assert list(read_ahead([], prepare)) == []


def test_what_reading_raises_comes_after_the_sets_before():
    def sets():
        yield 1
        raise OSError('the disk is gone')

    found = read_ahead(sets(), lambda number: number)
    assert next(found) == 1
    with pytest.raises(OSError, match='disk'):
        next(found)


def test_who_stops_reading_leaves_no_thread_behind():
    found = read_ahead(iter(range(1, 100)), lambda number: number)
    assert next(found) == 1
    found.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith('images')]
