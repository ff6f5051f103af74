"""The panel beside the scene: time, what is shown, saving."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import viser

from chromm_ros.viewing.people_layer import Switches
from chromm_ros.viewing.stage import CUT, UNCUT

if TYPE_CHECKING:
    from chromm_ros.viewing.stage import Stage

CIRCLE = 12.0
"""Seconds in which the camera path goes around the room once."""


class Shown(Protocol):
    """What the panel needs of the page."""

    stage: Stage

    def redraw(self) -> None: ...

    def redraw_scene(self) -> None: ...

    def export(self, rate: float = ..., progress: Callable[[float], None] = ...) -> tuple[str, int]: ...


class Panel:
    """Builds the elements and says what was chosen."""

    def __init__(self, server: viser.ViserServer, span: float, switches: Switches, page: Shown):
        self._server = server
        self._page = page
        self._switches = switches
        self._saving = threading.Lock()
        gui = server.gui
        gui.main_panel.dock_right()
        gui.configure_theme(show_share_button=False, show_logo=False)  # sharing would ask the internet for a tunnel
        with gui.add_folder('Time'):
            self._live = gui.add_checkbox('Live', True)
            self._ago = gui.add_slider('seconds ago', 0.0, span, 0.1, 0.0)
            self.save = gui.add_button('Save this minute as HTML')
            self._progress = gui.add_progress_bar(0.0, visible=False)
            self._said = gui.add_markdown('', visible=False)
        with gui.add_folder('Show', expand_by_default=False):
            self._scene = gui.add_checkbox('Scene', True)
            self._cut = gui.add_slider('up to [m]', 0.0, UNCUT, 0.1, CUT)
            boxes = {
                name: gui.add_checkbox(name.capitalize(), getattr(switches, name))
                for name in ('meshes', 'skeletons', 'capsules', 'labels', 'trails')
            }
        with gui.add_folder('Look', expand_by_default=False):
            self._muted = gui.add_checkbox('Muted scene', True)
            dark = gui.add_checkbox('Dark', False)
            shadows = gui.add_checkbox('Shadows', False)
            circle = gui.add_button('Go around the room once')
        for name, box in boxes.items():
            box.on_update(partial(self._on_switch, name))
        self._scene.on_update(lambda _: page.redraw_scene())
        self._muted.on_update(lambda _: page.redraw_scene())
        self._cut.on_update(lambda _: page.redraw_scene())
        self._live.on_update(lambda _: page.redraw())
        self._ago.on_update(lambda _: self._look_back())
        self.save.on_click(self._save)
        dark.on_update(lambda _: gui.configure_theme(show_share_button=False, show_logo=False, dark_mode=dark.value))
        shadows.on_update(lambda _: page.stage.cast_shadows(shadows.value))
        circle.on_click(self._go_around)

    @property
    def live(self) -> bool:
        """Whether what is new is drawn."""
        return self._live.value

    @property
    def ago(self) -> float:
        """How far to look back [s]."""
        return self._ago.value

    @property
    def scene(self) -> bool:
        """Whether the static scene is drawn."""
        return self._scene.value

    @property
    def muted(self) -> bool:
        """Whether the static scene is paler than what the cameras see."""
        return self._muted.value

    @property
    def cut(self) -> float:
        """Height above which it is not [m]."""
        return self._cut.value

    def switch(self, name: str, value: bool) -> None:
        """Show or hide a part of the people."""
        setattr(self._switches, name, value)
        self._page.redraw()

    def _on_switch(self, name: str, event: viser.GuiEvent[Any]) -> None:
        self.switch(name, event.target.value)

    def _look_back(self) -> None:
        if self._ago.value > 0:
            # viser's handles are written through __setattr__, which mypy cannot see
            self._live.value = False  # type: ignore[misc]
        self._page.redraw()

    def _save(self, event: viser.GuiEvent[viser.GuiButtonHandle]) -> None:
        """One click: the browser that asked gets the file as soon as it is made."""
        if event.client is None or not self._saving.acquire(blocking=False):
            return
        try:
            self.save.disabled = self._progress.visible = True
            self._said.visible = False
            html, frames = self._page.export(progress=self._show_progress)
            name = f'chromm_{time.strftime("%Y%m%d_%H%M%S")}.html'
            event.client.send_file_download(name, html.encode(), save_immediately=True)
            self._say(f'{name}: {frames} frames, {len(html) / 1e6:.1f} MB')
        except ValueError as error:
            self._say(str(error))
        finally:
            self.save.disabled = self._progress.visible = False
            self._saving.release()

    def _say(self, text: str) -> None:
        self._said.content, self._said.visible = text, True

    def _show_progress(self, done: float) -> None:
        self._progress.value = 100.0 * done  # type: ignore[misc]  # as above

    @staticmethod
    def _go_around(event: viser.GuiEvent[viser.GuiButtonHandle]) -> None:
        """Move the camera of the browser that asked in a circle around what it looks at, for a film of the screen."""
        if event.client is None:
            return
        camera = event.client.camera
        center, start = camera.look_at.copy(), camera.position.copy()
        began = time.monotonic()
        while (turned := (time.monotonic() - began) / CIRCLE) < 1.0:
            camera.position = center + _about_z(start - center, 2 * np.pi * turned)
            camera.look_at = center
            time.sleep(1 / 30)
        camera.position, camera.look_at = start, center


def _about_z(vector: np.ndarray, angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1], vector[2]])
