"""Take the picture of the demo's page that the README shows: docs/images/page.png.

    python tools/take_pictures.py [--seconds 20] [--seed 0] [--people 3]

Needs the development requirements and a Chromium browser.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import tyro
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / 'test' / 'support'))

from browser import frame_number, opened  # noqa: E402 - the tests and this tool share one browser

from chromm_ros.viewing.server import free_port  # noqa: E402

TRIES = 4
"""Pictures that are taken at most until one has everybody on it."""

COLORS = 256
"""A palette this large is hardly seen and makes the file three times smaller."""


def take(
    seconds: float = 20.0, seed: int = 0, people: int = 3, output: Path = ROOT / 'docs' / 'images' / 'page.png'
) -> None:
    """Run the demo, let the scene fill for some seconds, and take the picture.

    Args:
        seconds: before the picture.
        seed: of the demo.
        people: in the room; the picture waits until the page shows as many.
        output: PNG file.
    """
    port = free_port()
    options = {'--seed': seed, '--people': people, '--port': port}
    words = [str(word) for pair in options.items() for word in pair]
    demo = subprocess.Popen([sys.executable, '-m', 'chromm_ros.cli', 'demo', *words])
    try:
        _wait_for_page(port, demo)
        with opened(f'http://127.0.0.1:{port}', 1200, 640) as page:
            frame_number(page)
            time.sleep(seconds)
            for _ in range(TRIES):
                _wait_for_people(page, people)
                page.screenshot(path=output, timeout=180_000)
                if _all_shown(page, people):  # still: a picture takes as long as a window
                    break
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait()
    Image.open(output).convert('RGB').quantize(COLORS, dither=Image.Dither.FLOYDSTEINBERG).save(output, optimize=True)
    print(f'{output}: {output.stat().st_size // 1024} kB')


def _wait_for_people(page: Any, people: int) -> None:
    """Until everybody is seen, for a while."""
    deadline = time.monotonic() + 20.0
    while not _all_shown(page, people) and time.monotonic() < deadline:
        time.sleep(0.1)


def _all_shown(page: Any, people: int) -> bool:
    return re.search(rf'\b{people} people', page.inner_text('body')) is not None


def _wait_for_page(port: int, demo: subprocess.Popen[bytes]) -> None:
    while demo.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.5)
    raise RuntimeError('the demo ended by itself')


if __name__ == '__main__':
    tyro.cli(take)
