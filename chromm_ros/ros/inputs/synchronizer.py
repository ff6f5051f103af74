"""The rig's buffer as a message filter: image messages of several cameras in, sets of messages out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from message_filters import SimpleFilter

from chromm_ros.intake.dating import Dating
from chromm_ros.intake.rig_buffer import RigBuffer, SyncLimits

MALFORMED = 'malformed'


class Synchronizer(SimpleFilter):
    """Signals one :class:`MatchedSet` per time, also when some cameras are missing.

    Args:
        inputs: camera name -> filter (``message_filters.Subscriber``) that signals its messages.
        limits: see :class:`SyncLimits`.
        dating: gives every image the time by which it is matched.
        stamp_of: acquisition time [ns] of a message; raises ValueError for a message it cannot read.
        now: ROS time [ns]; 0 while it is not known.
    """

    def __init__(
        self,
        inputs: Mapping[str, SimpleFilter],
        limits: SyncLimits,
        dating: Dating,
        stamp_of: Callable[[Any], int],
        now: Callable[[], int],
    ) -> None:
        super().__init__()
        self.buffer: RigBuffer[Any] = RigBuffer(inputs, limits)
        self.dating = dating
        self.malformed: Counter[str] = Counter()
        """Messages per camera that were not readable at all."""
        self._stamp_of = stamp_of
        self._now = now
        for camera, source in inputs.items():
            source.registerCallback(self._receive, camera)

    @property
    def dropped(self) -> Counter[str]:
        """Images dropped so far, by reason."""
        counts = self.buffer.dropped
        if self.malformed:
            counts[MALFORMED] = self.malformed.total()
        return counts

    def _receive(self, message: Any, camera: str) -> None:
        try:
            stamp = self._stamp_of(message)
        except ValueError:
            self.malformed[camera] += 1
            return
        now = self._now()
        for matched in self.buffer.add(camera, self.dating(camera, stamp, now), message, now):
            self.signalMessage(matched)
