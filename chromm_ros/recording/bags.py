"""ROS 2 bags (MCAP) that stay readable whatever happens to the recorder.

A bag is a folder of short segments, which is how rosbag2 itself splits a bag, and a ``metadata.yaml`` that is
replaced after every finished segment. A recorder that is killed loses the open segment, never the bag.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.convert.converter import LATCH
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinitionFormat, Qos
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore
from ruamel.yaml import YAML

from chromm_ros.recording.bag_files import DamagedBag, explanation, opened, ros2_type

SEGMENT_SECONDS = 5.0
SEGMENT_BYTES = 256 << 20
INFORMATION = 'rosbag2_bagfile_information'


@dataclass(frozen=True)
class Topic:
    """A topic of a bag."""

    name: str
    type: str
    """``package/msg/Name``."""
    qos: tuple[Qos, ...] = ()


@dataclass(frozen=True)
class BagMessage:
    """One message as it was on the wire."""

    topic: str
    type: str
    stamp: int
    """Time of recording [ns]."""
    data: bytes
    """Serialised (CDR)."""


def typestore(definitions: Mapping[str, str] | None = None) -> Typestore:
    """The types of ROS 2 Jazzy, and those whose ``.msg`` texts are given by ``package/msg/Name``."""
    store = get_typestore(Stores.ROS2_JAZZY)
    added: dict[str, Any] = {}
    for name, text in (definitions or {}).items():
        if name not in store.types:
            added.update(get_types_from_msg(text, name))
    store.register(added)
    return store


class BagWriter:
    """Writes serialised messages as they are.

    Raises:
        FileExistsError: the folder exists; a recording never overwrites another.
    """

    def __init__(self, path: Path, types: Typestore):
        if path.exists():
            raise FileExistsError(f'{path} exists; a recording never overwrites another one')
        path.mkdir(parents=True)
        self.path = path
        self.messages = 0
        self._types = types
        self._topics: dict[str, Topic] = {}
        self._segment: Writer | None = None
        self._connections: dict[str, Any] = {}
        self._started = 0
        self._bytes = 0
        self._finished: list[dict[str, Any]] = []

    def add_topic(self, topic: Topic) -> None:
        """Announce a topic; messages of topics that were not announced are refused."""
        if topic.type not in self._types.types:
            raise ValueError(f'{topic.name}: the message type {topic.type} is not known')
        self._topics[topic.name] = topic

    def write(self, topic: str, stamp: int, data: bytes | memoryview) -> None:
        """Append one message; ``stamp`` is the time of recording [ns].

        Raises:
            OSError: the disk is full; call :meth:`close` to keep what was written before.
        """
        if self._segment is None or self._is_full(stamp):
            self._rotate(stamp)
        assert self._segment is not None
        if topic not in self._connections:
            about = self._topics[topic]
            self._connections[topic] = self._segment.add_connection(
                about.name, about.type, typestore=self._types, offered_qos_profiles=about.qos
            )
        self._segment.write(self._connections[topic], stamp, data)
        self._bytes += len(data)
        self.messages += 1

    def close(self) -> None:
        """Finish the open segment; when the disk is full it is dropped and the segments before it stay."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            segment.close()
            self._adopt(segment)
        except OSError:
            segment.abort()
            shutil.rmtree(segment.path, ignore_errors=True)
            raise

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_full(self, stamp: int) -> bool:
        return abs(stamp - self._started) > SEGMENT_SECONDS * 1e9 or self._bytes > SEGMENT_BYTES

    def _rotate(self, stamp: int) -> None:
        self.close()
        self._segment = Writer(self.path / 'open_segment', version=9, storage_plugin=StoragePlugin.MCAP)
        self._segment.open()
        self._connections = {}
        self._started, self._bytes = stamp, 0

    def _adopt(self, segment: Writer) -> None:
        """Move a finished segment into the bag and name it in the metadata."""
        about = YAML(typ='safe').load(segment.metapath)[INFORMATION]
        name = f'{self.path.name}_{len(self._finished)}.mcap'
        (segment.path / about['relative_file_paths'][0]).rename(self.path / name)
        about['relative_file_paths'] = [name]
        about['files'][0]['path'] = name
        shutil.rmtree(segment.path)
        self._finished.append(about)
        partial = self.path / 'metadata.yaml.partial'
        YAML(typ='safe').dump({INFORMATION: merged(self._finished)}, partial)
        partial.replace(self.path / 'metadata.yaml')


