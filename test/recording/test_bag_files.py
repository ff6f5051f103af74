"""Bags as people have them are read; damaged ones are one line that says what to do."""

import shutil

import numpy as np
import pytest
from recordings import PERIOD, START, cameras, write_bag
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from chromm_ros.recording.bag_files import DamagedBag, is_bag
from chromm_ros.recording.bags import BagReader
from chromm_ros.ros.inputs.bag_source import BagSource


@pytest.fixture(scope='module')
def good(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp('bags') / 'good', cameras('/{}/image'))


@pytest.fixture
def copy(good, tmp_path):
    """A copy of the good bag to be damaged, and its file of messages."""
    folder = shutil.copytree(good, tmp_path / 'copy')
    return folder, next(folder.glob('*.mcap'))


def cut(file, size):
    file.write_bytes(file.read_bytes()[:size])


DAMAGES = {
    'without its end': (lambda folder, file: cut(file, -300), 'mcap recover'),
    'in the middle': (lambda folder, file: cut(file, 50000), 'mcap recover'),
    'after the magic': (lambda folder, file: cut(file, 8), 'mcap recover'),
    'in the magic': (lambda folder, file: cut(file, 3), 'is no MCAP file'),
    'of no bytes': (lambda folder, file: file.write_bytes(b''), 'is empty'),
    'another file': (lambda folder, file: file.write_bytes(b'<html>404 not found</html>'), 'is no MCAP file'),
    'missing': (lambda folder, file: file.unlink(), 'ros2 bag reindex'),
    'metadata empty': (lambda folder, file: (folder / 'metadata.yaml').write_text(''), 'ros2 bag reindex'),
    'metadata cut': (
        lambda folder, file: (folder / 'metadata.yaml').write_text('rosbag2_bagfile_information:\n  version: 9\n'),
        'reindex',
    ),
    'metadata of something else': (lambda folder, file: (folder / 'metadata.yaml').write_text('- 1\n'), 'reindex'),
}


@pytest.mark.parametrize('damage', DAMAGES)
def test_damage_is_one_line_with_a_cure(copy, damage):
    folder, file = copy
    harm, words = DAMAGES[damage]
    harm(folder, file)
    with pytest.raises(ValueError, match=words) as caught:
        list(BagSource(folder))
    assert '\n' not in str(caught.value)


def test_damage_inside_of_a_chunk_is_one_line(copy):
    folder, file = copy
    content = bytearray(file.read_bytes())
    content[60 : len(content) // 2] = bytes(len(content) // 2 - 60)
    file.write_bytes(content)
    with pytest.raises(DamagedBag, match='of 80 messages cannot be found') as caught:
        list(BagReader(folder).messages())
    assert '\n' not in str(caught.value)
    source = BagSource(folder)
    assert len(list(source)) < 20
    assert any('cannot be found' in note for note in source.notes)


@pytest.mark.parametrize('name', ['nothing', 'nothing.mcap', 'nothing.bag'])
def test_a_bag_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        BagReader(tmp_path / name).topics()


def test_folders_without_metadata_and_bare_files_are_read(copy):
    folder, file = copy
    (folder / 'metadata.yaml').unlink()
    for path in (folder, file):
        assert is_bag(path)
        assert len(list(BagSource(path))) == 20


def written(writer, types, count=20):
    """Two cameras in whatever format; the stamps of their images."""
    image, header, time = (types.types[name] for name in IMAGE_TYPES)
    connections = {name: writer.add_connection(f'/{name}/image', IMAGE_TYPES[0], typestore=types) for name in 'ab'}
    for k in range(count):
        stamp = START + k * PERIOD
        for name, connection in connections.items():
            seconds, rest = divmod(stamp, 10**9)
            sequence = (k,) if 'seq' in header.__dataclass_fields__ else ()
            head = header(*sequence, time(seconds, rest), name)
            message = image(head, 24, 32, 'rgb8', 0, 96, np.full(24 * 96, k, np.uint8))
            serialise = types.serialize_ros1 if sequence else types.serialize_cdr
            writer.write(connection, stamp, serialise(message, IMAGE_TYPES[0]))


IMAGE_TYPES = ('sensor_msgs/msg/Image', 'std_msgs/msg/Header', 'builtin_interfaces/msg/Time')


def test_sqlite_bags_are_read_as_folder_and_as_file(tmp_path):
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.SQLITE3) as writer:
        written(writer, types)
    for path in (tmp_path / 'bag', next((tmp_path / 'bag').glob('*.db3'))):
        source = BagSource(path)
        assert source.views == ('a', 'b')
        assert len(list(source)) == source.count == 20


def test_ros_1_bags_are_read(tmp_path):
    with Ros1Writer(tmp_path / 'old.bag') as writer:
        written(writer, get_typestore(Stores.ROS1_NOETIC))
    source = BagSource(tmp_path / 'old.bag')
    sets = list(source)
    assert source.views == ('a', 'b')
    assert [one.stamp for one in sets] == [START + k * PERIOD for k in range(20)]
    assert sets[7].views['b'].pixels.mean() == 7


@pytest.mark.parametrize('name', ['old.bag', 'x.db3', 'x.mcap'])
def test_files_of_another_kind_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'PK\3\4 this is a zip file')
    with pytest.raises(DamagedBag, match=name):
        BagReader(tmp_path / name).topics()
