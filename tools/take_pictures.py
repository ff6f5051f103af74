"""Take the picture of the demo's page that the README shows: docs/images/page.png.

    python tools/take_pictures.py [--seconds 40] [--seed 0]

Needs the development requirements and a Chromium browser.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import tyro
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / 'test' / 'support'))

from browser import frame_number, opened  # noqa: E402 - the tests and this tool share one browser

from chromm_ros.recording.pages import free_port  # noqa: E402

COLORS = 192
"""A palette this large is hardly seen and makes the file three times smaller."""


def take(seconds: float = 40.0, seed: int = 0, output: Path = ROOT / 'docs' / 'images' / 'page.png') -> None:
    """Run the demo, let the scene fill for some seconds, and take the picture.

    Args:
        seconds: before the picture.
        seed: of the demo.
        output: PNG file.
    """
    port = free_port()
    demo = subprocess.Popen(
        [sys.executable, '-m', 'chromm_ros.cli', 'demo', '--seed', str(seed), '--port', str(port)]
    )
    try:
        _wait_for_page(port, demo)
        with opened(f'http://127.0.0.1:{port}', 1200, 640) as page:
            frame_number(page)
            time.sleep(seconds)
            page.screenshot(path=output, timeout=180_000)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait()
    Image.open(output).convert('RGB').quantize(COLORS).save(output, optimize=True)
    print(f'{output}: {output.stat().st_size // 1024} kB')


def _wait_for_page(port: int, demo: subprocess.Popen[bytes]) -> None:
    while demo.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.5)
    raise RuntimeError('the demo ended by itself')


if __name__ == '__main__':
    tyro.cli(take)
