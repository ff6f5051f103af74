"""The browser page: the world as a capture publishes it, live or a little while ago."""

from __future__ import annotations

import io
import socket
import threading
import time
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import viser
import viser.uplot
from scipy.spatial.transform import Rotation

from chromm_ros.flow import Cloud
from chromm_ros.settings import UsageError
from chromm_ros.viewing.framing import FOV, Overview, overview
from chromm_ros.viewing.people_layer import PeopleLayer
from chromm_ros.viewing.tables import camera_table, people_line, person_table
from chromm_ros.viewing.thumbnails import pixels_of
from chromm_ros.viewing.view import CameraView, Timeline, WorldView

FRUSTUM = 0.5
"""Length of a drawn camera [m]."""

CUT, UNCUT = 1.2, 5.0
"""Height [m] above which the scene is not drawn at first, so that one looks into a room; at the second, all is."""

POINT = 0.03
"""Size of a drawn scene point [m]."""

TRAIL = 8.0
"""Seconds of a drawn trail."""

PLOT = 120
"""Points in the plots of delay and rate."""

STATE_COLORS = {'ok': (40, 170, 90), 'stale': (230, 170, 30)}
BROKEN_COLOR = (210, 50, 50)


class Page:
    """A viser server that shows :class:`WorldView` s and a scene cloud.

    All methods may be called from any thread; drawing is serialised.
    """

    def __init__(self, host: str = '127.0.0.1', port: int = 8080, *, span: float = 60.0):
        """Serve on ``http://host:port``; ``span`` seconds can be looked at again.

        Raises:
            OSError: the port is in use.
        """
        check_port(host, port)
        self.timeline = Timeline(span)
        with redirect_stdout(io.StringIO()):  # viser announces itself whatever ``verbose`` says
            self.server = viser.ViserServer(host=host, port=port, label='chromm', verbose=False)
        self._lock = threading.RLock()
        self._frusta: dict[str, viser.CameraFrustumHandle] = {}
        self._drawn: dict[str, bytes] = {}
        self._cloud: viser.PointCloudHandle | None = None
        self._scene: Cloud | None = None
        self._selected: int | None = None
        self._overview: Overview | None = None
        self._frames = 0
        self._set_stage()
        self.people = PeopleLayer(self.server, self._select)
        self._build_panel()

    def show(self, view: WorldView) -> None:
        """Add a view to the timeline and, in live mode, draw it."""
        with self._lock:
            self.timeline.add(view)
            if self._live.value:
                self._draw(view)
            self._draw_plots()

    def show_scene(self, cloud: Cloud) -> None:
        """Replace the static scene."""
        with self._lock:
            self._scene = cloud
            self._draw_scene()

    def export(self, path: Path, rate: float = 10.0) -> int:
        """Write the timeline as one HTML file that plays without a server; returns the number of frames."""
        html, frames = self._as_html(rate)
        path.write_text(html)
        return frames

    def close(self) -> None:
        """Stop serving."""
        with redirect_stdout(io.StringIO()):
            self.server.stop()

    def _set_stage(self) -> None:
        scene = self.server.scene
        scene.set_up_direction('+z')
        # The lights of viser bleach the colours by which people are told apart.
        scene.configure_default_lights(enabled=False)
        scene.configure_environment_map(None)
        scene.add_light_hemisphere('/lights/sky', ground_color=(140, 140, 140), intensity=2.5)
        scene.add_light_directional('/lights/sun', intensity=2.0, position=(3.0, -4.0, 6.0), cast_shadow=False)
        scene.add_grid('/floor', width=12.0, height=12.0, plane='xy', cell_color=(220, 220, 220))
        self.server.initial_camera.fov = FOV
        self.server.gui.main_panel.dock_right()
        self.server.gui.configure_theme(show_share_button=False)  # sharing would ask the internet for a tunnel

    def _build_panel(self) -> None:
        gui = self.server.gui
        self._status = gui.add_markdown('waiting for the first window')
        with gui.add_folder('Time'):
            self._live = gui.add_checkbox('Live', True)
            self._ago = gui.add_slider('seconds ago', 0.0, self.timeline.span, 0.1, 0.0)
            save = gui.add_button('Save this minute as HTML')
        with gui.add_folder('Show', expand_by_default=False):
            self._show_scene = gui.add_checkbox('Scene', True)
            self._cut = gui.add_slider('up to [m]', 0.0, UNCUT, 0.1, CUT)
            switches = {
                name: gui.add_checkbox(name.capitalize(), getattr(self.people.switches, name))
                for name in ('meshes', 'skeletons', 'capsules', 'labels', 'trails')
            }
        with gui.add_folder('Cameras'):
            self._health = gui.add_markdown('none yet')
        with gui.add_folder('Person'):
            self._person = gui.add_markdown('click on a person')
        with gui.add_folder('Delay and rate'):
            self._delays = _plot(gui, 'delay [ms]', '#c33')
            self._rates = _plot(gui, 'windows/s', '#36c')
        for name, box in switches.items():
            box.on_update(partial(self._on_switch, name))
        self._show_scene.on_update(lambda _: self._draw_scene())
        self._cut.on_update(lambda _: self._draw_scene())
        self._live.on_update(lambda _: self._redraw())
        self._ago.on_update(lambda _: self._look_back())
        save.on_click(self._download)

    def _frame(self, view: WorldView) -> None:
        """Look at the rig when it is first known, and when the world turned out to be elsewhere."""
        poses = [camera.world_from_camera for camera in view.cameras if camera.world_from_camera is not None]
        wanted = overview(poses)
        if wanted is None or (self._overview is not None and not wanted.far_from(self._overview)):
            return
        self._overview = wanted
        cameras: list[Any] = [self.server.initial_camera]
        cameras += [client.camera for client in self.server.get_clients().values()]
        for camera in cameras:
            camera.position, camera.look_at = wanted.position, wanted.center

    def _draw(self, view: WorldView) -> None:
        self._frames += 1
        self._frame(view)
        trails = {person.id: self.timeline.trail(person.id, TRAIL, view.stamp) for person in view.people}
        with self.server.atomic():
            self.people.show(view.people, trails)
            for camera in view.cameras:
                self._draw_camera(camera)
        self._status.content = (
            f'**window {view.window}** &nbsp; frame {self._frames}  \n'
            f'{people_line(view)}, {self.timeline.rate():.1f} windows/s, delay {1e3 * view.delay:.0f} ms'
        )
        self._health.content = camera_table(view.cameras)
        chosen = next((person for person in view.people if person.id == self._selected), None)
        if chosen is not None:
            self._person.content = person_table(chosen)

    def _draw_scene(self) -> None:
        with self._lock, self.server.atomic():
            if self._scene is None:
                return
            kept = slice(None) if self._cut.value >= UNCUT else self._scene.points[:, 2] <= self._cut.value
            points, colors = self._scene.points[kept].astype(np.float32), self._scene.colors[kept]
            if self._cloud is None:
                self._cloud = self.server.scene.add_point_cloud(
                    '/scene', points, colors, point_size=POINT, point_shape='rounded', precision='float32'
                )
            else:
                self._cloud.points, self._cloud.colors = points, colors
            if self._cloud.visible != self._show_scene.value:
                self._cloud.visible = self._show_scene.value

    def _draw_camera(self, camera: CameraView) -> None:
        frustum = self._frusta.get(camera.name)
        if camera.world_from_camera is None:
            if frustum is not None:
                frustum.visible = False
            return
        quaternion = np.roll(Rotation.from_matrix(camera.world_from_camera[:3, :3]).as_quat(), 1)
        position = camera.world_from_camera[:3, 3]
        color = STATE_COLORS.get(camera.state, BROKEN_COLOR)
        if frustum is None:
            height, width = (3, 4) if camera.jpeg is None else pixels_of(camera.jpeg).shape[:2]
            frustum = self._frusta[camera.name] = self.server.scene.add_camera_frustum(
                f'/cameras/{camera.name}',
                fov=camera.fov_y,
                aspect=width / height,
                scale=FRUSTUM,
                color=color,
                format='jpeg',
                jpeg_quality=70,
                cast_shadow=False,
                receive_shadow=False,
            )
        frustum.visible = True
        frustum.wxyz, frustum.position, frustum.color = quaternion, position, color
        if camera.jpeg is not None and camera.jpeg is not self._drawn.get(camera.name):
            frustum.image = pixels_of(camera.jpeg)
            self._drawn[camera.name] = camera.jpeg

    def _draw_plots(self) -> None:
        views = self.timeline.views[-PLOT:]
        if len(views) < 3:
            return
        stamps = 1e-9 * np.array([view.stamp - views[-1].stamp for view in views])
        delays = 1e3 * np.array([view.delay for view in views])
        rates = 1.0 / np.maximum(np.diff(stamps, prepend=stamps[0] - (stamps[1] - stamps[0])), 1e-3)
        self._delays.data, self._rates.data = (stamps, delays), (stamps, rates)

    def _redraw(self) -> None:
        with self._lock:
            view = self.timeline.at(0.0 if self._live.value else self._ago.value)
            if view is not None:
                self._draw(view)

    def _look_back(self) -> None:
        if self._ago.value > 0:
            # viser's handles are written through __setattr__, which mypy cannot see
            self._live.value = False  # type: ignore[misc]
        self._redraw()

    def _on_switch(self, name: str, event: viser.GuiEvent[Any]) -> None:
        self._switch(name, event.target.value)

    def _switch(self, name: str, value: bool) -> None:
        setattr(self.people.switches, name, value)
        self._redraw()

    def _select(self, identity: int) -> None:
        self._selected = identity
        self._redraw()

    def _download(self, event: viser.GuiEvent[viser.GuiButtonHandle]) -> None:
        html, _ = self._as_html(10.0)
        if event.client is not None:
            event.client.send_file_download(f'chromm_{time.strftime("%Y%m%d_%H%M%S")}.html', html.encode())

    def _as_html(self, rate: float) -> tuple[str, int]:
        """The timeline thinned to ``rate`` frames per second, as a page that plays by itself."""
        with self._lock:
            views = _thinned(self.timeline.views, rate)
            recording = self.server.get_scene_serializer()
            try:
                with self.server.atomic():  # browsers that look on see nothing of it
                    for view, following in zip(views, (*views[1:], None)):
                        self._draw(view)
                        recording.insert_sleep(1e-9 * (following.stamp - view.stamp) if following else 1.0 / rate)
                    self._redraw()
            finally:
                html = recording.as_html()  # ends it, or it would take in whatever is drawn from now on
            return html, len(views)


def _plot(gui: viser.GuiApi, name: str, color: str) -> viser.GuiUplotHandle:
    """A curve over the seconds before the newest window."""
    series = (viser.uplot.Series(label='s'), viser.uplot.Series(label=name, stroke=color, width=2))
    return gui.add_uplot((np.zeros(1), np.zeros(1)), series, scales={'x': viser.uplot.Scale(time=False)}, aspect=2.5)


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken; viser itself would silently take the next free one.

    Raises:
        UsageError: there is no such port.
        OSError: the port is in use, or the host has no such address.
    """
    if not 1 <= port <= 65535:
        raise UsageError(f'port is {port}; it must be between 1 and 65535')
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(f'port {port} is in use on {host}; stop what uses it, or choose another port') from error


def _thinned(views: tuple[WorldView, ...], rate: float) -> list[WorldView]:
    kept: list[WorldView] = []
    for view in views:
        if not kept or view.stamp - kept[-1].stamp >= 0.99e9 / rate:
            kept.append(view)
    return kept
