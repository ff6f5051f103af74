"""The detections of a network as sightings: its landmarks where it reads any, else the joints of its bodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chromm_ros.flow import Detections
from chromm_ros.geometry.cameras import project
from chromm_ros.people.self_calibration.sightings import BODY, LIMBS, SeenPeople, Sighting

AS_JOINTS = (16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8, 22, 23, 24, 7, 8, 10, 11)
"""The SMPL-X joint at, or next to, each point."""

AS_LANDMARKS = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 0, 7, 8, 29, 30, 31, 32)
"""The landmark of each point."""


def seen_people(
    detections: Detections[np.ndarray], intrinsics: np.ndarray, image_size: tuple[int, int]
) -> SeenPeople:
    """The people of one image.

    Args:
        detections: (M,) of the image.
        intrinsics: (3, 3) that they were made with.
        image_size: width, height [px].
    """
    found = detections.take(detections.valid)
    shapes = found.joints[:, list(AS_JOINTS)].astype(float)
    if found.landmarks is not None:
        marks = found.landmarks[:, list(AS_LANDMARKS)].astype(float)
        return SeenPeople(marks[..., :2], np.clip(marks[..., 2], 0.0, 1.0), shapes, image_size)
    pixels = project(shapes[None], intrinsics[None])[0]
    inside = (pixels > 0).all(-1) & (pixels < image_size).all(-1) & (shapes[..., 2] > 0)
    inside[:, BODY:] = False  # the joints next to face and feet are not where the points are
    return SeenPeople(np.where(inside[..., None], pixels, 0.0), inside.astype(float), shapes, image_size)


def mean_limbs(sightings: Sequence[Sighting]) -> float:
    """Summed length of the limbs of the people as their views give them, on average [m]: the size of a body."""
    start, end = (list(ends) for ends in zip(*LIMBS))
    shapes = [people.shapes for sighting in sightings for people in sighting.views.values() if len(people)]
    if not shapes:
        return 0.0
    every = np.concatenate(shapes)
    return float(np.mean(np.linalg.norm(every[:, start] - every[:, end], axis=-1).sum(-1)))
