"""Bags as people have them behind one interface: folders, .mcap and .db3 files, ROS 1 bags, whole or damaged."""

from __future__ import annotations

import heapq
import operator
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from backports import zstd
from rosbags.convert.converter import migrate_bytes
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosbags.typesys import Stores, get_typestore
from ruamel.yaml import YAML

METADATA = 'metadata.yaml'
STORAGES = ('.mcap', '.db3')
PACKED = ('.zstd', '.zst')
"""Behind the ending of a file that rosbag2 compressed as a whole."""
ROS1, UNFINISHED = '.bag', '.active'
MCAP_MAGIC = b'\x89MCAP0\r\n'
SQLITE_MAGIC = b'SQLite format 3\0'
ROS1_MAGIC = b'#ROSBAG V2.0'
ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
"""No CDR message begins with it."""


class DamagedBag(ValueError):
    """A bag that cannot be read, or not to its end; the text says which file, why and what to do."""


def is_bag(path: Path) -> bool:
    """Whether a path is one of the forms of a bag, be it damaged."""
    if path.is_dir():
        return (path / METADATA).is_file() or any(_kind(file) for file in path.iterdir())
    return bool(_kind(path))


def _kind(file: Path) -> str:
    """``.mcap``, ``.db3``, ``.bag``; empty: no file of a bag."""
    if file.name.startswith('.'):
        return ''
    name = file.name.lower()
    for more in (*PACKED, UNFINISHED):
        name = name.removesuffix(more)
    ending = Path(name).suffix
    return ending if ending in (*STORAGES, ROS1) else ''


class OpenBag:
    """A bag that is open; messages come as CDR, whatever they were stored as."""

    def __init__(
        self,
        readers: Sequence[Any],
        decode: Callable[[Connection, Any], bytes],
        connections: list[Connection],
        left_out: Sequence[str] = (),
    ):
        self.connections = connections
        self.left_out = left_out
        """Files that cannot be read beside others that can, as sentences."""
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
            f'{path} is not a bag: it has no {METADATA} and no {", ".join((*STORAGES, ROS1))} file'
        )
    with ExitStack() as stack:
        try:
            ros1 = all(_kind(file) == ROS1 for file in _data_files(path))
            bag = _open_ros1(path, stack) if ros1 else _open_ros2(path, stack)
        except OSError:
            raise
        except Exception as error:  # the library fails in many ways on damaged files; all mean the same to a user
            raise DamagedBag(explanation(path, error)) from error
        yield bag


def explanation(path: Path, error: Exception) -> str:
    """Why a bag cannot be read, and what can be done, from a look at its files."""
    for file in _data_files(path):
        problem = _damage(file)
        if problem:
            return problem
    if path.is_dir() and (path / METADATA).is_file():
        with suppress(Exception):
            if YAML(typ='safe').load((path / METADATA).read_text())['rosbag2_bagfile_information']:
                return f'{path} cannot be read: {_said(path, error)}'
        return f'{path / METADATA} is empty or damaged: make it new with `ros2 bag reindex {path}`'
    return f'{path} cannot be read: {_said(path, error)}'


def _open_ros2(path: Path, stack: ExitStack) -> OpenBag:
    """With metadata as a whole; else, or where one of several files is damaged, file by file."""
    files = _data_files(path)
    readers, left_out = [], []
    if path.is_dir() and (path / METADATA).is_file():
        try:
            readers = [stack.enter_context(Reader(path))]
        except Exception:
            if len(files) < 2:
                raise
    for file in files if not readers else ():
        try:
            readers.append(stack.enter_context(Reader(_plain(file, stack))))
        except Exception as error:  # the library fails in many ways on damaged files
            left_out.append(_damage(file) or f'{file} cannot be read: {_said(file, error)}')
            if len(left_out) == len(files):
                raise
    connections = [connection for reader in readers for connection in reader.connections]
    return OpenBag(readers, lambda connection, data: _unpacked(bytes(data)), connections, left_out)


