"""What runs in the browser, beside viser's own client: connection, pictures, page, playback."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import viser

SCRIPTS = ('connection.js', 'drawing.js', 'page.js', 'playback.js')
"""In the order in which they are read."""


@cache
def version() -> str:
    """Changes with everything that runs in the browser: a page of another version loads itself anew."""
    return hashlib.sha256(_additions().encode()).hexdigest()[:12]


def viser_page() -> str:
    """viser's page with ours in it."""
    return with_ours((Path(viser.__file__).parent / 'client' / 'build' / 'index.html').read_text())


def with_ours(html: str, recording: str = 'null') -> str:
    """A page of viser's with our styles and scripts before its own.

    Args:
        html: of viser.
        recording: JSON of what an exported page plays.

    Raises:
        ValueError: it is no page of the viser that this was written for.
    """
    title = '<title>Viser</title>'
    if title not in html:
        raise ValueError(f'viser {viser.__version__} has another page than the one that this viewer extends')
    known = f'<script>window.__CHROMM_RECORDING__ = {recording};</script>'
    ours = f'<title>chromm</title>{known}{_additions()}<script>chromm.version = "{version()}";</script>'
    return html.replace(title, ours, 1)


@cache
def _additions() -> str:
    folder = Path(__file__).parent
    scripts = ''.join(f'<script>{(folder / name).read_text()}</script>' for name in SCRIPTS)
    return f'<style>{(folder / "page.css").read_text()}</style>{scripts}'
