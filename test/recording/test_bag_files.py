"""Bags as people have them are read; damaged ones are one line that says what to do."""

import shutil

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from recordings import PERIOD, START, TYPES, cameras, transform, write_bag
from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from chromm_ros.apps.record import known_types
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


@pytest.mark.parametrize('plugin', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
@pytest.mark.parametrize('mode', [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags_are_read_with_and_without_their_metadata(tmp_path, mode, plugin):
    writer = Writer(tmp_path / 'bag', version=8, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        written(writer, get_typestore(Stores.ROS2_HUMBLE))
    (file,) = (path for path in (tmp_path / 'bag').iterdir() if path.name != 'metadata.yaml')
    for path in (tmp_path / 'bag', file):
        assert len(list(BagSource(path))) == 20
    (tmp_path / 'bag' / 'metadata.yaml').unlink()
    sets = list(BagSource(tmp_path / 'bag'))
    assert [one.views['b'].pixels.mean() for one in sets] == list(range(20))


def test_endings_of_any_case_are_known(copy, tmp_path):
    _, file = copy
    assert len(list(BagSource(file.rename(tmp_path / 'My Walk (1).MCAP')))) == 20


PARTS = {
    'missing': lambda file: file.unlink(),
    'empty': lambda file: cut(file, 0),
    'cut': lambda file: cut(file, -300),
}


@pytest.mark.parametrize('with_metadata', [True, False])
@pytest.mark.parametrize('harm', PARTS)
def test_the_other_parts_of_a_split_bag_are_used(tmp_path, harm, with_metadata):
    folder = write_bag(tmp_path / 'long', cameras('/{}/image', count=200))
    files = sorted(folder.glob('*.mcap'))
    assert len(files) == 3
    PARTS[harm](files[1])
    if not with_metadata:
        (folder / 'metadata.yaml').unlink()
    source = BagSource(folder)
    assert 100 < len(list(source)) < 140
    assert any(files[1].name in note for note in source.notes) == (with_metadata or harm != 'missing')


@pytest.mark.parametrize('topic', ['tf_static', 'camera_info'])
def test_messages_that_are_something_else_are_left_out_with_one_line(tmp_path, topic):
    events = [*cameras('/{}/image'), ('/tf_static', START, transform(START, 'map', 'front_optical'))]
    names = {'tf_static': '/tf_static', 'camera_info': '/front/camera_info'}
    store = known_types()
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connections = {}
        for name, at, message in sorted(events, key=lambda event: event[1]):
            if name not in connections:
                connections[name] = writer.add_connection(name, TYPES[type(message)], typestore=store)
            data = serialize_message(message)
            writer.write(connections[name], at, data[:12] if name == names[topic] else data)
    source = BagSource(tmp_path / 'bag')
    sets = list(source)
    assert len(sets) == 20
    assert sum(note.startswith(f'{names[topic]}: messages that are no') for note in source.notes) == 1
    assert (sets[0].views['front'].intrinsics is None) == (topic == 'camera_info')


@pytest.mark.parametrize('name', ['a.bag', 'b.BAG', 'c.bag.active'])
def test_ros_1_bags_are_read_from_folders_and_under_other_names(tmp_path, name):
    with Ros1Writer(tmp_path / 'old.bag') as writer:
        written(writer, get_typestore(Stores.ROS1_NOETIC))
    (tmp_path / 'folder').mkdir()
    path = (tmp_path / 'old.bag').rename(tmp_path / 'folder' / name)
    for given in (path, path.parent):
        assert is_bag(given)
        assert len(list(BagSource(given))) == 20
    cut(path, 9000)
    with pytest.raises(DamagedBag, match='`rosbag reindex`'):
        list(BagSource(path))


@pytest.mark.parametrize('kind', ['tf/msg/tfMessage', 'tf2_msgs/msg/TFMessage'])
def test_transforms_of_ros_1_place_the_cameras(tmp_path, kind):
    types = get_typestore(Stores.ROS1_NOETIC)
    types.register(get_types_from_msg('geometry_msgs/TransformStamped[] transforms', kind))
    made = types.types
    header = made['std_msgs/msg/Header'](0, made['builtin_interfaces/msg/Time'](START // 10**9, 0), 'map')
    place = made['geometry_msgs/msg/Transform'](
        made['geometry_msgs/msg/Vector3'](1.0, 2.0, 3.0), made['geometry_msgs/msg/Quaternion'](0.0, 0.0, 0.0, 1.0)
    )
    message = made[kind]([made['geometry_msgs/msg/TransformStamped'](header, 'a', place)])
    with Ros1Writer(tmp_path / 'old.bag') as writer:
        connection = writer.add_connection('/tf_static', kind, typestore=types)
        writer.write(connection, START, types.serialize_ros1(message, kind))
        written(writer, types)
    sets = list(BagSource(tmp_path / 'old.bag'))
    assert sets[9].views['a'].world_from_camera[:3, 3].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize('name', ['old.bag', 'x.db3', 'x.mcap'])
def test_files_of_another_kind_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'PK\3\4 this is a zip file')
    with pytest.raises(DamagedBag, match=name):
        BagReader(tmp_path / name).topics()