def _plain(file: Path, stack: ExitStack) -> Path:
    """The file as the library knows it: not compressed, with the usual ending."""
    ending = _kind(file)
    if file.name.endswith(ending):
        return file
    plain = Path(stack.enter_context(tempfile.TemporaryDirectory())) / f'bag{ending}'
    if file.name.lower().endswith(PACKED):
        with zstd.open(file, 'rb') as packed, plain.open('wb') as unpacked:
            shutil.copyfileobj(packed, unpacked)
    else:
        plain.symlink_to(file.absolute())
    return plain


def _unpacked(data: bytes) -> bytes:
    """A message that was compressed by itself, which only the metadata of a bag would say."""
    return zstd.decompress(data) if data.startswith(ZSTD_MAGIC) else data


def _open_ros1(path: Path, stack: ExitStack) -> OpenBag:
    reader = stack.enter_context(AnyReader([_plain(file, stack) for file in _data_files(path)]))
    target = get_typestore(Stores.ROS2_JAZZY)
    cache: dict[str, Any] = {}

    def converted(connection: Connection, data: Any) -> bytes:
        kind = ros2_type(connection.msgtype)
        source = reader.typestore
        moved = migrate_bytes(source, target, connection.msgtype, kind, cache, data, src_is2=False, dst_is2=True)
        return bytes(moved)

    known = [connection for connection in reader.connections if ros2_type(connection.msgtype) in target.types]
    return OpenBag([reader], converted, known)


def ros2_type(kind: str) -> str:
    """What ROS 2 calls a message type of a bag."""
    return 'tf2_msgs/msg/TFMessage' if kind == 'tf/msg/tfMessage' else kind


def _data_files(path: Path) -> list[Path]:
    """The files that hold messages, those that are missing included."""
    if path.is_file():
        return [path]
    with suppress(Exception):  # damaged metadata are no reason to leave the files out
        about = YAML(typ='safe').load((path / METADATA).read_text())['rosbag2_bagfile_information']
        return [path / Path(name).name for name in about['relative_file_paths']]
    return sorted(file for file in path.iterdir() if _kind(file))


def _damage(file: Path) -> str:
    """What is wrong with one file, as a sentence; empty: nothing that can be seen from outside."""
    if not file.exists():
        return (
            f'{file.parent}: {METADATA} names {file.name}, which is missing: copy it into the folder, or make new '
            f'metadata with `ros2 bag reindex {file.parent}`'
        )
    size, kind = file.stat().st_size, _kind(file)
    if not size:
        again = 'leave it out' if kind == ROS1 else 'leave it out and `ros2 bag reindex` the folder'
        return f'{file} is empty: nothing was written into it; {again}'
    if file.name.lower().endswith(PACKED):
        return ''
    with file.open('rb') as content:
        head = content.read(16)
        content.seek(max(0, size - len(MCAP_MAGIC)))
        tail = content.read()
    for ending, name, magic in (
        ('.mcap', 'MCAP file', MCAP_MAGIC),
        ('.db3', 'SQLite file', SQLITE_MAGIC),
        (ROS1, 'ROS 1 bag', ROS1_MAGIC),
    ):
        if kind == ending and not head.startswith(magic):
            return f'{file} is no {name}: it begins with {head[:8]!r}'
    if kind == '.mcap' and tail != MCAP_MAGIC:
        return (
            f'{file} has no end (the recorder was killed, or the copy is not complete): `mcap recover {file} -o '
            f'repaired.mcap` saves what is readable; in a folder follow it with `ros2 bag reindex`'
        )
    return ''


CURES = {
    '.mcap': '`mcap recover` and `ros2 bag reindex` repair what can be repaired',
    '.db3': '`sqlite3 FILE .recover` and `ros2 bag reindex` repair what can be repaired',
    ROS1: '`rosbag reindex` and `rosbag fix` of ROS 1 repair what can be repaired',
}


def _said(path: Path, error: Exception) -> str:
    text = ' '.join(str(error).split()) or type(error).__name__
    kinds = {_kind(file) for file in _data_files(path)}
    return '; '.join([text, *(cure for kind, cure in CURES.items() if kind in kinds)])
