"""What belongs together is found whatever the order of arrival, and nothing is dropped without a reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chromm_ros.intake.rig_buffer import RigBuffer, SyncLimits

MS = 1_000_000
LIMITS = SyncLimits(slop=20 * MS, timeout=500 * MS, max_out_of_order=500 * MS, min_views=1, queue_size=10)


def limits(**changes):
    return SyncLimits(**{**vars(LIMITS), **changes})


def run(events, cameras='abc', limits=LIMITS, now=0):
    """Feed (camera, milliseconds) events; returns the sets as {camera: milliseconds} and the buffer."""
    buffer: RigBuffer = RigBuffer(cameras, limits)
    sets = [one for camera, ms in events for one in buffer.add(camera, ms * MS, ms, now)]
    return [one.items for one in sets], buffer


def accounted(buffer):
    """Every image received is used, dropped with a reason, or still waits."""
    return all(q.received == q.used + q.dropped.total() + len(q.stamps) for q in buffer.queues.values())


def test_equal_rates_with_jitter_make_full_sets():
    sets, buffer = run([(c, k * 66 + d) for k in range(5) for c, d in zip('abc', (0, 7, 3))])
    assert sets == [{'a': k * 66, 'b': k * 66 + 7, 'c': k * 66 + 3} for k in range(5)]
    assert not buffer.dropped


def test_set_carries_newest_stamp_and_rig_order():
    buffer: RigBuffer = RigBuffer('ba', LIMITS)
    buffer.add('a', 105 * MS, None)
    (one,) = buffer.add('b', 100 * MS, None)
    assert one.stamp == 105 * MS
    assert list(one.items) == ['b', 'a']


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_sets_do_not_depend_on_the_order_in_which_cameras_arrive(data):
    """Any interleaving of the cameras' own streams gives the same sets, with jitter, losses and different rates."""
    streams = {}
    for camera in 'abc':
        period = data.draw(st.sampled_from([33, 66]), label=f'period {camera}')
        phase = data.draw(st.integers(0, 15), label=f'phase {camera}')
        jitter = data.draw(st.lists(st.integers(-3, 3), min_size=3, max_size=7), label=f'jitter {camera}')
        lost = data.draw(st.sets(st.integers(1, 6), max_size=2), label=f'lost {camera}')
        streams[camera] = [k * period + phase + j + 10 for k, j in enumerate(jitter) if k not in lost]
    in_order = sorted((ms, camera) for camera, stamps in streams.items() for ms in stamps)
    left = {camera: list(stamps) for camera, stamps in streams.items()}
    shuffled = []
    while any(left.values()):
        camera = data.draw(st.sampled_from([c for c in left if left[c]]))
        shuffled.append((camera, left[camera].pop(0)))
    reference, first = run([(camera, ms) for ms, camera in in_order])
    other, second = run(shuffled)
    assert other == reference
    assert accounted(first)
    assert accounted(second)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from('abcd'), st.integers(-50, 3000)), max_size=120), st.integers(1, 4))
def test_any_stream_keeps_the_promises(events, min_views):
    rules = limits(min_views=min_views)
    buffer: RigBuffer = RigBuffer('abcd', rules)
    last = None
    for camera, ms in events:
        jumps = buffer.jumps
        for one in buffer.add(camera, ms * MS, ms):
            assert len(one.items) >= min_views
            assert max(one.stamps.values()) == one.stamp
            assert one.stamp - min(one.stamps.values()) <= rules.slop
            assert last is None or one.stamp > last
            last = one.stamp
        if buffer.jumps > jumps:
            last = None
        assert all(len(queue.stamps) <= rules.queue_size for queue in buffer.queues.values())
        assert all(queue.stamps == sorted(set(queue.stamps)) for queue in buffer.queues.values())
    assert accounted(buffer)


def test_of_a_fast_camera_the_nearest_image_is_taken():
    """At 60 Hz two images lie within the slop of one of the 15 Hz camera; the nearer one wins."""
    fast = [('a', ms) for ms in range(0, 160, 16)]
    slow = [('b', 14), ('b', 80), ('b', 146)]
    sets, _ = run(sorted(fast + slow, key=lambda event: event[1]), 'ab')
    assert [one['a'] for one in sets[1:]] == [80, 144]


def test_slow_camera_sets_the_pace_of_a_pair():
    events = sorted([('a', k * 33) for k in range(8)] + [('b', k * 66) for k in range(4)], key=lambda event: event[1])
    sets, buffer = run(events, 'ab')
    assert [one['b'] for one in sets] == [0, 66, 132, 198]
    assert buffer.dropped == {'unmatched': 3}


def test_one_lost_image_does_not_cost_the_set():
    events = [(c, k * 66) for k in range(3) for c in 'abc' if (c, k) != ('c', 1)]
    sets, buffer = run(events)
    assert sets == [{'a': 0, 'b': 0, 'c': 0}, {'a': 66, 'b': 66}, {'a': 132, 'b': 132, 'c': 132}]
    assert not buffer.dropped


