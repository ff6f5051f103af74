"""The server of the page: viser's, with a page of our own and a channel to what we add to it."""

from __future__ import annotations

import io
import json
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import viser
import viser.infra

from chromm_ros.settings import UsageError
from chromm_ros.viewing.client import version, viser_page
from chromm_ros.viewing.overlay import as_json

_starting = threading.Lock()


class PageServer:
    """viser's server with our page.

    Raises:
        UsageError: there is no such port.
        OSError: the port is in use, or the host has no such address.
    """

    def __init__(self, host: str, port: int, on_request: Callable[[dict[str, Any]], None]):
        check_port(host, port)
        self._folder = tempfile.TemporaryDirectory(prefix='chromm_page_')
        (Path(self._folder.name) / 'index.html').write_text(viser_page())
        self.viser = _started(host, port, Path(self._folder.name))
        gui = self.viser.gui
        # Elements that are not visible cost the browser nothing; its script reads them as they arrive.
        self._state = gui.add_html('<!--chromm state-->', visible=False)
        self._images = gui.add_html('<!--chromm images-->', visible=False)
        request = gui.add_text('chromm request', '', visible=False)
        request.on_update(lambda event: _hear(event.target.value, on_request))

    def send(self, state: dict[str, Any], images: dict[str, str] | None = None) -> None:
        """Have every browser show this."""
        self._state.content = f'<!--chromm state-->{as_json({**state, "version": version()})}'
        if images is not None:
            self._images.content = f'<!--chromm images-->{as_json(images)}'

    def close(self) -> None:
        """Stop serving."""
        with redirect_stdout(io.StringIO()):
            self.viser.stop()
        self._folder.cleanup()


def check_port(host: str, port: int) -> None:
    """Whether a port can be served on; viser itself would silently take the next free one.

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


def free_port() -> int:
    """A port on 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def _started(host: str, port: int, folder: Path) -> viser.ViserServer:
    original = viser.infra.WebsockServer

    class ServesOurPage(original):  # type: ignore[valid-type,misc]
        """viser has no argument for the page that it serves."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **{**options, 'http_server_root': folder})

    # viser announces itself whatever ``verbose`` says
    with _starting, redirect_stdout(io.StringIO()):
        viser.infra.WebsockServer = ServesOurPage  # type: ignore[misc]
        try:
            return viser.ViserServer(host=host, port=port, label='chromm', verbose=False)
        finally:
            viser.infra.WebsockServer = original  # type: ignore[misc]


def _hear(text: str, on_request: Callable[[dict[str, Any]], None]) -> None:
    """What a browser asks for; whoever reaches the port can send anything."""
    try:
        request = json.loads(text)
    except ValueError:
        return
    if isinstance(request, dict):
        on_request(request)
