"""How an identity looks on the page, in RViz and in pictures: its colour, and how faint it is."""

from __future__ import annotations

PALETTE = (
    (191, 105, 19),
    (128, 0, 255),
    (0, 212, 255),
    (61, 242, 151),
    (140, 77, 130),
    (217, 217, 0),
    (63, 115, 72),
    (25, 140, 255),
    (166, 166, 91),
    (191, 0, 191),
    (119, 168, 217),
    (105, 191, 134),
    (191, 19, 48),
    (255, 0, 255),
    (255, 96, 64),
    (184, 217, 119),
    (77, 96, 191),
    (255, 102, 204),
    (152, 22, 217),
    (191, 134, 105),
    (191, 163, 19),
    (0, 138, 166),
    (152, 217, 87),
    (168, 119, 217),
)
"""Colours far apart for people who see all colours, no red (protanopia) or no green (deuteranopia), and far from the
grays of floors and backgrounds. The first eight are farthest apart; test/viewing/test_colors.py measures all."""

GHOST, FAINTEST = 0.5, 0.1
"""Opacity of a person who is not tracked but surely there, and the least of anybody."""

HAZE = (150, 150, 150)
"""What lines, which know no opacity, fade into."""


def identity_color(identity: int) -> tuple[int, int, int]:
    """RGB in 0..255; the same for the same id everywhere, again after 24 ids."""
    return PALETTE[(identity - 1) % len(PALETTE)]


def identity_opacity(tracked: bool, confidence: float) -> float:
    """Opacity in 0..1: full for a tracked person; a guess fades as the confidence that somebody is there does."""
    # steps, because every change is a message to every browser
    return 1.0 if tracked else max(FAINTEST, round(20 * GHOST * confidence) / 20)


def faded(color: tuple[int, int, int], opacity: float) -> tuple[int, int, int]:
    """The colour of a line that should look as if it had this opacity."""
    red, green, blue = (round(haze + opacity * (part - haze)) for part, haze in zip(color, HAZE))
    return red, green, blue


def css_color(identity: int) -> str:
    """The colour of an id as ``#rrggbb``."""
    return '#{:02x}{:02x}{:02x}'.format(*identity_color(identity))
