import resource
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from chromm_ros.recording.bags import SEGMENT_SECONDS, BagReader, BagWriter, Topic, typestore

SECOND = 1_000_000_000
TEXT = Topic('/note', 'std_msgs/msg/String')


def note(types, text):
    return bytes(types.serialize_cdr(types.types[TEXT.type](data=text), TEXT.type))


def write(path, seconds, per_second=2):
    types = typestore()
    with BagWriter(path, types) as bag:
        bag.add_topic(TEXT)
        for index in range(int(seconds * per_second)):
            bag.write('/note', 100 * SECOND + index * SECOND // per_second, note(types, str(index)))
    return types


def texts(path):
    reader = BagReader(path)
    types = reader.types()
    return [types.deserialize_cdr(message.data, message.type).data for message in reader.messages()]


def test_messages_come_back_in_order_over_many_segments(tmp_path):
    write(tmp_path / 'bag', seconds=4 * SEGMENT_SECONDS)
    assert texts(tmp_path / 'bag') == [str(index) for index in range(40)]
    assert len(list((tmp_path / 'bag').glob('*.mcap'))) > 1
    assert BagReader(tmp_path / 'bag').duration() == pytest.approx(19.5)


def test_the_metadata_counts_what_is_there(tmp_path):
    write(tmp_path / 'bag', seconds=12)
    with Reader(tmp_path / 'bag') as reader:
        assert reader.message_count == 24
        assert [(c.topic, c.msgcount) for c in reader.connections] == [('/note', 24)]


def test_own_types_travel_with_the_bag(tmp_path):
    own = Topic('/own', 'demo_msgs/msg/Thing')
    types = typestore({own.type: 'int32 value\nfloat64[3] place\n'})
    with BagWriter(tmp_path / 'bag', types) as bag:
        bag.add_topic(own)
        thing = types.types[own.type](value=7, place=np.arange(3.0))
        bag.write('/own', SECOND, bytes(types.serialize_cdr(thing, own.type)))
    reader = BagReader(tmp_path / 'bag')
    (message,) = reader.messages()
    assert reader.types().deserialize_cdr(message.data, message.type).value == 7


def test_a_recording_is_never_overwritten(tmp_path):
    write(tmp_path / 'bag', seconds=1)
    with pytest.raises(FileExistsError, match='never overwrites'):
        BagWriter(tmp_path / 'bag', typestore())


def test_an_unknown_type_is_refused_by_name(tmp_path):
    bag = BagWriter(tmp_path / 'bag', typestore())
    with pytest.raises(ValueError, match='nobody/msg/Knows'):
        bag.add_topic(Topic('/x', 'nobody/msg/Knows'))


def test_a_folder_that_is_no_bag_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='is not a bag'):
        list(BagReader(tmp_path).messages())


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from chromm_ros.recording.bags import BagWriter, Topic, typestore
    types = typestore()
    bag = BagWriter(Path(sys.argv[1]), types)
    bag.add_topic(Topic('/note', 'std_msgs/msg/String'))
    for index in range(30):
        message = types.types['std_msgs/msg/String'](data=str(index))
        bag.write('/note', index * 500_000_000, bytes(types.serialize_cdr(message, 'std_msgs/msg/String')))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_recorder_leaves_a_readable_bag(tmp_path):
    path = tmp_path / 'bag'
    killed = subprocess.run([sys.executable, '-c', textwrap.dedent(KILLED), str(path)], timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    found = texts(path)
    assert found == [str(index) for index in range(len(found))]
    assert len(found) >= 30 - 2 * SEGMENT_SECONDS - 1


def test_a_full_disk_keeps_the_segments_before_it(tmp_path):
    types = typestore()
    bag = BagWriter(tmp_path / 'bag', types)
    bag.add_topic(TEXT)
    big = note(types, 'x' * 100_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def fill(seconds):
        for second in seconds:
            bag.write('/note', second * SECOND, big)

    try:
        fill(range(20))
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        with pytest.raises(OSError, match='too large'):
            fill(range(20, 60))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    bag.close()
    assert len(texts(tmp_path / 'bag')) >= 18
