"""Why the page shows nothing new: in the words of the capture's diagnostics, or what their silence means."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from chromm_ros.viewing.view import UNKNOWN, Awaited, CameraView, Notice

FRESH = 3.0
"""Diagnostics older than this say nothing any more [s]; the capture sends them every second by default."""

FINE = ('ok', 'excluded', 'uncalibrated', UNKNOWN)
"""States of cameras that are no reason for a banner."""

MOST = 2
"""Cameras whose trouble is told in whole sentences."""


@dataclass
class CaptureWitness:
    """Listens to what a capture says of itself.

    Args:
        source: full name of the capture's node.
        clock: seconds that nobody sets.
    """

    source: str
    clock: Callable[[], float] = time.monotonic
    _tasks: dict[str, DiagnosticStatus] = field(default_factory=dict)
    _heard: float | None = None
    _interval: float = 0.0

    def hear(self, message: DiagnosticArray) -> None:
        """Diagnostics of anybody; those of the capture are kept."""
        own = {
            status.name.removeprefix('chromm: '): status
            for status in message.status
            if status.hardware_id == self.source and status.name.startswith('chromm: ')
        }
        if own:
            now = self.clock()
            self._interval = 0.0 if self._heard is None else now - self._heard
            self._tasks, self._heard = own, now

    @property
    def silence(self) -> float | None:
        """Seconds since the capture last said how it is; None: it never did."""
        return None if self._heard is None else self.clock() - self._heard

    def camera_notes(self) -> dict[str, str]:
        """What is wrong with each camera that is not well."""
        if not self._speaks():
            return {}
        return {
            name.removeprefix('camera '): task.message
            for name, task in self._tasks.items()
            if name.startswith('camera ') and task.level != DiagnosticStatus.OK
        }

    def why_nothing_comes(self, publishers: int) -> str:
        """A clause about a capture of which no window comes.

        Args:
            publishers: of the people that are known in the ROS graph.
        """
        if not publishers:
            return f'{self.source} is not running, or has been hanging for long'
        if not self._speaks():
            known = 'says nothing' if self.silence is None else f'has said nothing for {self.silence:.0f} s'
            return f'{self.source} {known}: it hangs, was killed, or the network is gone'
        node = self._tasks.get('node')
        if node is not None and node.level != DiagnosticStatus.OK:
            return node.message
        state = 'active' if node is None else node.message
        return f'{self.source} is {state}' if state != 'active' else 'the capture waits for images, or is slow'

    def _speaks(self) -> bool:
        return self.silence is not None and self.silence < max(FRESH, 2.5 * self._interval)


def notice_of(silence: float | None, late: bool, why: str, cameras: Iterable[CameraView]) -> Notice | None:
    """What the page says over the scene; None while all is well.

    Args:
        silence: seconds since the last window; None: none came yet.
        late: whether one should have come.
        why: nothing comes, as a clause.
        cameras: as they are shown.
    """
    if silence is None:
        return Notice('warn', f'no window yet: {why}')
    lost = [camera for camera in cameras if camera.state not in FINE]
    names = ', '.join(camera.name for camera in lost)
    if late:
        also = f'; lost {names}' if lost and names not in why else ''
        return Notice('error', f'no window for {silence:.1f} s: {why}{also}')
    if not lost:
        return None
    notes = [f'{camera.name}: {camera.note}' for camera in lost if camera.note][:MOST]
    return Notice('warn', f'lost {names}' + (f' ({"; ".join(notes)})' if notes else ''))


def awaited_of(node: Node, source: str, images: dict[str, str], received: dict[str, int]) -> tuple[Awaited, ...]:
    """What the page needs before it can show anything, and what is seen of it.

    Args:
        node: that knows the ROS graph.
        source: full name of the capture's node.
        images: topic of the images of each camera.
        received: images of each camera so far.
    """
    rows = []
    for what, topic in (('people', f'{source}/humans'), ('status', f'{source}/status'), ('scene', f'{source}/scene')):
        rows.append(_awaited(node, what, topic, 0))
    for name, topic in images.items():
        rows.append(_awaited(node, name, topic, received.get(name, 0)))
    return tuple(rows)


def _awaited(node: Node, what: str, topic: str, received: int) -> Awaited:
    publishers = node.count_publishers(topic)
    if received:
        seen = f'{received} received'
    elif publishers:
        seen = f'{publishers} publisher{"s" if publishers > 1 else ""}, nothing yet'
    else:
        seen = 'nobody publishes it'
    return Awaited(what, topic, seen, bool(publishers))
