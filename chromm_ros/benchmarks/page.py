"""What an update of the page costs, and whether memory stays flat, with browsers that keep up and that do not."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import viser

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import Cloud
from chromm_ros.viewing.page import Page
from chromm_ros.viewing.thumbnails import thumbnail
from chromm_ros.viewing.view import CameraView, PersonView, WorldView

PERIOD = 0.1
"""Seconds between the stamps of two updates."""

SCENE_EVERY = 10
"""Updates from one scene to the next: the capture publishes it once a second."""

STAY = 200
"""Updates after which one person leaves and another comes."""

WIDTH = 240
"""Of the images [px]."""

SEES_ALL = np.array([[1.0, 0, 0, 2.0], [0, 0, 1.0, -6.0], [0, -1.0, 0, 1.5], [0, 0, 0, 1.0]])
"""World from a camera that has everybody in its picture."""

LENS = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]])

BROWSER = """
import asyncio, sys, websockets

async def listen(address, version, pause):
    async for socket in websockets.connect(address, max_size=None, subprotocols=[version], ping_interval=None):
        try:  # as a browser, it connects again when the server found it too slow
            async for _ in socket:
                await asyncio.sleep(float(pause))
        except websockets.ConnectionClosed:
            pass

asyncio.run(listen(*sys.argv[1:]))
"""


class Load:
    """Moving people, changing images and changing scenes.

    Args:
        people: on the page at once.
        cameras: with an image each.
        points: of the scene.
    """

    def __init__(self, people: int = 5, cameras: int = 4, points: int = 100_000) -> None:
        self._people, self._cameras = people, cameras
        body, still = BodyModel.load_proxy(), torch.eye(3).expand(52, 3, 3)
        self._joints = body.joints(torch.zeros(10), still).numpy()
        self._rotations = body.joint_rotations(still).numpy()
        self._points = np.random.default_rng(0).uniform(0, 1, (points, 3)).astype(np.float32)
        self._image = np.tile(np.arange(WIDTH, dtype=np.uint8)[None, :, None], (3 * WIDTH // 4, 1, 3))

    def view(self, step: int) -> WorldView:
        """The ``step``-th update."""
        image = thumbnail(np.roll(self._image, step, axis=1), WIDTH)
        cameras = (
            CameraView(f'camera_{n}', 'ok', SEES_ALL, 1.0, image, 10.0, size=(640, 480), intrinsics=LENS)
            for n in range(self._cameras)
        )
        return WorldView(round(step * PERIOD * 1e9), step, 0.1, tuple(self._crowd(step)), tuple(cameras))

    def scene(self, step: int) -> Cloud:
        """The scene at that time."""
        points = self._points + np.float32(0.001 * step % 0.1)
        return Cloud(points, (255 * self._points).astype(np.uint8), np.ones(len(points), np.float32))

    def _crowd(self, step: int) -> Iterator[PersonView]:
        for place in range(self._people):
            joints = self._joints + np.array([place, np.sin(step * PERIOD), 1.0])
            identity = place + step // STAY
            yield PersonView(
                identity, 'tracked', 0.9, joints, self._rotations, np.zeros(10), np.zeros(3), 1.7, ('camera_0',)
            )


def bench_page(
    updates: int = 1200, people: int = 5, cameras: int = 4, points: int = 100_000, port: int = 8081
) -> int:
    """Update the page as fast as it goes while one browser keeps up and another reads once a second.

    The time is CPU time of the thread that draws, so that other work on the machine does not count.

    Args:
        updates: how many; the first half fills the timeline, the second half shows whether memory grows.
        people: on the page.
        cameras: with an image each.
        points: of the scene, which is replaced every ten updates.
        port: on 127.0.0.1.
    """
    load = Load(people, cameras, points)
    page = Page(port=port, span=0.5 * PERIOD * min(updates, 1200))
    costs = []
    half = updates // 2
    before = 0.0
    with browsers(page, (0.0, 1.0)):
        for step in range(updates):
            if step == half:
                before = memory()
            costs.append(update(page, load, step))
    grown = memory() - before
    page.close()
    milliseconds = 1e3 * np.array(costs)
    print(f'{people} people, {cameras} cameras, {points} points, two browsers, {updates} updates')
    print(f'update     median {np.median(milliseconds):.1f} ms, 95 % {np.percentile(milliseconds, 95):.1f} ms')
    print(f'memory     {before + grown:.0f} MB, {grown:+.1f} MB over the second half')
    return 0


def update(page: Page, load: Load, step: int) -> float:
    """Draw one update, and the scene when it is due; returns the CPU seconds of this thread."""
    view, scene = load.view(step), load.scene(step) if step % SCENE_EVERY == 0 else None
    started = time.thread_time()
    if scene is not None:
        page.show_scene(scene)
    page.heard(view.delay)
    page.show(view)
    spent = time.thread_time() - started
    time.sleep(0.002)  # the thread that serves needs the interpreter, too
    return spent


@contextmanager
def browsers(page: Page, pauses: tuple[float, ...]) -> Iterator[None]:
    """Processes that read the page as browsers do, each waiting for so many seconds after every message."""
    address = f'ws://127.0.0.1:{page.server.get_port()}'
    version = f'viser-v{viser.__version__}'
    running = [subprocess.Popen([sys.executable, '-c', BROWSER, address, version, str(pause)]) for pause in pauses]
    try:
        time.sleep(2.0)
        yield
    finally:
        for browser in running:
            browser.kill()
            browser.wait()


def memory() -> float:
    """Resident megabytes of this process."""
    with open('/proc/self/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmRSS')) / 1024