def test_silent_camera_is_waited_for_until_timeout_then_left_out():
    events = [(c, k * 100) for k in range(10) for c in 'abc' if c != 'c' or k < 2]
    sets, buffer = run(events)
    assert [len(one) for one in sets] == [3, 3] + [2] * 8
    assert [queue.name for queue in buffer.live()] == ['a', 'b']
    sets, _ = run(events[: 2 * 3 + 2 * 5])
    assert len(sets) == 2, 'within the timeout the set waits'


def test_camera_that_never_came_is_left_out_after_timeout():
    sets, _ = run([(c, k * 100) for k in range(8) for c in 'ab'])
    assert sets[0] == {'a': 0, 'b': 0}


def test_camera_that_comes_back_joins_again():
    back = [('c', 1000), ('a', 1000), ('b', 1000)]
    sets, _ = run([(c, k * 100) for k in range(10) for c in 'ab'] + back)
    assert sets[-1] == {'a': 1000, 'b': 1000, 'c': 1000}


def test_camera_that_comes_back_and_always_arrives_last_joins_again():
    away = [(c, k * 100) for k in range(10) for c in 'ab']
    back = [(c, k * 100) for k in range(10, 14) for c in 'abc']
    sets, buffer = run(away + back)
    assert [set(one) for one in sets[-3:]] == [set('abc')] * 3
    assert buffer.dropped == {'late': 1}


def test_too_few_views_are_not_a_set():
    sets, buffer = run([('a', k * 100) for k in range(9)], limits=limits(min_views=2))
    assert sets == []
    assert buffer.dropped['too_few_views'] > 0


@pytest.mark.parametrize(
    ('event', 'reason'),
    [(('a', 66), 'duplicate'), (('b', -10), 'late'), (('a', 5000), 'future'), (('b', 0), 'duplicate')],
)
def test_refused_images_are_counted_with_their_reason(event, reason):
    buffer: RigBuffer = RigBuffer('ab', LIMITS)
    for camera, ms in [('a', 0), ('b', 0), ('a', 66)]:
        buffer.add(camera, ms * MS, ms)
    assert buffer.add(event[0], event[1] * MS, None, now=100 * MS) == []
    assert buffer.dropped == {reason: 1}


def test_out_of_order_image_that_still_fits_is_used():
    sets, buffer = run([('a', 66), ('a', 0), ('b', 0), ('b', 66)], 'ab')
    assert sets == [{'a': 0, 'b': 0}, {'a': 66, 'b': 66}]
    assert not buffer.dropped


def test_one_stray_image_from_the_past_changes_nothing():
    steady = [(c, 5000 + k * 66) for k in range(4) for c in 'ab']
    sets, buffer = run([*steady[:4], ('a', 10), *steady[4:]], 'ab')
    assert len(sets) == 4
    assert buffer.jumps == 0
    assert buffer.dropped == {'late': 1}


def test_looping_bag_starts_time_anew():
    once = [(c, 1000 + k * 66) for k in range(20) for c in 'abc']
    sets, buffer = run(once + once)
    assert buffer.jumps == 1
    assert len(sets) >= 20 + 20 - 3, 'only the images that revealed the jump are lost'
    assert sets[-1]['a'] == sets[19]['a']


def test_one_camera_with_a_clock_in_the_past_does_not_stop_the_others():
    sets, buffer = run(
        [event for k in range(20) for event in (('a', 9000 + k * 66), ('b', 9000 + k * 66), ('c', k * 66))]
    )
    assert len(sets) >= 19
    assert all(set(one) == {'a', 'b'} for one in sets[-10:])
    assert buffer.jumps == 0


def test_waiting_images_are_bounded():
    _, buffer = run([('a', k) for k in range(100)], 'ab', limits(timeout=10**12, queue_size=5))
    assert len(buffer.queues['a'].stamps) == 5
    assert buffer.dropped == {'overflow': 95}


def test_excluded_camera_is_not_waited_for_and_comes_back_when_allowed():
    buffer: RigBuffer = RigBuffer('ab', LIMITS)
    buffer.exclude(['b'])
    assert buffer.add('b', 0, None) == []
    assert buffer.dropped == {'excluded': 1}
    assert len(buffer.add('a', 0, None)) == 1
    buffer.exclude([])
    assert buffer.add('a', 66 * MS, None) == []
    assert len(buffer.add('b', 66 * MS, None)) == 1


def test_a_camera_between_the_images_of_the_others_is_named_until_it_fits():
    """10 Hz, one camera 50 ms off, with the default slop: its images are of no set, and the sets say so."""
    rig = RigBuffer('abc', SyncLimits(20 * MS, 1000 * MS, 500 * MS, 1, 10))
    named = []
    for tick in range(30):
        late = 50 * MS if tick < 15 else 0
        for camera in 'abc':
            stamp = tick * 100 * MS + (late if camera == 'c' else 0)
            named += [(matched.stamp, matched.out_of_sync) for matched in rig.add(camera, stamp, None)]
    bad = [stamp for stamp, cameras in named if cameras == {'c'}]
    assert min(bad) <= 600 * MS
    assert max(bad) <= 1500 * MS
    assert not named[-1][1]
