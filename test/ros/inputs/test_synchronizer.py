"""The rig's buffer behaves as a message filter between message filters."""

from message_filters import SimpleFilter

from chromm_ros.ros.inputs.rig_buffer import SyncLimits
from chromm_ros.ros.inputs.synchronizer import Synchronizer

LIMITS = SyncLimits(slop=20, timeout=500, max_out_of_order=500, min_views=1, queue_size=10)


def stamp_of(message):
    if message is None:
        raise ValueError('not a message')
    return message


def synchronizer(now=lambda: 0):
    inputs = {'a': SimpleFilter(), 'b': SimpleFilter()}
    sync = Synchronizer(inputs, LIMITS, stamp_of, now)
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
