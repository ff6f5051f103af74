"""33 landmarks of each person, in the image and in metres, from a crop around the person.

The network is BlazePose GHUM (full). It also says whether the crop shows a person at all, so that a region may be
tried on suspicion: from the finder, or from where the person was in the last image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from chromm_ros.body.landmarks import ON_JOINTS
from chromm_ros.network.open.crops import Pyramid, crops, to_image
from chromm_ros.network.open.graph import ConvolutionGraph
from chromm_ros.skeleton import LANDMARKS

USED_OUTPUTS = (0, 1, 4)
"""Landmarks, presence, landmarks in metres; not the mask and the heatmaps."""
POINTS = 39
"""Points of the network: two of those behind the landmarks describe the person's place for the next crop."""
CENTRE, AROUND = 33, 34
"""Middle of the hips, and a point above it on the circle that holds the body."""
MARGIN = 1.25
"""Side of a crop over the diameter of that circle."""


@dataclass(frozen=True)
class Persons:
    """P people of one image."""

    presence: np.ndarray  # (P,) in [0, 1]: the crop shows a person
    pixels: np.ndarray  # (P, 33, 2) [px of the image]
    metres: np.ndarray  # (P, 33, 3) middle of the hips at the origin [m], axes of a camera that looks at the person
    visible: np.ndarray  # (P, 33) in [0, 1]: in the crop and not hidden
    inside: np.ndarray  # (P, 33) in [0, 1]: in the crop
    following: np.ndarray  # (P, 4) crop for the next image: centre x, y, side [px], angle [rad]

    def __len__(self) -> int:
        return len(self.presence)

    def take(self, rows: Sequence[int] | np.ndarray) -> Persons:
        """Some of the people, in the order asked for."""
        index = np.asarray(rows, int)
        return Persons(*(getattr(self, field.name)[index] for field in fields(self)))

    @staticmethod
    def join(parts: Sequence[Persons]) -> Persons:
        """The people of all parts, one after the other."""
        return Persons(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Persons)))

    @property
    def score(self) -> np.ndarray:
        """(P,) presence times mean visibility of the limbs."""
        return self.presence * self.visible[:, ON_JOINTS].mean(1)

    @staticmethod
    def nobody() -> Persons:
        """The people of an empty image."""
        points = np.zeros((0, LANDMARKS))
        return Persons(np.zeros(0), points[..., None].repeat(2, -1), points[..., None].repeat(3, -1), points, points,
                       np.zeros((0, 4)))  # fmt: skip


def read(graph: ConvolutionGraph, pyramids: Sequence[Pyramid], regions: Sequence[np.ndarray]) -> list[Persons]:
    """The people in the ``regions`` (P, 4) of each image; a row for each region, also where nobody is in it."""
    counts = [len(own) for own in regions]
    if not sum(counts):
        return [Persons.nobody() for _ in regions]
    side = graph.size[0]
    points, presence, metres = (part.cpu().numpy() for part in graph(crops(pyramids, regions, side, graph.device)))
    points = points.astype(float).reshape(-1, POINTS, 5)
    metres = metres.astype(float).reshape(-1, POINTS, 3)[:, :LANDMARKS]
    region = np.concatenate(regions)
    cosine, sine = np.cos(region[:, 3:]), np.sin(region[:, 3:])
    turned = [cosine * metres[..., 0] - sine * metres[..., 1], sine * metres[..., 0] + cosine * metres[..., 1]]
    pixels = to_image(points[..., :2] / side, region)
    seen = 1 / (1 + np.exp(-points[:, :LANDMARKS, 3:5]))
    everybody = Persons(
        presence=presence[:, 0].astype(float),
        pixels=pixels[:, :LANDMARKS],
        metres=np.stack([*turned, metres[..., 2]], -1),
        visible=seen[..., 0],
        inside=seen[..., 1],
        following=_around(pixels[:, CENTRE], pixels[:, AROUND]),
    )
    ends = np.cumsum(counts)
    return [everybody.take(range(end - count, end)) for end, count in zip(ends, counts)]


def _around(centre: np.ndarray, above: np.ndarray) -> np.ndarray:
    """(P, 4) crops around people, given two points (P, 2) of each."""
    spine = above - centre
    side = 2 * MARGIN * np.linalg.norm(spine, axis=-1)
    return np.column_stack([centre, side, np.arctan2(spine[:, 0], -spine[:, 1])])


def distinct(persons: Persons, min_presence: float, most: int, apart: float = 0.12) -> Persons:
    """Crops that show somebody, each person once, surest first.

    Args:
        apart: mean distance of the landmarks of two people, as a part of the larger side of the surer one.
    """
    kept: list[int] = []
    for n in np.argsort(-persons.presence):
        if persons.presence[n] <= min_presence or len(kept) == most:
            break
        size = max(1.0, float(np.ptp(persons.pixels[n], axis=0).max()))
        distances = np.linalg.norm(persons.pixels[kept] - persons.pixels[n], axis=-1).mean(-1)
        if (distances > apart * size).all():
            kept.append(int(n))
    return persons.take(kept)
