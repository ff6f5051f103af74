"""The browser page: the world as a capture publishes it, live or a little while ago."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import viser

from chromm_ros.flow import Cloud
from chromm_ros.viewing.age import Arrivals
from chromm_ros.viewing.exported import as_html
from chromm_ros.viewing.framing import Overview, overview
from chromm_ros.viewing.labels import Viewpoint
from chromm_ros.viewing.overlay import Situation, images_of, state_of
from chromm_ros.viewing.panel import Panel
from chromm_ros.viewing.people_layer import PeopleLayer
from chromm_ros.viewing.server import PageServer
from chromm_ros.viewing.stage import Stage
from chromm_ros.viewing.view import TRAIL, Awaited, CameraView, Notice, Timeline, WorldView


class Page:
    """A viser server that shows :class:`WorldView` s and a scene cloud.

    All methods may be called from any thread; drawing is serialised.

    Args:
        host: to serve on.
        port: to serve on.
        span: seconds that can be looked at again.
        settings: what was chosen, for whoever reads an exported page.
        clock: seconds that nobody sets.
    """

    def __init__(
        self,
        host: str = '127.0.0.1',
        port: int = 8080,
        *,
        span: float = 60.0,
        settings: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.timeline = Timeline(span)
        self.arrivals = Arrivals(span)
        self._clock = clock
        self._settings = dict(settings or {})
        self._lock = threading.RLock()
        self._channel = PageServer(host, port, self._on_request)
        self.server = self._channel.viser
        self._scene: Cloud | None = None
        self._selected: int | None = None
        self._notice: Notice | None = None
        self._awaited: tuple[Awaited, ...] = ()
        self._cameras: tuple[CameraView, ...] | None = None
        self._overview: Overview | None = None
        self._viewpoint: Viewpoint | None = None
        self._frames = 0
        self.stage = Stage(self.server)
        self.people = PeopleLayer(self.server, self.select)
        self.panel = Panel(self.server, span, self.people.switches, self)
        self.server.on_client_connect(self._follow)

    def heard(self, delay: float) -> None:
        """A window came, whether it is drawn or not; ``delay`` is that of its message [s]."""
        with self._lock:
            self.arrivals.add(self._clock(), delay)

    def show(self, view: WorldView) -> None:
        """Add a view to the timeline and, in live mode, draw it."""
        with self._lock:
            self.timeline.add(view)
            self._cameras = None
            self._frames += self.panel.live
            if self.panel.live:
                self._draw(view, new=True)

    def show_scene(self, cloud: Cloud) -> None:
        """Replace the static scene."""
        with self._lock:
            self._scene = cloud
            self.redraw_scene()

    def tell(
        self,
        notice: Notice | None,
        awaited: tuple[Awaited, ...] = (),
        cameras: tuple[CameraView, ...] | None = None,
    ) -> None:
        """Say how things stand; to be called about twice a second, for silence is news, too.

        Args:
            notice: what is wrong; None: nothing.
            awaited: what the page waits for before it can show anything.
            cameras: as they are now, while no window says it.
        """
        with self._lock:
            now = self._clock()
            if self.arrivals.late(now):
                self.arrivals.note_silence(now)
            self._notice, self._awaited, self._cameras = notice, awaited, cameras
            self.redraw()

    def redraw(self) -> None:
        """Draw what is shown once more."""
        with self._lock:
            self._draw(self.timeline.at(0.0 if self.panel.live else self.panel.ago), new=False)

    def redraw_scene(self) -> None:
        """Draw the static scene once more."""
        with self._lock, self.server.atomic():
            self.stage.cut, self.stage.visible, self.stage.muted = self.panel.cut, self.panel.scene, self.panel.muted
            if self._scene is not None:
                self.stage.show_scene(self._scene)

    def select(self, identity: int | None) -> None:
        """Lift somebody out in the scene, on the map and in the pictures; the same once more lets go."""
        with self._lock:
            self._selected = None if identity == self._selected else identity
            self.redraw()

    def export(self, rate: float = 10.0, progress: Callable[[float], None] = lambda done: None) -> tuple[str, int]:
        """The timeline as one HTML page that plays without a server, and the number of frames in it.

        Args:
            rate: frames per second at most.
            progress: is told which part is done, from 0 to 1.

        Raises:
            ValueError: nothing was shown yet.
        """
        with self._lock:
            views, scene = self.timeline.views, self._scene
        return as_html(views, scene, self._settings, rate=rate, progress=progress)

    def close(self) -> None:
        """Stop serving."""
        self._channel.close()

    def _draw(self, view: WorldView | None, new: bool) -> None:
        now = self._clock()
        live = self.panel.live
        fade = self.arrivals.freshness(now) if live and self.arrivals.silence(now) is not None else 1.0
        people = () if view is None else view.people
        cameras = () if view is None else view.cameras
        if live and self._cameras is not None:
            cameras, new = self._cameras, True
        selected = self._selected if any(person.id == self._selected for person in people) else None
        trails = {person.id: self.timeline.trail(person.id, TRAIL, view.stamp) for person in people} if view else {}
        situation = Situation(
            live=live,
            ago=0.0 if live else self.panel.ago,
            frame=self._frames,
            rate=self.arrivals.rate(now),
            usual=self.arrivals.usual(),
            fade=fade,
            selected=selected,
            notice=self._notice if live else None,
            awaited=self._awaited,
        )
        with self.server.atomic():
            self._frame(cameras)
            self.people.show(people, trails, selected=selected, fade=fade, viewpoint=self._viewpoint)
            self.stage.show_cameras(cameras)
            state = state_of(view, cameras, situation, trails, self.arrivals.samples, now)
            self._channel.send(state, images_of(cameras) if new or not live else None)

    def _frame(self, cameras: tuple[CameraView, ...]) -> None:
        """Look at the rig when it is first known, and when the world turned out to be elsewhere."""
        poses = [camera.world_from_camera for camera in cameras if camera.world_from_camera is not None]
        wanted = overview(poses)
        if wanted is None or (self._overview is not None and not wanted.far_from(self._overview)):
            return
        self._overview = wanted
        self._look_from(wanted.viewpoint)
        lookers: list[Any] = [self.server.initial_camera]
        lookers += [client.camera for client in self.server.get_clients().values()]
        for looker in lookers:
            looker.position, looker.look_at = wanted.position, wanted.center

    def _follow(self, client: viser.ClientHandle) -> None:
        """Labels and walls make way for whoever moved last."""
        client.camera.on_update(partial(self._on_camera, client))

    def _on_camera(self, client: viser.ClientHandle, _: Any) -> None:
        camera = client.camera
        with self._lock:
            self._look_from(Viewpoint(camera.position, camera.look_at, camera.fov, camera.image_height))

    def _look_from(self, viewpoint: Viewpoint) -> None:
        self._viewpoint = viewpoint
        self.stage.open_to(viewpoint.position)

    def _on_request(self, request: dict[str, Any]) -> None:
        identity = request.get('select')
        if 'select' in request and (identity is None or isinstance(identity, int)):
            with self._lock:
                self._selected = identity
                self.redraw()
