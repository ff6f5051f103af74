"""How an identity looks on the page, in RViz and in pictures: its colour, and how faint it is."""

from __future__ import annotations

import colorsys

GOLDEN = 0.618033988749895
"""Steps of the golden ratio keep the hues of successive ids far apart."""
GHOST, FAINTEST = 0.5, 0.1
"""Opacity of a person who is not tracked but surely there, and the least of anybody."""


def identity_color(identity: int) -> tuple[int, int, int]:
    """RGB in 0..255; the same for the same id everywhere."""
    red, green, blue = colorsys.hsv_to_rgb((0.58 + GOLDEN * identity) % 1.0, 0.72, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def identity_opacity(tracked: bool, confidence: float) -> float:
    """Opacity in 0..1: full for a tracked person; a guess fades as the confidence that somebody is there does."""
    # steps, because every change is a message to every browser
    return 1.0 if tracked else max(FAINTEST, round(20 * GHOST * confidence) / 20)
