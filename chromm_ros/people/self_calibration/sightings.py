"""What a rig sees of people at one time, as far as it says where the cameras stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.geometry.cameras import unproject

POINTS = (
    'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist',
    'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
    'nose', 'left_ear', 'right_ear', 'left_heel', 'right_heel', 'left_toe', 'right_toe',
)  # fmt: skip
"""The L landmarks of a person, in this order. One that a network does not give has the weight 0."""

BODY = 12
"""The first points are joints, of which the shape is exact; those of face and feet are near one."""

SHOULDERS, HIPS, ANKLES, FEET = (0, 1), (6, 7), (10, 11), (15, 16, 17, 18)
LIMBS = ((0, 2), (1, 3), (2, 4), (3, 5), (6, 8), (7, 9), (8, 10), (9, 11))
"""Upper arms, forearms, thighs, shins: bones whose ends are landmarks, which set the size of a person."""

LIMBS_OF_HEIGHT = 1.56
"""Summed length of the ``LIMBS`` over standing height; measured on the free body."""

LEAST_DEPTH = 0.3
"""[m] nearer than this nobody is placed."""


@dataclass(frozen=True)
class SeenPeople:
    """The P people of one image."""

    pixels: np.ndarray  # (P, L, 2) the centre of the first pixel is (0.5, 0.5)
    weights: np.ndarray  # (P, L) in [0, 1]
    shapes: np.ndarray
    """(P, L, 3) where the landmarks are, from this image alone: axes of the camera, any origin and size."""
    image_size: tuple[int, int]  # width, height [px]

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True)
class Sighting:
    """The people of one image set."""

    stamp: int  # [ns]
    views: Mapping[str, SeenPeople]


@dataclass(frozen=True)
class PlacedPeople:
    """The people of one view over S sightings, each placed by the size of a body alone; padded to P per image."""

    points: np.ndarray  # (S, P, L, 3) camera frame [m]
    weights: np.ndarray  # (S, P, L); 0 where there is nobody
    valid: np.ndarray  # (S, P) bool

    @staticmethod
    def of(sightings: Sequence[Sighting], view: str, intrinsics: np.ndarray, limbs: float) -> PlacedPeople:
        """
        Args:
            sightings: S of them.
            view: whose people.
            intrinsics: (3, 3), known or guessed.
            limbs: summed length of the ``LIMBS`` of an average person [m].
        """
        found = [sighting.views.get(view) for sighting in sightings]
        most = max((len(people) for people in found if people is not None), default=0)
        points = np.zeros((len(found), most, len(POINTS), 3))
        weights, valid = np.zeros(points.shape[:3]), np.zeros(points.shape[:2], bool)
        for n, people in enumerate(found):
            if people is not None and len(people):
                points[n, : len(people)] = place(people, intrinsics, limbs)
                weights[n, : len(people)], valid[n, : len(people)] = people.weights, True
        return PlacedPeople(points, weights, valid)


def place(people: SeenPeople, intrinsics: np.ndarray, limbs: float) -> np.ndarray:
    """(P, L, 3) landmarks in the camera frame [m]: of the size of an average person, where joints fit the pixels.

    Linear least squares; rays weigh by 1 / depth after a first pass, so that it is pixels whose squares are summed.
    """
    start, end = (list(ends) for ends in zip(*LIMBS))
    size = np.linalg.norm(people.shapes[:, start] - people.shapes[:, end], axis=-1).sum(-1)
    shape = people.shapes * (limbs / np.maximum(size, 1e-6))[:, None, None]
    joints, pixels = shape[:, :BODY], people.pixels[:, :BODY]
    tangents = unproject(pixels[None], np.ones((1, *pixels.shape[:2])), intrinsics[None])[0][..., :2]
    a = np.zeros((*joints.shape[:2], 2, 3))
    a[..., 0, 0] = a[..., 1, 1] = 1
    a[..., 2] = -tangents
    b = tangents * joints[..., 2:] - joints[..., :2]
    depth, shift = np.ones(joints.shape[:2]), np.zeros((len(joints), 3))
    for _ in range(3):
        weight = (np.maximum(people.weights[:, :BODY], 1e-3) / depth**2)[..., None, None]
        normal = (a.swapaxes(-1, -2) @ (a * weight)).sum(1) + 1e-9 * np.eye(3)
        shift = np.linalg.solve(normal, ((a * weight).swapaxes(-1, -2) @ b[..., None]).sum(1))[..., 0]
        depth = np.maximum(joints[..., 2] + shift[:, None, 2], LEAST_DEPTH)
    return shape + shift[:, None]
