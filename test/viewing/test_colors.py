"""Colours of ids as people see them who lack the cones for red (protanopia) or for green (deuteranopia)."""

import numpy as np
import pytest

from chromm_ros.viewing.colors import PALETTE, css_color, faded, identity_color, identity_opacity

# Machado, Oliveira and Fernandes 2009, severity 1, for linear RGB.
SEEN_BY = {
    'everybody else': np.eye(3),
    'protanopes': np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    'deuteranopes': np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
GROUNDS = [(255, 255, 255), (200, 200, 200), (150, 150, 150), (120, 120, 120), (64, 64, 64), (26, 27, 30)]
"""Backgrounds of both themes, and floors."""


def lab(colors, eyes):
    """CIE L*a*b* (D65) of sRGB in 0..255, as seen by these eyes."""
    parts = np.asarray(colors, float) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SEEN_BY[eyes].T, 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ to_xyz.T / (0.95047, 1.0, 1.08883)
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def nearest(colors, eyes):
    """Smallest distance (CIE76) of two of the colours."""
    seen = lab(colors, eyes)
    distance = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    return distance[~np.eye(len(seen), dtype=bool)].min()


@pytest.mark.parametrize('eyes', SEEN_BY)
@pytest.mark.parametrize(('ids', 'apart'), [(8, 29), (24, 10)])
def test_everybody_tells_the_colours_of_ids_apart(ids, apart, eyes):
    assert nearest([identity_color(identity) for identity in range(1, ids + 1)], eyes) > apart  # 2.3 is just seen


@pytest.mark.parametrize('eyes', SEEN_BY)
def test_nobody_melts_into_floor_or_background(eyes):
    people, grounds = lab(PALETTE, eyes), lab(GROUNDS, eyes)
    assert np.linalg.norm(people[:, None] - grounds[None], axis=-1).min() > 12


def test_an_id_has_one_colour_and_every_id_has_one():
    assert css_color(3) == '#00d4ff'
    assert all(identity_color(identity) in PALETTE for identity in (0, 1, 24, 25, 10_000))


def test_guesses_fade_with_their_confidence_and_never_look_like_a_tracked_person():
    fading = [identity_opacity(False, confidence) for confidence in np.linspace(1, 0, 11)]
    assert fading == sorted(fading, reverse=True)
    assert identity_opacity(True, 0.4) == 1.0 > fading[0] > fading[-1] > 0


def test_lines_of_ghosts_are_grayer():
    saturation = [np.ptp(faded((255, 0, 255), opacity)) for opacity in (1.0, 0.5, 0.1)]
    assert saturation == sorted(saturation, reverse=True)
    assert faded((255, 0, 255), 1.0) == (255, 0, 255)
