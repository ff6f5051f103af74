"""A headless browser that looks at the viewer's page."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from optional import need_package, need_program
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Without the flags against background traffic Chromium keeps trying to reach the network.
FLAGS = [
    '--no-sandbox',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--use-angle=swiftshader',
    '--enable-unsafe-swiftshader',
]


PATIENCE = 180_000
"""Milliseconds: without graphics hardware, on a busy machine, a frame takes many seconds."""


@contextmanager
def opened(url: str, width: int = 1000, height: int = 560) -> Iterator[Page]:
    """The page at ``url`` in a fresh browser."""
    need_package('playwright')
    executable = need_program('chromium', 'google-chrome', advice='sudo apt install chromium')
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(executable), args=FLAGS)
        try:
            page = browser.new_page(viewport={'width': width, 'height': height})
            page.set_default_timeout(PATIENCE)
            page.goto(url)
            hide_notes(page)
            yield page
        finally:
            browser.close()


def hide_notes(page: Page) -> None:
    """Hide viser's note that there is no GPU here, which lies over the map."""
    page.add_style_tag(content='.mantine-Notifications-root { display: none; }')


def frame_number(page: Page, patience: float = 120.0, above: int = 0) -> int:
    """The frame counter of the page once it exceeds ``above``."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        frame = page.evaluate('typeof chromm !== "undefined" && chromm.page.state ? chromm.page.state.frame : 0')
        if frame > above:
            return int(frame)
        time.sleep(0.5)
    raise AssertionError(f'the frame counter did not exceed {above} within {patience} s: {page.inner_text("body")!r}')


def scene_picture(page: Page) -> np.ndarray:
    """(H, W, 3) uint8 screenshot of the scene alone; its first pixel is that of the window."""
    page.evaluate('document.querySelector("#chromm").style.visibility = "hidden"')
    try:
        pixels = _pixels(page.screenshot(timeout=PATIENCE))
    finally:
        page.evaluate('document.querySelector("#chromm").style.visibility = ""')
    return pixels[:, : round(0.62 * pixels.shape[1])]


def part_picture(page: Page, selector: str) -> np.ndarray:
    """(h, w, 3) uint8 screenshot of one element."""
    return _pixels(page.locator(selector).first.screenshot(timeout=PATIENCE))


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert('RGB'))


def of_hue(
    pixels: np.ndarray, color: tuple[int, int, int], tolerance: float = 14.0, saturation: float = 0.3
) -> np.ndarray:
    """(H, W) bool: pixels of the hue of ``color`` [degrees], more or less gray: shading changes neither."""
    hues, found = _hue(pixels.reshape(-1, 3).astype(float))
    (wanted,), _ = _hue(np.array([color], float))
    distance = np.abs((hues - wanted + 180) % 360 - 180)
    return ((distance < tolerance) & (found > saturation)).reshape(pixels.shape[:2])


def count_hue(
    pixels: np.ndarray, color: tuple[int, int, int], tolerance: float = 14.0, saturation: float = 0.3
) -> int:
    """Pixels of the hue of ``color``."""
    return int(of_hue(pixels, color, tolerance, saturation).sum())


def _hue(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    high, low = colors.max(1), colors.min(1)
    span = np.maximum(high - low, 1e-9)
    red, green, blue = colors.T
    sector = np.select(
        [high == red, high == green], [(green - blue) / span, 2 + (blue - red) / span], 4 + (red - green) / span
    )
    return 60 * sector % 360, (high - low) / np.maximum(high, 1e-9)
