"""A rig calibrated by the people who walk through it, from image sets of any source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from chromm_ros.capture.protocols import Network
from chromm_ros.capture.window.network_pass import run_network
from chromm_ros.capture.window.stages import StageClock
from chromm_ros.capture.window.windows import Row
from chromm_ros.capture.world.people_rig import SeenView, seen_views
from chromm_ros.flow import ImageSet
from chromm_ros.people.self_calibration.estimate import CameraPrior
from chromm_ros.people.self_calibration.from_detections import mean_limbs
from chromm_ros.people.self_calibration.sightings import LIMBS_OF_HEIGHT, Sighting
from chromm_ros.people.self_calibration.verify import LEAST_SIGHTINGS, Calibration, CameraCheck, calibrate
from chromm_ros.recording.calibration import CameraFile

SPACING = 0.125
"""Seconds between sightings at first: recordings may be short."""

MOST = 64
"""Sightings that are kept; of more, every other one is left out."""


@dataclass(frozen=True)
class Outcome:
    """What a calibration came to."""

    calibration: Calibration
    sightings: int
    """Times that were used."""
    seen: Mapping[str, int]
    """Of them, those at which each camera saw somebody."""
    views: Mapping[str, SeenView]
    """The newest of each camera that sent images."""

    @property
    def found(self) -> tuple[str, ...]:
        """Cameras whose pose people told."""
        return tuple(view for view in self.calibration.world_from_camera if not self.given(view))

    def given(self, view: str) -> bool:
        """Whether the pose of a camera was given."""
        return view in self.views and self.views[view].given is not None

    def cameras(self, known: Mapping[str, CameraFile]) -> dict[str, CameraFile]:
        """The cameras that may be trusted, for a file.

        Args:
            known: what was given beforehand, whose lenses stay as they are. Cameras whose calibration came with their
                images keep that, and get none here.
        """
        files = {}
        for view, pose in self.calibration.world_from_camera.items():
            seen = self.views[view]
            width, height = seen.people.image_size
            if view in known and known[view].intrinsics is not None:
                files[view] = replace(known[view], world_from_camera=pose)
            else:
                intrinsics = None if seen.calibrated else self.calibration.intrinsics[view]
                files[view] = CameraFile(intrinsics, pose, width, height)
        return files


class PeopleCalibrator:
    """Collects sightings of people, and estimates the rig from them."""

    def __init__(
        self, network: Network, names: Iterable[str] = (), height: float | None = None, use_poses: bool = True
    ):
        """
        Args:
            network: finds the people.
            names: of the cameras in the order of the rig; others are added as they appear.
            height: mean standing height of those who walk [m], which sets the scale; None: that of an adult.
            use_poses: keep the poses that come with the images; else all are found anew.
        """
        self._network = network
        self._use_poses = use_poses
        self._names = tuple(names)
        self._height = height
        self._spacing = round(SPACING * 1e9)
        self._sightings: list[Sighting] = []
        self._views: dict[str, SeenView] = {}
        self._next: int | None = None
        self.pictures: dict[str, np.ndarray] = {}
        """(H, W, 3) uint8 RGB of each camera when it saw people last."""
        self.pictured: dict[str, int] = {}
        """Stamps of these."""

    def __len__(self) -> int:
        return len(self._sightings)

    @property
    def enough(self) -> bool:
        """There is something to estimate from."""
        return len(self) >= LEAST_SIGHTINGS

    def add(self, images: ImageSet) -> bool:
        """Take an image set in; whether it was far enough from the last one and shows somebody."""
        if self._next is not None and self._next - self._spacing <= images.stamp < self._next:
            return False
        views = self._look(images)
        self._views.update(views)
        self._next = images.stamp + self._spacing
        if not any(len(seen.people) for seen in views.values()):
            return False
        self._sightings.append(Sighting(images.stamp, {view: seen.people for view, seen in views.items()}))
        for view, seen in views.items():
            if len(seen.people):
                self.pictures[view], self.pictured[view] = images.views[view].pixels, images.stamp
        if len(self._sightings) > MOST:
            self._sightings, self._spacing = self._sightings[::2], 2 * self._spacing
        return True

    def estimate(self) -> Outcome:
        """The rig from all sightings so far."""
        limbs = mean_limbs(self._sightings) if self._height is None else LIMBS_OF_HEIGHT * self._height
        names = dict.fromkeys((*self._names, *self._views))
        priors = {
            view: CameraPrior(seen.intrinsics, seen.calibrated, seen.given)
            for view in names
            if (seen := self._views.get(view)) is not None
        }
        counts = {
            view: sum(len(sighting.views[view]) > 0 for sighting in self._sightings if view in sighting.views)
            for view in self._views
        }
        found = calibrate(self._sightings, priors, limbs)
        checks = {
            view: found.checks.get(view) or CameraCheck(f'{view} sent no images: check its topic.') for view in names
        }
        return Outcome(replace(found, checks=checks), len(self), counts, dict(self._views))

    def people_at(self, stamp: int, view: str) -> np.ndarray:
        """(P, L, 2) pixels of the landmarks that a camera saw at a time, NaN where they were not seen well."""
        for sighting in self._sightings:
            if sighting.stamp == stamp and view in sighting.views:
                people = sighting.views[view]
                return np.where(people.weights[..., None] > 0.3, people.pixels, np.nan)
        return np.zeros((0, 0, 2))

    def _look(self, images: ImageSet) -> dict[str, SeenView]:
        views = list(images.views)
        if not views:
            return {}
        features = self._network.encode([images.views[view].pixels for view in views])
        rows = [
            Row(
                view,
                images.views[view],
                features.take([n]),
                images.views[view].world_from_camera if self._use_poses else None,
            )
            for n, view in enumerate(views)
        ]
        decoded = run_network(self._network, rows, (), False, StageClock())
        return seen_views(decoded) if decoded.finite else {}
