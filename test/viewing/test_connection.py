"""The page finds its server again when connections take longer than viser's client waits before it begins anew."""

import contextlib
import socket
import threading
import time

import pytest
from browser import opened

from chromm_ros.viewing.page import Page
from chromm_ros.viewing.server import free_port

SLOW = 2.0
"""Seconds that a connection takes; viser's own client drops every attempt after one."""


class SlowNetwork:
    """Relays connections to a server, websockets after :attr:`delay` seconds."""

    def __init__(self, target):
        self.delay = 0.0
        self._target = target
        self._open = []
        self._listener = socket.create_server(('127.0.0.1', free_port()))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self):
        """Cut all connections."""
        for end in self._open:
            close(end)

    def close(self):
        close(self._listener)
        self.drop()

    def _accept(self):
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(browser,), daemon=True).start()

    def _connect(self, browser):
        first = browser.recv(65536)
        if b'websocket' in first:
            time.sleep(self.delay)
        server = socket.create_connection(('127.0.0.1', self._target))
        self._open += [browser, server]
        try:
            server.sendall(first)
        except OSError:
            return
        threading.Thread(target=relay, args=(browser, server), daemon=True).start()
        relay(server, browser)


def relay(source, sink):
    with contextlib.suppress(OSError):  # one of the ends was cut
        while data := source.recv(65536):
            sink.sendall(data)
    close(source)
    close(sink)


def close(end):
    with contextlib.suppress(OSError):  # it is closed already
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@pytest.mark.slow
@pytest.mark.serial
def test_a_slow_network_is_found_again():
    page = Page(port=free_port())
    network = SlowNetwork(page.server.get_port())
    try:
        with opened(f'http://127.0.0.1:{network.port}', 300, 200) as browser:
            browser.wait_for_function('chromm.connection.connected')
            network.delay = SLOW
            network.drop()
            browser.wait_for_function('!chromm.connection.connected')
            browser.wait_for_function('chromm.connection.connected')
    finally:
        network.close()
        page.close()
