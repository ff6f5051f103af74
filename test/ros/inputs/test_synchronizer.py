"""The rig's buffer behaves as a message filter between message filters."""

from message_filters import SimpleFilter

from chromm_ros.intake.dating import Dating
from chromm_ros.intake.rig_buffer import SyncLimits
from chromm_ros.ros.inputs.synchronizer import Synchronizer

LIMITS = SyncLimits(slop=20, timeout=500, max_out_of_order=500, min_views=1, queue_size=10)


def stamp_of(message):
    if message is None:
        raise ValueError('not a message')
    return message


def synchronizer(now=lambda: 0, stamps='header'):
    inputs = {'a': SimpleFilter(), 'b': SimpleFilter()}
    sync = Synchronizer(inputs, LIMITS, Dating(inputs, stamps), stamp_of, now)
    sets = []
    sync.registerCallback(lambda matched: sets.append(matched.items))
    return inputs, sync, sets


def test_signals_sets_of_messages():
    inputs, _, sets = synchronizer()
    inputs['a'].signalMessage(100)
    assert sets == []
    inputs['b'].signalMessage(105)
    assert sets == [{'a': 100, 'b': 105}]


def test_unreadable_messages_are_counted_and_change_nothing():
    inputs, sync, sets = synchronizer()
    inputs['a'].signalMessage(None)
    inputs['a'].signalMessage(100)
    inputs['b'].signalMessage(100)
    assert sets == [{'a': 100, 'b': 100}]
    assert sync.dropped == {'malformed': 1}


def test_the_clock_tells_what_is_in_the_future():
    inputs, sync, _ = synchronizer(now=lambda: 1000)
    inputs['a'].signalMessage(2000)
    assert sync.dropped == {'future': 1}


def test_images_without_a_stamp_are_matched_by_their_arrival():
    clock = iter(range(1000, 2000))
    inputs, sync, sets = synchronizer(now=lambda: next(clock))
    for _ in range(3):
        inputs['a'].signalMessage(0)
        inputs['b'].signalMessage(0)
    assert len(sets) == 3
    assert 'does not date' in sync.dating.findings('a')[0].text


def test_arrival_can_be_chosen_over_stamps_that_stand_still():
    clock = iter(range(1000, 2000, 7))
    inputs, _, sets = synchronizer(now=lambda: next(clock), stamps='arrival')
    for _ in range(3):
        inputs['a'].signalMessage(77)
        inputs['b'].signalMessage(77)
    assert len(sets) == 3
