"""The part of message_filters that chromm_ros uses, for ROS 2 from PyPI, as it is in ROS 2 Jazzy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SimpleFilter:
    """Something with an output that callbacks, or other filters, connect to."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., None], tuple[Any, ...]]] = {}

    def registerCallback(self, cb: Callable[..., None], *args: Any) -> int:
        """Calls ``cb(*messages, *args)`` for every output; returns the number of this connection."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg: Any) -> None:
        """Sends one output to all callbacks."""
        for callback, args in self.callbacks.values():
            callback(*msg, *args)


class Subscriber(SimpleFilter):
    """A subscription as a filter: ``Subscriber(node, type, topic, **options of create_subscription)``.

    The quality of service is a history depth of 10 unless ``qos_profile`` says otherwise.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.node = args[0]
        self.topic = args[2]
        kwargs.setdefault('qos_profile', 10)
        self.sub = self.node.create_subscription(*args[1:], self.callback, **kwargs)

    def callback(self, msg: Any) -> None:
        self.signalMessage(msg)

    def getTopic(self) -> str:
        return self.topic

    def __getattr__(self, key: str) -> Any:
        """The attributes of the subscription itself."""
        return getattr(self.__dict__['sub'], key)
