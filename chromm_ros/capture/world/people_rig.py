"""Cameras that neither TF nor the network places: found from the people whom several of them see, and only then used.

Sightings are collected some tenths of a second apart while a camera has no place. When they have grown by a quarter,
cameras are estimated and verified (:mod:`chromm_ros.people.self_calibration`). The first ones that pass define a
frame, which later ones join; where cameras have a given pose, theirs is the frame. A rig that stands is watched and
estimated again once in a while: a camera that is elsewhere then loses its place. Where given poses may be refined
(``tf_then_refine``), people correct them the same way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chromm_ros.capture.notices import Notices
from chromm_ros.capture.scene.measured_depth import with_measured_heads
from chromm_ros.capture.window.network_pass import Decoded
from chromm_ros.capture.window.windows import Row
from chromm_ros.capture.world.cameras import Cameras
from chromm_ros.geometry.similarity import align_rigs
from chromm_ros.people.self_calibration.estimate import CameraPrior
from chromm_ros.people.self_calibration.from_detections import mean_limbs, seen_people
from chromm_ros.people.self_calibration.refine import Correction, corrections
from chromm_ros.people.self_calibration.sightings import SeenPeople, Sighting
from chromm_ros.people.self_calibration.verify import LEAST_SIGHTINGS, Calibration, calibrate

SPACING, WATCHING = 0.25, 2.0
"""Seconds between sightings, while a camera has no place and once all have theirs."""

MEMORY = 32
"""Sightings that are kept."""

GROWTH = 1.25
"""Estimates are made when there are so many times as many sightings as at the last one, or ``OFTEN`` more."""
OFTEN = 16

MOVED = (0.3, 0.17)
"""Distance [m] and angle [rad] from which a camera that was estimated again has been moved."""

ALONE = 'There is one camera without a known pose: the world is its frame, and distances rest on the size of bodies.'
MOVING = 'Cameras that move need their poses from TF: the network of this preset cannot place them.'


@dataclass(frozen=True)
class SeenView:
    """What one image of a set says."""

    people: SeenPeople
    intrinsics: np.ndarray  # (3, 3), known or assumed
    calibrated: bool
    given: np.ndarray | None
    """(4, 4) world_from_camera; None: not given."""


class PeopleRig:
    """Owner of the places that people gave to cameras."""

    def __init__(self, cameras: Cameras, moves: bool):
        """
        Args:
            cameras: the rig; learns which of them have no place.
            moves: the cameras move, so that nothing can be found.
        """
        self.problems: dict[str, str] = {}
        """What the last estimate said against each camera; empty where it passed."""
        self.poses: dict[str, np.ndarray] = {}
        """(4, 4) world_from_camera of cameras that passed, in the frame of the rig, and given ones as corrected."""
        self.intrinsics: dict[str, np.ndarray] = {}
        """(3, 3) with the focal length that was found, of cameras that passed and have no calibration."""
        self.level = False
        """The frame of the rig is z up with the floor at zero."""
        self.waits = False
        """No camera of the newest image set has a place."""
        self._cameras = cameras
        self._moves = moves
        self._sightings: deque[Sighting] = deque(maxlen=MEMORY)
        self._views: dict[str, SeenView] = {}
        """The newest of each camera."""
        self._count = self._tried_at = 0
        self._next = 0
        """Stamp from which the next sighting is far enough from the last one [ns]."""
        self._given: frozenset[str] = frozenset()

    def locate(
        self, stamp: int, rows: dict[str, Row], look: Callable[[Sequence[Row]], Decoded | None], notices: Notices
    ) -> dict[str, Row]:
        """The rows of cameras that have a place, with it.

        Args:
            stamp: of the image set [ns].
            rows: one for each image, with the pose that was given.
            look: finds the people of rows.
            notices: takes what a person should know.
        """
        if len(self._cameras.views) - len(self._cameras.excluded) == 1:
            return self._alone(rows, notices)
        if stamp >= self._next and not self._moves:
            decoded = look(list(rows.values()))
            for sentence in [] if decoded is None else self.see(stamp, seen_views(decoded)):
                notices.say(sentence)
        placed = self.placed(rows)
        unplaced = [view for view in rows if view not in placed]
        for sentence in self.missing(unplaced):
            notices.say(sentence)
        self._cameras.unplaced, self.waits = frozenset(unplaced), not placed
        return placed

    def _alone(self, rows: dict[str, Row], notices: Notices) -> dict[str, Row]:
        if self._next == 0 and any(row.given_pose is None for row in rows.values()):
            self._next = 1
            notices.say(ALONE)
        self._cameras.unplaced, self.waits = frozenset(), False
        return rows

    def placed(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """The rows of cameras that have a place, with it."""
        known = {view: row for view, row in rows.items() if row.given_pose is not None or view in self.poses}
        return {view: self._placed(row) for view, row in known.items()}

    def _placed(self, row: Row) -> Row:
        if row.given_pose is not None:
            return replace(row, found_pose=self.poses.get(row.view))
        image, found = row.image, self.intrinsics.get(row.view)
        if image.intrinsics is None and found is not None:
            image = replace(image, intrinsics=found)
        return replace(row, image=image, found_pose=self.poses[row.view])

    def see(self, stamp: int, views: Mapping[str, SeenView]) -> list[str]:
        """Take an image set in; returns sentences where something was found or lost."""
        self._views.update(views)
        given = frozenset(view for view, seen in self._views.items() if seen.given is not None)
        if given != self._given:
            self._given = given
            self._forget(list(self.poses))
        eager = self._unplaced() or (self._cameras.policy.refines and self._count < MEMORY)
        self._next = stamp + round(1e9 * (SPACING if eager else WATCHING))
        if sum(len(seen.people) > 0 for seen in views.values()) < 2:
            return []
        self._sightings.append(Sighting(stamp, {view: seen.people for view, seen in views.items()}))
        self._count += 1
        grown = min(self._tried_at * GROWTH, self._tried_at + OFTEN) if eager else self._tried_at + MEMORY
        if self._count < max(LEAST_SIGHTINGS, grown):
            return []
        self._tried_at = self._count
        return self._estimate()

    def _unplaced(self) -> list[str]:
        return [view for view, seen in self._views.items() if seen.given is None and view not in self.poses]

    def missing(self, views: Collection[str]) -> list[str]:
        """What is missing before these cameras, which have no place, can be used; sentences for a person."""
        if not views:
            return []
        if self._moves:
            return [MOVING]
        said = [self.problems[view] for view in views if self.problems.get(view)]
        unknown = ', '.join(view for view in views if not self.problems.get(view))
        if unknown:
            said.append(
                f'Where {unknown} stand{"s" if len(views) == 1 else ""} is not known yet: walk through all views, '
                'one after the other, so that two cameras see you at once.'
            )
        return said

    def state_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {
            'poses': self.poses,
            'intrinsics': self.intrinsics,
            'problems': self.problems,
            'sightings': [
                {'stamp': sighting.stamp, 'views': {view: vars(people) for view, people in sighting.views.items()}}
                for sighting in self._sightings
            ],
            'views': {view: vars(seen) | {'people': vars(seen.people)} for view, seen in self._views.items()},
            'counts': [self._count, self._tried_at, self._next],
            'flags': [self.level, self.waits],
            'given': sorted(self._given),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.poses, self.intrinsics, self.problems = state['poses'], state['intrinsics'], state['problems']
        self._sightings.clear()
        for saved in state['sightings']:
            views = {view: _people_of(people) for view, people in saved['views'].items()}
            self._sightings.append(Sighting(saved['stamp'], views))
        self._views = {
            view: SeenView(**{**saved, 'people': _people_of(saved['people'])})
            for view, saved in state['views'].items()
        }
        self._count, self._tried_at, self._next = state['counts']
        self.level, self.waits = state['flags']
        self._given = frozenset(state['given'])

    def _estimate(self) -> list[str]:
        """Estimate what has no place, or check what has."""
        unplaced = self._unplaced()
        limbs = mean_limbs(self._sightings)
        sightings = list(self._sightings)
        if not unplaced and self._cameras.policy.refines:
            return self._refine(corrections(sightings, self._priors(with_found=False), limbs))
        if not unplaced:
            return self._check(calibrate(sightings, self._priors(with_found=False), limbs))
        found = calibrate(sightings, self._priors(with_found=True), limbs)
        self.problems = {view: check.problem for view, check in found.checks.items()}
        new = [view for view in unplaced if view in found.world_from_camera]
        if not new:
            return []
        if not self.poses and not self._given:
            self.level = found.level is not None
        for view in new:
            self.poses[view] = found.world_from_camera[view]
            if not self._views[view].calibrated:
                self.intrinsics[view] = found.intrinsics[view]
        return [_report(new, found, self.intrinsics)]

    def _priors(self, with_found: bool) -> dict[str, CameraPrior]:
        """What is known of all cameras; without those poses that people gave, where these are to be checked."""
        priors = {}
        for view, seen in self._views.items():
            known = self.poses.get(view) if with_found and seen.given is None else seen.given
            intrinsics = self.intrinsics.get(view, seen.intrinsics)
            priors[view] = CameraPrior(intrinsics, seen.calibrated or view in self.intrinsics, known)
        return priors

    def _refine(self, found: Mapping[str, Correction]) -> list[str]:
        """Take corrections of given poses, all or none: a pose that is plainly wrong spoils the others."""
        news = not self._given & self.poses.keys()
        wrong = {view: correction for view, correction in found.items() if not correction.small}
        for view, correction in ({} if wrong else found).items():
            self.poses[view] = correction.world_from_camera
        off = [
            f'{view} {correction.place:.2f} m and {np.degrees(correction.turn):.1f} degrees'
            for view, correction in (wrong or found).items()
        ]
        if wrong:
            return [f'Given poses are too far from where people say to be refined ({", ".join(off)}): check them.']
        return [f'People correct the given poses by: {", ".join(off)}.'] if off and news else []

    def _check(self, found: Calibration) -> list[str]:
        """Forget the places of cameras that are elsewhere by now."""
        common = [view for view in self.poses if view in found.world_from_camera and view not in self._given]
        if len(common) + len(self._given) < 2:
            return []
        new, old = (np.stack([poses[view] for view in common]) for poses in (found.world_from_camera, self.poses))
        moved = new if self._given else align_rigs(new, old, _steady(new, old)).apply_poses(new)
        said = []
        for view, here, there in zip(common, moved, old):
            distance = float(np.linalg.norm(here[:3, 3] - there[:3, 3]))
            angle = float(np.arccos(np.clip((np.trace(here[:3, :3].T @ there[:3, :3]) - 1) / 2, -1, 1)))
            if distance > MOVED[0] or angle > MOVED[1]:
                self._forget([view])
                moved_by = f'{distance:.2f} m and {np.degrees(angle):.0f} degrees'
                said.append(f'Camera {view} was moved by {moved_by}; its pose is estimated anew.')
        return said

    def _forget(self, views: list[str]) -> None:
        for view in views:
            self.poses.pop(view, None)
            self.intrinsics.pop(view, None)
        if views:
            self.problems.clear()
            self._sightings.clear()
            self._count = self._tried_at = 0


def _people_of(saved: dict[str, Any]) -> SeenPeople:
    width, height = saved['image_size']
    return SeenPeople(**{**saved, 'image_size': (width, height)})


def seen_views(decoded: Decoded) -> dict[str, SeenView]:
    """What each row of a pass over one image set says."""
    seen = {}
    for n, row in enumerate(decoded.rows):
        height, width = row.image.pixels.shape[:2]
        people = seen_people(decoded.people.take(n), decoded.intrinsics[n], (width, height))
        people = replace(people, shapes=people.shapes * _sizes(decoded, n)[:, None, None])
        seen[row.view] = SeenView(people, decoded.intrinsics[n], row.image.intrinsics is not None, row.given_pose)
    return seen


def _sizes(decoded: Decoded, n: int) -> np.ndarray:
    """(P,) how much larger the people of a row are than their bodies, where a depth camera measured that; else 1."""
    people = decoded.people.take(n)
    measured = with_measured_heads(people, decoded.rows[n].image, decoded.intrinsics[n])
    return measured.head[people.valid, 2] / people.head[people.valid, 2]


def _steady(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """(N,) weights that let a camera that was moved pull little on the tie of two rigs."""
    weights = np.ones(len(new))
    for _ in range(3):
        apart = align_rigs(new, old, weights).apply_poses(new)[:, :3, 3] - old[:, :3, 3]
        misfit = np.linalg.norm(apart, axis=-1)
        weights = 1 / (1 + (misfit / max(float(np.median(misfit)), 0.02)) ** 2)
    return weights


def _report(views: list[str], found: Calibration, lenses: Mapping[str, np.ndarray]) -> str:
    """One sentence about cameras that passed, and the ``lenses`` that were found."""
    checks = [found.checks[view] for view in views]
    place = max(max(check.error[0], check.halves[0]) for check in checks)
    turn = max(max(check.error[1], check.halves[1]) for check in checks)
    pixels = max(check.miss_px for check in checks)
    focals = [f'{view} {lenses[view][0, 0]:.0f} px' for view in views if view in lenses]
    focal = f'; focal lengths found: {", ".join(focals)}' if focals else ''
    scale = f', scale within {100 * found.scale_error:.0f} %' if found.scale_error > 0 else ''
    return (
        f'People tell where {", ".join(views)} stand{"s" if len(views) == 1 else ""}: within about {place:.2f} m and '
        f'{np.degrees(turn):.1f} degrees{scale}, landmarks within {pixels:.0f} px{focal}.'
    )
