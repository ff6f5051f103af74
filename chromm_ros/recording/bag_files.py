"""Bags as people have them behind one interface: folders, .mcap and .db3 files, ROS 1 bags, whole or damaged."""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from rosbags.convert.converter import migrate_bytes
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore
from ruamel.yaml import YAML

METADATA = 'metadata.yaml'
STORAGES = ('.mcap', '.db3')
ROS1 = '.bag'
MCAP_MAGIC = b'\x89MCAP0\r\n'
SQLITE_MAGIC = b'SQLite format 3\0'


class DamagedBag(ValueError):
    """A bag that cannot be read, or not to its end; the text says which file, why and what to do."""


def is_bag(path: Path) -> bool:
    """Whether a path is one of the forms of a bag, be it damaged."""
    if path.is_dir():
        return (path / METADATA).is_file() or any(path.glob('*.mcap')) or any(path.glob('*.db3'))
    return path.suffix.lower() in (*STORAGES, ROS1)


class OpenBag:
    """A bag that is open; messages come as CDR, whatever they were stored as."""

    def __init__(self, readers: list[Any], decode: Callable[[Connection, Any], bytes], connections: list[Connection]):
        self.connections = connections
        self._readers = readers
        self._decode = decode

    @property
    def seconds(self) -> float:
        """From the first to the last message."""
        filled = [reader for reader in self._readers if reader.message_count]
        ends = [reader.end_time for reader in filled], [reader.start_time for reader in filled]
        return 1e-9 * (max(ends[0]) - min(ends[1])) if filled else 0.0

    def messages(self, connections: Collection[Connection]) -> Iterator[tuple[Connection, int, bytes]]:
        """(connection, time of recording [ns], CDR) of these connections, in order of time."""
        streams = []
        for reader in self._readers:
            own = [connection for connection in reader.connections if connection in connections]
            if own:
                streams.append(reader.messages(connections=own))
        for connection, stamp, data in heapq.merge(*streams, key=operator.itemgetter(1)):
            yield connection, stamp, self._decode(connection, data)


@contextmanager
def opened(path: Path) -> Iterator[OpenBag]:
    """Open a bag.

    Raises:
        FileNotFoundError: there is none.
        DamagedBag: it cannot be read.
    """
    if not path.exists():
        raise FileNotFoundError(f'no such bag: {path}')
    if not is_bag(path):
        raise FileNotFoundError(
            f'{path} is not a ROS 2 bag: it has no {METADATA} and no {" or ".join(STORAGES)} file'
        )
    with ExitStack() as stack:
        try:
            bag = _open_ros1(path, stack) if path.suffix.lower() == ROS1 else _open_ros2(path, stack)
        except OSError:
            raise
        except Exception as error:  # the library fails in many ways on damaged files; all mean the same to a user
            raise DamagedBag(explanation(path, error)) from error
        yield bag


def explanation(path: Path, error: Exception) -> str:
    """Why a bag cannot be read, and what can be done, from a look at its files."""
    for file in _data_files(path):
        if not file.exists():
            return (
                f'{path}: {METADATA} names {file.name}, which is missing: copy it into the folder, or make new '
                f'metadata with `ros2 bag reindex {path}`'
            )
        problem = _damage(file)
        if problem:
            return problem
    if path.is_dir() and (path / METADATA).is_file():
        with suppress(Exception):
            if YAML(typ='safe').load((path / METADATA).read_text())['rosbag2_bagfile_information']:
                return f'{path} cannot be read: {_said(error)}'
        return f'{path / METADATA} is empty or damaged: make it new with `ros2 bag reindex {path}`'
    return f'{path} cannot be read: {_said(error)}'


def _open_ros2(path: Path, stack: ExitStack) -> OpenBag:
    files = [path] if path.is_file() or (path / METADATA).is_file() else _data_files(path)
    readers = [stack.enter_context(Reader(file)) for file in files]
    connections = [connection for reader in readers for connection in reader.connections]
    return OpenBag(readers, lambda connection, data: bytes(data), connections)


def _open_ros1(path: Path, stack: ExitStack) -> OpenBag:
    reader = stack.enter_context(AnyReader([path]))
    target = get_typestore(Stores.ROS2_JAZZY)
    cache: dict[str, Any] = {}

    def converted(connection: Connection, data: Any) -> bytes:
        kind = _ros2_type(connection.msgtype)
        source = reader.typestore
        moved = migrate_bytes(source, target, connection.msgtype, kind, cache, data, src_is2=False, dst_is2=True)
        return bytes(moved)

    known = [connection for connection in reader.connections if _ros2_type(connection.msgtype) in target.types]
    return OpenBag([reader], converted, known)


def _ros2_type(kind: str) -> str:
    return 'tf2_msgs/msg/TFMessage' if kind == 'tf/msg/tfMessage' else kind


def _data_files(path: Path) -> list[Path]:
    """The files that hold messages, those that are missing included."""
    if path.is_file():
        return [path]
    with suppress(Exception):  # damaged metadata are no reason to leave the files out
        about = YAML(typ='safe').load((path / METADATA).read_text())['rosbag2_bagfile_information']
        return [path / Path(name).name for name in about['relative_file_paths']]
    return sorted(file for storage in STORAGES for file in path.glob(f'*{storage}'))


def _damage(file: Path) -> str:
    """What is wrong with one file, as a sentence; empty: nothing that can be seen from outside."""
    size = file.stat().st_size
    if not size:
        return f'{file} is empty: nothing was written into it; leave it out and `ros2 bag reindex` the folder'
    with file.open('rb') as content:
        head = content.read(16)
        content.seek(max(0, size - len(MCAP_MAGIC)))
        tail = content.read()
    suffix = file.suffix.lower()
    if suffix == '.mcap' and not head.startswith(MCAP_MAGIC):
        return f'{file} is no MCAP file: it begins with {head[:8]!r}'
    if suffix == '.mcap' and tail != MCAP_MAGIC:
        return (
            f'{file} has no end (the recorder was killed, or the copy is not complete): `mcap recover {file} -o '
            f'repaired.mcap` saves what is readable; in a folder follow it with `ros2 bag reindex`'
        )
    if suffix == '.db3' and head != SQLITE_MAGIC:
        return f'{file} is no SQLite file: it begins with {head[:8]!r}'
    if suffix == ROS1 and not head.startswith(b'#ROSBAG V2.0'):
        return f'{file} is no ROS 1 bag: it begins with {head[:8]!r}'
    return ''


def _said(error: Exception) -> str:
    text = ' '.join(str(error).split())
    return f'{text or type(error).__name__}; `ros2 bag reindex` and `mcap recover` repair what can be repaired'
