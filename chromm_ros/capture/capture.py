"""Image sets in, snapshots of the world out: the one pipeline of the node, the commands, the evaluation, the tests.

    image set -> encode -> window -> decode, heads -> world -> people -> identities -> scene -> snapshot

The capture goes on whatever happens: cameras come and go, memory runs out, the network breaks down on a window,
time jumps back. What it had to leave out is counted by reason, what a person should know is a sentence.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chromm_ros.capture.identity.identities import Evidence
from chromm_ros.capture.protocols import Body, Network
from chromm_ros.capture.session import Session
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.stride import Stride
from chromm_ros.capture.world.cameras import Cameras, shows_something
from chromm_ros.flow import Cloud, Human, ImageSet, Snapshot


class Capture:
    """People and scene from image sets.

    Threads: :meth:`add` and the methods that change something wait for each other; :meth:`predict` and
    :meth:`static_scene` may be called at any time and do not wait for a running window.
    """

    def __init__(
        self, network: Network, body: Body, settings: CaptureSettings | None = None, views: Iterable[str] = ()
    ):
        """
        Args:
            network: CHROMM (:class:`chromm_ros.network.chromm.Chromm`), or whatever behaves like it.
            body: the body model that the network speaks of.
            settings: see :class:`CaptureSettings`; None: the defaults.
            views: names of the cameras in the order of the rig; others are added as they appear.
        """
        self.network = network
        self.body = body
        self._settings = settings or CaptureSettings()
        self._lock = threading.RLock()
        self._newest: ImageSet | None = None
        self._waiting = 0
        self._stride = Stride(self._settings)
        self._session = self._new_session(Cameras(self._settings, network.errors, views))

    @property
    def session(self) -> str:
        """UUID of the session."""
        return self._session.id

    @property
    def dropped(self) -> dict[str, int]:
        """What was left out since the session began, by reason."""
        return dict(self._session.notices.dropped)

    @property
    def stride(self) -> int:
        """Image sets from one window to the next, as it is now; slow windows raise it."""
        return self._stride.now

    @property
    def settings(self) -> CaptureSettings:
        """Assign others to change what is ``live``; the rest takes effect with the next session."""
        return self._settings

    @settings.setter
    def settings(self, settings: CaptureSettings) -> None:
        with self._lock:
            self._settings = settings
            self._stride = Stride(settings)
            self._session.apply(settings)

    def prepare(self, images: ImageSet) -> ImageSet:
        """The set with its images resized for the network, which may happen in another thread while it computes on
        the set before; :meth:`add` takes either."""
        usable = {view: image for view, image in images.views.items() if shows_something(image.pixels)}
        prepared = self.network.prepare([image.pixels for image in usable.values()])
        ready = {view: replace(image, prepared=made) for (view, image), made in zip(usable.items(), prepared)}
        return replace(images, views={**images.views, **ready})

    def add(self, images: ImageSet) -> Snapshot | None:
        """Take an image set in.

        Returns:
            The world after the window that this set completes, or an empty one that says what is missing while no
            camera has a place. None when no window is due (stride), the set was late
            or repeated or nothing of it could be used, or the network broke down on it; :attr:`dropped` says which.

        Raises:
            RuntimeError: the device was lost.
        """
        with self._lock:
            clock = StageClock(self._settings.stage_clock)
            if not self._in_order(images):
                return None
            if not self._session.encode(images, clock):
                return self._session.waiting(images, clock)
            self._newest = images
            self._waiting += 1
            return self._process(images, clock) if self._waiting >= self.stride else None

    def flush(self) -> Snapshot | None:
        """Run the window on the image sets that still wait for the stride, as at the end of a recording."""
        with self._lock:
            if self._newest is None or not self._waiting:
                return None
            return self._process(self._newest, StageClock(self._settings.stage_clock))

    def predict(self, stamp: int) -> tuple[Human, ...]:
        """Everybody of the last snapshot who was not lost, extrapolated to ``stamp`` [ns]."""
        newest = self._session.newest
        return () if newest is None else newest.at(stamp, self._settings.identity.walking, self.network.errors)

    @property
    def evidence(self) -> Evidence | None:
        """What the newest image set says about people; None: there was none in this session."""
        return self._session.identities.evidence

    def static_scene(self) -> Cloud:
        """The static scene so far."""
        return self._session.scene.cloud()

    def reset_identities(self) -> None:
        """Forget everybody: ids restart, so a new session begins. The world and the scene stay."""
        with self._lock:
            self._session.reset_identities()

    def reset_scene(self) -> None:
        """Forget the static scene."""
        self._session.scene.clear()

    def merge(self, keep: int, absorb: Iterable[int]) -> None:
        """Make several identities one; the next snapshot announces it.

        Raises:
            ValueError: an id is not there now; the message names those that are.
        """
        with self._lock:
            self._session.identities.merge(keep, absorb)

    def set_views(self, views: Iterable[str]) -> None:
        """Use these cameras and no others from now on; names that are new are added to the rig.

        Raises:
            ValueError: no camera is named.
        """
        with self._lock:
            cameras = self._session.cameras
            cameras.use(views)
            self._session.window.keep_views(set(cameras.views) - cameras.excluded)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the capture knows, as numbers, text, arrays, and lists and dictionaries of them.

        Images are left out: the window's are read from the recording again.
        """
        with self._lock:
            return {
                'session': self._session.state_dict(),
                'waiting': self._waiting,
                'stride': self._stride.now,
            }

    def load_state_dict(self, state: dict[str, Any], images: Sequence[ImageSet]) -> None:
        """Go on from a :meth:`state_dict` of a capture with the same network, body and settings.

        Args:
            state: see there.
            images: the image sets that its window holds (:func:`window_stamps`), in their order.

        Raises:
            ValueError: these are other images.
        """
        stamps = window_stamps(state)
        if [image_set.stamp for image_set in images] != stamps:
            raise ValueError('the saved state does not belong to these images: their times differ')
        with self._lock:
            self._session.load_state_dict(state['session'], images)
            self._waiting, self._stride.now = state['waiting'], state['stride']
            self._newest = images[-1] if images else None

    def _new_session(self, cameras: Cameras) -> Session:
        return Session(self.network, self.body, self._settings, cameras)

    def _in_order(self, images: ImageSet) -> bool:
        """Whether time goes on. A small step back is a late set; a large one means that time began anew."""
        if self._newest is None or images.stamp > self._newest.stamp:
            return True
        back = (self._newest.stamp - images.stamp) * 1e-9
        if back <= self._settings.max_out_of_order:
            self._session.notices.leave_out('late set' if back > 0 else 'repeated set')
            return False
        self._session = self._new_session(self._session.cameras.restarted(self._settings))
        self._session.notices.say(f'Time jumped back by {back:.1f} s: a new session begins.')
        self._waiting = 0
        return True

    def _process(self, images: ImageSet, clock: StageClock) -> Snapshot | None:
        waited, self._waiting = self._waiting, 0
        snapshot = self._session.process(images, clock)
        self._session.notices.say(self._stride.adapt(sum(clock.seconds.values()), waited))
        return snapshot


def window_stamps(state: dict[str, Any]) -> list[int]:
    """Stamps [ns] of the image sets in the window of a :meth:`Capture.state_dict`."""
    return [step['stamp'] for step in state['session']['window']['steps']]
