"""What people look like: shape, skin, hair and clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chromm_ros.body.files import BETAS
from chromm_ros.synthetic.rooms import sample_color

SLOTS = 7
"""Colours of a person: skin, hair, top, pattern on the top, trousers, shoes, eyes."""


@dataclass(frozen=True)
class Looks:
    """How one person is drawn."""

    betas: np.ndarray
    """(10,) shape."""
    colors: np.ndarray
    """(7, 3) linear RGB per slot."""
    style: np.ndarray
    """(7,) pattern of the top (0 plain, stripes across, along, checks, spots), its pitch [1/m]; then where things end
    in the rest pose, from the pelvis [m]: sleeves sideways, trousers, hair in front and behind, the top's hem."""
    looseness: np.ndarray
    """(7,) how far each slot stands off the skin [m]."""

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Looks:
        """A person at random: betas within two standard deviations, any skin, hair and clothes."""
        skin = np.array([0.78, 0.58, 0.46]) * rng.uniform(0.35, 1.25)
        hair = rng.uniform(0.03, 0.3) * np.array([1, 0.8, 0.6]) * rng.uniform(0.6, 1.6)
        if rng.random() < 0.08:
            hair = np.full(3, rng.uniform(0.4, 0.75))  # grey
        trousers, shoes = sample_color(rng, 0.05, 0.6, 0.7), sample_color(rng, 0.03, 0.5, 0.5)
        eyes = np.full(3, 0.06)
        colors = np.stack([skin, hair, sample_color(rng), sample_color(rng), trousers, shoes, eyes])
        hairline, nape = rng.uniform(0.755, 0.785), rng.uniform(0.58, 0.68)
        if rng.random() < 0.06:
            hairline = nape = 9.0  # bald
        sleeves = 0.67 if rng.random() < 0.5 else rng.uniform(0.25, 0.45)
        legs = -9.0 if rng.random() < 0.75 else rng.uniform(-0.55, -0.25)
        style = [rng.integers(0, 5), rng.uniform(12, 45), sleeves, legs, hairline, nape, rng.uniform(-0.1, 0.1)]
        loose = rng.uniform(0, 0.025)
        return cls(
            betas=np.clip(rng.normal(0, 1, BETAS), -2, 2),
            colors=np.clip(colors, 0.02, 1),
            style=np.array(style, float),
            looseness=np.array([0, rng.uniform(0, 0.02), loose, loose, rng.uniform(0, 0.025), 0, 0]),
        )
