"""The browser page: the world as a capture publishes it, live or a little while ago."""

from __future__ import annotations

import io
import socket
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import viser
import viser.uplot
from scipy.spatial.transform import Rotation

from chromm_ros.flow import Cloud
from chromm_ros.viewing.colors import identity_color
from chromm_ros.viewing.people_layer import PeopleLayer
from chromm_ros.viewing.view import CameraView, PersonView, Timeline, WorldView

FRUSTUM = 0.35
"""Length of a drawn camera [m]."""

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
        self.server = viser.ViserServer(host=host, port=port, label='chromm', verbose=False)
        self._lock = threading.RLock()
        self._frusta: dict[str, viser.CameraFrustumHandle] = {}
        self._cloud: viser.PointCloudHandle | None = None
        self._selected: int | None = None
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
        with self._lock, self.server.atomic():
            points = cloud.points.astype(np.float32)
            if self._cloud is None:
                self._cloud = self.server.scene.add_point_cloud(
                    '/scene', points, cloud.colors, point_size=0.02, point_shape='rounded', precision='float32'
                )
            else:
                self._cloud.points = points
                self._cloud.colors = cloud.colors
            self._cloud.visible = self._show_scene.value

    def export(self, path: Path, rate: float = 10.0) -> int:
        """Write the timeline as one HTML file that plays without a server; returns the number of frames."""
        html, frames = self._as_html(rate)
        path.write_text(html)
        return frames

    def close(self) -> None:
        """Stop serving."""
        self.server.stop()

    def _set_stage(self) -> None:
        scene = self.server.scene
        scene.set_up_direction('+z')
        scene.configure_default_lights(cast_shadow=False)
        scene.add_grid('/floor', width=12.0, height=12.0, plane='xy', cell_color=(220, 220, 220))
        self.server.initial_camera.position = (4.0, -5.0, 7.5)
        self.server.initial_camera.look_at = (0.0, 0.0, 0.5)

    def _build_panel(self) -> None:
        gui = self.server.gui
        self._status = gui.add_markdown('waiting for the first window')
        with gui.add_folder('Time'):
            self._live = gui.add_checkbox('Live', True)
            self._ago = gui.add_slider('seconds ago', 0.0, self.timeline.span, 0.1, 0.0)
            save = gui.add_button('Save this minute as HTML')
        with gui.add_folder('Show'):
            self._show_scene = gui.add_checkbox('Scene', True)
            switches = {
                name: gui.add_checkbox(name.capitalize(), getattr(self.people.switches, name))
                for name in ('meshes', 'skeletons', 'capsules', 'labels', 'trails')
            }
        with gui.add_folder('Cameras'):
            self._health = gui.add_markdown('none yet')
        with gui.add_folder('Person'):
            self._person = gui.add_markdown('click on a person')
        with gui.add_folder('Delay and rate'):
            none = (np.zeros(1), np.zeros(1), np.zeros(1))
            self._plot = gui.add_uplot(
                none,
                (
                    viser.uplot.Series(label='s ago'),
                    viser.uplot.Series(label='delay [ms]', stroke='#c33', width=2),
                    viser.uplot.Series(label='windows/s x 100', stroke='#36c', width=2),
                ),
                aspect=1.6,
            )
        for name, box in switches.items():
            box.on_update(partial(self._on_switch, name))
        self._show_scene.on_update(lambda _: self._redraw())
        self._live.on_update(lambda _: self._redraw())
        self._ago.on_update(lambda _: self._look_back())
        save.on_click(self._download)

    def _draw(self, view: WorldView) -> None:
        self._frames += 1
        trails = {person.id: self.timeline.trail(person.id, TRAIL, view.stamp) for person in view.people}
        with self.server.atomic():
            self.people.show(view.people, trails)
            for camera in view.cameras:
                self._draw_camera(camera)
            if self._cloud is not None and self._cloud.visible != self._show_scene.value:
                self._cloud.visible = self._show_scene.value
        self._status.content = (
            f'**window {view.window}** &nbsp; frame {self._frames}  \n'
            f'{len(view.people)} people, {self.timeline.rate():.1f} windows/s, delay {1e3 * view.delay:.0f} ms'
        )
        self._health.content = _camera_table(view.cameras)
        chosen = next((person for person in view.people if person.id == self._selected), None)
        if chosen is not None:
            self._person.content = _person_table(chosen)

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
            aspect = 4 / 3 if camera.image is None else camera.image.shape[1] / camera.image.shape[0]
            frustum = self._frusta[camera.name] = self.server.scene.add_camera_frustum(
                f'/cameras/{camera.name}',
                fov=camera.fov_y,
                aspect=aspect,
                scale=FRUSTUM,
                color=color,
                format='jpeg',
                jpeg_quality=70,
                cast_shadow=False,
                receive_shadow=False,
            )
        frustum.visible = True
        frustum.wxyz, frustum.position, frustum.color = quaternion, position, color
        if camera.image is not None:
            frustum.image = camera.image

    def _draw_plots(self) -> None:
        views = self.timeline.views[-PLOT:]
        if len(views) < 3:
            return
        stamps = 1e-9 * np.array([view.stamp - views[-1].stamp for view in views])
        delays = 1e3 * np.array([view.delay for view in views])
        rates = 100.0 / np.maximum(np.diff(stamps, prepend=stamps[0] - (stamps[1] - stamps[0])), 1e-3)
        self._plot.data = (stamps, delays, rates)

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
            serializer = self.server.get_scene_serializer()
            for view, following in zip(views, (*views[1:], None)):
                self._draw(view)
                serializer.insert_sleep(1e-9 * (following.stamp - view.stamp) if following else 1.0 / rate)
            self._redraw()
            return serializer.as_html(), len(views)


def check_port(host: str, port: int) -> None:
    """Refuse a port that is taken; viser itself would silently take the next free one.

    Raises:
        OSError: the port is in use, or the host has no such address.
    """
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


def _camera_table(cameras: tuple[CameraView, ...]) -> str:
    out = io.StringIO()
    out.write('| camera | state | Hz |\n|---|---|---|\n')
    for camera in cameras:
        out.write(f'| {camera.name} | {camera.state} | {camera.rate:.1f} |\n')
    return out.getvalue()


def _person_table(person: PersonView) -> str:
    color = '#{:02x}{:02x}{:02x}'.format(*identity_color(person.id))
    x, y, z = person.joints[0]
    speed = float(np.linalg.norm(person.velocity))
    rows = (
        ('state', f'{person.state}, confidence {person.confidence:.2f}'),
        ('pelvis', f'{x:.2f}, {y:.2f}, {z:.2f} m'),
        ('speed', f'{speed:.2f} m/s'),
        ('height', f'{person.height:.2f} m'),
        ('seen by', ', '.join(person.cameras) or 'nobody'),
    )
    head = f'<span style="color:{color}">**person {person.id}**</span>\n\n| | |\n|---|---|\n'
    return head + '\n'.join(f'| {name} | {value} |' for name, value in rows)
