"""What the page draws: a picture-sized extract of the world at one time, and the last minute of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

UNKNOWN = 'unknown'
"""State of a camera of which the capture says nothing at the moment."""


TRAIL = 8.0
"""Seconds of a drawn trail."""


@dataclass(frozen=True)
class PersonView:
    """One person as the page shows them."""

    id: int
    state: str
    """tentative, tracked, predicted or lost."""
    confidence: float
    joints: np.ndarray  # (55, 3) world [m]
    rotations: np.ndarray  # (55, 3, 3) world from joint
    betas: np.ndarray  # (10,)
    velocity: np.ndarray  # (3,) [m/s]
    height: float  # [m]
    cameras: tuple[str, ...]
    """Cameras that contributed."""
    age: float = 0.0
    """Seconds since the first observation."""
    unseen: float = 0.0
    """Seconds since the last one."""
    heads: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Where each camera detected the head [pixels of the camera image]."""


@dataclass(frozen=True)
class CameraView:
    """One camera with its newest image."""

    name: str
    state: str
    world_from_camera: np.ndarray | None  # (4, 4)
    fov_y: float  # [rad]
    jpeg: bytes | None
    """The image that the people were seen in, small, without distortion; see :mod:`chromm_ros.viewing.thumbnails`."""
    rate: float  # [Hz] images that the camera sends
    used: float = 0.0  # [Hz] windows that an image of it was used in
    size: tuple[int, int] = (0, 0)
    """Width, height [px] of the camera image; zeros: not known."""
    intrinsics: np.ndarray | None = None  # (3, 3) pixels of the undistorted camera image; None: not known
    lag: float = 0.0
    """Seconds by which the image is newer (negative: older) than the people."""
    note: str = ''
    """What is wrong with it, in a sentence."""


@dataclass(frozen=True)
class WorldView:
    """Everything that moves on the page."""

    stamp: int  # [ns]
    window: int
    delay: float  # [s] from acquisition to publication
    people: tuple[PersonView, ...]
    cameras: tuple[CameraView, ...]
    stages: Mapping[str, float] = field(default_factory=dict)
    """What the delay was made of [s]."""


@dataclass(frozen=True)
class Notice:
    """A sentence that the page shows over the scene."""

    level: str
    """warn or error."""
    text: str


@dataclass(frozen=True)
class Awaited:
    """Something that the page waits for before it can show anything."""

    what: str
    topic: str
    seen: str
    """What is there of it."""
    there: bool


@dataclass
class Timeline:
    """The views of the last ``span`` seconds; older ones are forgotten."""

    span: float = 60.0
    """[s]"""
    limit: int = 1200
    """Views kept at most, whatever their stamps say."""
    _views: deque[WorldView] = field(default_factory=deque)

    def add(self, view: WorldView) -> None:
        """Append a view; a jump back in time forgets what lay before it."""
        if self._views and view.stamp < self._views[-1].stamp:
            self._views.clear()
        self._views.append(view)
        while len(self._views) > self.limit or self._views[-1].stamp - self._views[0].stamp > self.span * 1e9:
            self._views.popleft()

    def at(self, seconds_ago: float) -> WorldView | None:
        """The view nearest to a time before the newest one; None while there is none."""
        if not self._views:
            return None
        wanted = self._views[-1].stamp - seconds_ago * 1e9
        return min(self._views, key=lambda view: abs(view.stamp - wanted))

    @property
    def views(self) -> tuple[WorldView, ...]:
        """Oldest first."""
        return tuple(self._views)

    def trail(self, identity: int, seconds: float, until: int) -> np.ndarray:
        """(N, 3) pelvis positions of one person in the ``seconds`` before the stamp ``until`` [ns].

        Where it was only predicted to be is left out: people do not walk through walls, guesses do.
        """
        positions = [
            person.joints[0]
            for view in self._views
            if until - seconds * 1e9 <= view.stamp <= until
            for person in view.people
            if person.id == identity and person.state != 'predicted'
        ]
        return np.array(positions).reshape(-1, 3)
