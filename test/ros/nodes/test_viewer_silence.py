"""What the page says when what feeds it hangs, ends or comes back: all of it processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from browser import opened
from live_rig import CaptureProcess, LiveRig

from chromm_ros.viewing.server import free_port

PATIENCE = 120.0
PARAMETERS = ('cameras:=[a, b, c]', 'sync_slop:=0.02', 'camera_timeout:=1.0')


@pytest.fixture
def rig():
    made = LiveRig()
    made.sending = 'abc'
    stop = threading.Event()

    def send():
        while not stop.wait(0.1):
            made.send(made.sending)

    thread = threading.Thread(target=send)
    thread.start()
    yield made
    stop.set()
    thread.join()
    made.close()


def start_viewer(port):
    words = ['--ros-args', '-p', f'port:={port}', '-p', 'cameras:=[a, b, c]']
    return subprocess.Popen(
        [sys.executable, '-m', 'chromm_ros.ros.nodes.viewer_node', *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )


def says(page, part, *words, absent=()):
    """Wait until a part of the page holds all of these words, and none of the others."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        text = page.evaluate(
            f'(() => {{ const e = document.querySelector("#chromm .{part}");'
            ' return !e || e.hidden ? "" : e.innerText; })()'
        )
        if all(word in text for word in words) and not any(word in text for word in absent):
            return text
        time.sleep(0.2)
    raise AssertionError(f'{part} of the page says {text!r}, not {words}')


@pytest.mark.slow
@pytest.mark.serial
def test_the_page_never_shows_what_is_old_as_if_it_were_new(rig, tmp_path):
    port = free_port()
    viewer = start_viewer(port)
    capture = None
    try:
        wait_for_port(port)
        with opened(f'http://127.0.0.1:{port}', 700, 420) as page:
            says(page, 'awaited', '/chromm/humans', 'nobody publishes it', '/a/image')
            says(page, 'banner', 'no window yet', '/chromm is not running')

            capture = CaptureProcess(*PARAMETERS, log=tmp_path / 'capture.txt')
            says(page, 'now', 'live', '2 people', absent=('last seen',))
            until(lambda: says(page, 'banner') == '')  # its reasons are asked for every half second

            rig.sending = 'ab'
            says(page, 'banner', 'lost c', 'missing for')
            says(page, 'now', 'live')
            rig.sending = 'abc'
            says(page, 'now', 'live')

            capture.process.send_signal(signal.SIGSTOP)
            says(page, 'banner', 'no window for', 'hangs')
            says(page, 'now', 'not live', 'last seen', absent=('· live',))
            says(page, 'strip', 'unknown')
            until(lambda: page.evaluate('document.querySelectorAll("#chromm .person").length') == 0)
            capture.process.send_signal(signal.SIGCONT)
            says(page, 'now', 'live', absent=('not live',))

            capture.kill()
            says(page, 'banner', 'no window for')
            capture = CaptureProcess(*PARAMETERS, log=tmp_path / 'capture.txt')
            says(page, 'now', 'live', absent=('not live',))

            viewer.send_signal(signal.SIGSTOP)
            says(page, 'banner', 'the viewer has not answered')
            viewer.send_signal(signal.SIGCONT)
            says(page, 'now', 'live', absent=('not live',))

            viewer.kill()
            viewer.wait()
            says(page, 'banner', 'no connection to the viewer', 'this is what it showed before')
            viewer = start_viewer(port)
            says(page, 'now', 'live', absent=('not live',))  # by itself
    finally:
        viewer.kill()
        viewer.wait()
        if capture is not None:
            capture.kill()


def until(happened):
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def wait_for_port(port):
    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', port)) == 0

    until(listens)
