"""Corrections of given camera poses by the people whom several cameras see.

A calibration of half a degree or a few centimetres off is common, and moves bodies by as much. The landmarks of
people who walk about show it: the poses that bring their rays together are near those that were given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chromm_ros.people.self_calibration.estimate import CameraPrior, RigEstimate, estimate
from chromm_ros.people.self_calibration.evidence import motion, rig_distances, spaced_times
from chromm_ros.people.self_calibration.sightings import Sighting
from chromm_ros.people.self_calibration.verify import LEAST_MOTION, LEAST_SIGHTINGS

SLACK = (math.radians(1.0), 0.05)
"""Standard deviations of each angle [rad] and coordinate [m] of a calibration."""

LARGEST = (math.radians(4.0), 0.2)
"""Angle and distance beyond which a pose is not a little off but wrong, or people are mistaken for each other."""


@dataclass(frozen=True)
class Correction:
    """Where people say that a given camera stands."""

    world_from_camera: np.ndarray  # (4, 4)
    place: float
    """Distance from the given pose [m]."""
    turn: float
    """Angle from it [rad]."""

    @property
    def small(self) -> bool:
        """Whether the given pose is a little off, no more."""
        return self.turn < LARGEST[0] and self.place < LARGEST[1]


def corrections(
    sightings: Sequence[Sighting], priors: Mapping[str, CameraPrior], limbs: float
) -> dict[str, Correction]:
    """Of the cameras whose pose is given, those of which people say enough.

    Args:
        sightings: at times that are at least some tenths of a second apart.
        priors: all cameras of the rig.
        limbs: see :meth:`PlacedPeople.of`.
    """
    given = {view: prior for view, prior in priors.items() if prior.world_from_camera is not None}
    whole = estimate(sightings, given, limbs, slack=SLACK) if len(given) > 1 else None
    if whole is None:
        return {}
    known = np.stack([prior.world_from_camera for prior in given.values() if prior.world_from_camera is not None])
    apart, turns = rig_distances(whole.cameras.poses, known)
    return {
        view: Correction(whole.cameras.poses[v], float(apart[v]), float(turns[v]))
        for v, view in enumerate(whole.views)
        if _is_told(whole, v, sightings)
    }


def _is_told(whole: RigEstimate, v: int, sightings: Sequence[Sighting]) -> bool:
    """Whether people say enough about a camera."""
    times = spaced_times(sightings[person.sighting].stamp for person in whole.shared if v in person.views)
    return times >= LEAST_SIGHTINGS and motion(whole, v) > LEAST_MOTION
