"""One colour for one identity, on the page, in RViz and in pictures."""

from __future__ import annotations

import colorsys

GOLDEN = 0.618033988749895
"""Steps of the golden ratio keep the hues of successive ids far apart."""


def identity_color(identity: int) -> tuple[int, int, int]:
    """RGB in 0..255; the same for the same id everywhere."""
    red, green, blue = colorsys.hsv_to_rgb((0.58 + GOLDEN * identity) % 1.0, 0.72, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)