def merged(segments: list[dict[str, Any]]) -> dict[str, Any]:
    """The metadata of a bag from the metadata of its segments (version 9 of rosbag2)."""
    start = min(_start(segment) for segment in segments)
    end = max(_start(segment) + segment['duration']['nanoseconds'] for segment in segments)
    topics: dict[str, dict[str, Any]] = {}
    for segment in segments:
        for topic in segment['topics_with_message_count']:
            known = topics.setdefault(topic['topic_metadata']['name'], {**topic, 'message_count': 0})
            known['message_count'] += topic['message_count']
    return {
        **segments[-1],
        'relative_file_paths': [name for segment in segments for name in segment['relative_file_paths']],
        'files': [file for segment in segments for file in segment['files']],
        'starting_time': {'nanoseconds_since_epoch': start},
        'duration': {'nanoseconds': end - start},
        'message_count': sum(segment['message_count'] for segment in segments),
        'topics_with_message_count': list(topics.values()),
    }


@dataclass(frozen=True)
class BagReader:
    """Reads a bag of any kind (see :mod:`bag_files`) in the order of recording.

    Raises (on use):
        FileNotFoundError, ValueError: there is no bag, or it cannot be read; the message says why.
    """

    path: Path

    def topics(self) -> tuple[Topic, ...]:
        """What the bag holds; a topic with several types or publishers comes once, with the first type."""
        found: dict[str, Topic] = {}
        with opened(self.path) as bag:
            for connection in bag.connections:
                found.setdefault(
                    connection.topic, Topic(connection.topic, ros2_type(connection.msgtype), _offers(connection))
                )
        return tuple(found.values())

    def counts(self) -> dict[str, int]:
        """Number of messages by topic."""
        with opened(self.path) as bag:
            found: Counter[str] = Counter()
            for connection in bag.connections:
                found[connection.topic] += connection.msgcount
            return dict(found)

    def types(self) -> Typestore:
        """The message types as the bag defines them, whatever is installed; where it is silent, those of Jazzy."""
        store, known = get_typestore(Stores.EMPTY), typestore()
        with opened(self.path) as bag:
            for connection in bag.connections:
                if connection.msgdef.format == MessageDefinitionFormat.MSG:
                    store.register(get_types_from_msg(connection.msgdef.data, connection.msgtype))
        store.register({name: fields for name, fields in known.fielddefs.items() if name not in store.fielddefs})
        return store

    def duration(self) -> float:
        """Seconds from the first to the last message."""
        with opened(self.path) as bag:
            return bag.seconds

    def messages(self, topics: Iterable[str] | None = None) -> Iterator[BagMessage]:
        """All messages, or those of some topics.

        Raises:
            ValueError: the bag is damaged in the middle; what came before was good.
        """
        wanted = None if topics is None else set(topics)
        with opened(self.path) as bag:
            chosen = [connection for connection in bag.connections if wanted is None or connection.topic in wanted]
            stream, read = bag.messages(chosen), 0
            while True:
                try:
                    connection, stamp, data = next(stream)
                except StopIteration:
                    break
                except Exception as error:  # the library fails in many ways on damaged files
                    raise DamagedBag(explanation(self.path, error)) from error
                read += 1
                yield BagMessage(connection.topic, ros2_type(connection.msgtype), stamp, data)
            if bag.left_out:
                raise DamagedBag('; '.join(bag.left_out))
            promised = sum(connection.msgcount for connection in chosen)
            if read < promised:
                raise DamagedBag(
                    f'{self.path} is damaged: {promised - read} of {promised} messages cannot be found; '
                    '`mcap recover` saves what is readable'
                )


def _offers(connection: Connection) -> tuple[Qos, ...]:
    """The QoS profiles that the publishers offered; latched topics of ROS 1 are transient local ones."""
    if isinstance(connection.ext, ConnectionExtRosbag2):
        return tuple(connection.ext.offered_qos_profiles)
    return tuple(LATCH) if connection.ext.latching else ()


def _start(segment: dict[str, Any]) -> int:
    return int(segment['starting_time']['nanoseconds_since_epoch'])
