"""Names that people write: cameras in a list, topics with the placeholder {camera}, namespaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import yaml
from rclpy.exceptions import InvalidNamespaceException, InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_topic_name import validate_topic_name

EXAMPLE = 'front,left or [front, left]'


def camera_names(text: str) -> tuple[str, ...]:
    """The names in a text: with commas, with spaces, as a YAML list of either style, or one alone.

    Words that YAML reads as something else (``y``, ``on``, ``1``) are names here.

    Raises:
        ValueError: the list does not end, holds something that is no name, or the same name twice.
    """
    stripped = text.strip()
    as_list = stripped if stripped.startswith(('[', '- ')) else f'[{stripped}]'
    try:
        items = yaml.load(as_list, yaml.BaseLoader)
    except yaml.YAMLError:
        items = None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError(f'cameras is {text!r}, which is no list of names; write {EXAMPLE}')
    names = tuple(name for item in items for name in item.split())
    if not names:
        raise ValueError(f'cameras is {text!r}, without a name; write {EXAMPLE}')
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f'cameras names {twice!r} twice')
    return names


def check_topics(name: str, pattern: str, cameras: Sequence[str], namespace: str = '/') -> None:
    """Every camera must have a topic of its own, with a name that ROS can use.

    Args:
        name: of the parameter that holds ``pattern``.
        namespace: of the node that subscribes.

    Raises:
        ValueError: with the name of the parameter and what is wrong.
    """
    try:
        topics = [pattern.format(camera=camera) for camera in cameras]
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ValueError(f'{name} may contain only the placeholder {{camera}}') from None
    full = []
    for topic in topics:
        try:
            validate_topic_name(topic)
            full.append(expand_topic_name(topic, 'chromm', namespace))
            validate_full_topic_name(full[-1])
        except InvalidTopicNameException as error:
            reason = str(error).splitlines()[0].rstrip(':').removeprefix('Invalid topic name: ')
            raise ValueError(f'{name} gives {topic!r}, which is no name for a topic: {reason}') from None
    if len(set(full)) != len(full):
        raise ValueError(f'{name} must contain {{camera}}, so that every camera has its own topic')


def full_namespace(namespace: str, parent: str = '') -> str:
    """A namespace with a leading slash and no trailing one; ``/`` for none.

    Args:
        namespace: as a user writes it; without a leading slash it lies inside of ``parent``.
        parent: the namespace that a surrounding launch file pushed.

    Raises:
        ValueError: it is no namespace.
    """
    joined = namespace if namespace.startswith('/') else f'{parent}/{namespace}'
    full = '/' + re.sub('/+', '/', joined).strip('/')
    try:
        validate_namespace(full)
    except InvalidNamespaceException as error:
        reason = str(error).splitlines()[0].rstrip(':').removeprefix('Invalid namespace: ')
        raise ValueError(f'namespace is {namespace!r}, which is none: {reason}') from None
    return full


def frame_prefix(parts: Iterable[str]) -> str:
    """Parts of a TF frame joined by slashes, ending in one; empty for none. TF frames never begin with a slash."""
    words = [word for part in parts for word in part.split('/') if word]
    return ''.join(f'{word}/' for word in words)
