"""What an earlier capture left in a bag: its topics and frames are estimates, no knowledge for the next one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rclpy.serialization import deserialize_message, serialize_message
from tf2_msgs.msg import TFMessage

from chromm_ros.recording.bag_topics import output_topics
from chromm_ros.recording.bags import Topic

DEFAULT_NODE = 'chromm'
BODY = re.compile(r'(^|/)body_\w+$')
"""Frames of people (REP-155)."""


@dataclass(frozen=True)
class EarlierCapture:
    """The captures of any name and namespace that published into a bag."""

    topics: frozenset[str]
    """Everything that they published, beside transforms."""
    nodes: tuple[str, ...]
    """Their full names without the leading slash."""

    @classmethod
    def of(cls, topics: Iterable[Topic]) -> EarlierCapture:
        """Found by the types of the messages, whatever the topics are called."""
        found = output_topics(topics)
        nodes = {name.rpartition('/')[0].strip('/') for name in found} - {''}
        return cls(frozenset(found), (DEFAULT_NODE, *sorted(nodes - {DEFAULT_NODE})))

    def estimated(self, frame: str) -> bool:
        """Whether a frame is a camera or a person that a capture estimated."""
        if self.topics and BODY.search(frame):
            return True
        return any(f'/{node}/' in f'/{frame}' for node in self.nodes)

    def without(self, transforms: bytes) -> bytes | None:
        """A serialised TFMessage without what was estimated; None: nothing is left of it."""
        message = deserialize_message(transforms, TFMessage)
        kept = [transform for transform in message.transforms if not self.estimated(transform.child_frame_id)]
        if len(kept) == len(message.transforms):
            return transforms
        return serialize_message(TFMessage(transforms=kept)) if kept else None
