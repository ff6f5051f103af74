"""The one owner of who is there: everybody is predicted, explains the detections, and is believed in or not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.tracker.assignment import JointAssignment
from chromm_ros.people.tracker.belief import weigh
from chromm_ros.people.tracker.births import newcomers
from chromm_ros.people.tracker.detectability import detectability
from chromm_ros.people.tracker.evidence import posture_evidence, shape_evidence
from chromm_ros.people.tracker.footing import stand
from chromm_ros.people.tracker.kinematics import (
    PLACE,
    Measurements,
    Prior,
    observed_part,
    predict,
    reduced,
    with_marginal,
)
from chromm_ros.people.tracker.recall import recall
from chromm_ros.people.tracker.settings import IdentitySettings
from chromm_ros.people.tracker.tables import CameraViews, HeadDetections
from chromm_ros.people.tracker.tracks import Tracks
from chromm_ros.people.tracker.twins import displaced, joined

INDEPENDENT = 0.27
"""Images of one view that are closer in time repeat each other's errors [s]."""

LONGEST_STEP = 1.0
"""No gap between image sets makes one set count for more than one after so long [s]."""

FORGET = 0.03
"""Existence below which nobody is followed any longer."""

LOST_SPREAD = 2.5
"""Uncertainty of the place from which somebody unseen is only remembered [m]."""

CONFIRMED_AFTER = 0.2
"""Time since the first detection after which one view alone may introduce somebody [s]."""

JUST_LEFT = 0.5
"""A known person who was not seen since this long after a newcomer appeared may be that newcomer [s]."""

PAUSE = 0.5
"""Time without a detection after which somebody is found anew [s]."""

SHAPE_MEMORY = 60
"""Detections over which the mean of the betas runs."""


class Tracker:
    """People over time. One :meth:`update` for each image set."""

    def __init__(self, settings: IdentitySettings, errors: EstimateErrors):
        self.settings, self.errors = settings, errors
        self.tracks = Tracks.nobody(0)
        self.memory = Tracks.nobody(0)
        self.time: float | None = None
        self._next_id, self._next_key = 1, 1

    def state_dict(self) -> dict[str, Any]:
        """Everybody who is followed or remembered, as plain data."""
        return {
            'tracks': self.tracks.arrays(),
            'memory': self.memory.arrays(),
            'time': self.time,
            'next_id': self._next_id,
            'next_key': self._next_key,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.tracks, self.memory = Tracks(**state['tracks']), Tracks(**state['memory'])
        self.time, self._next_id, self._next_key = state['time'], state['next_id'], state['next_key']

    # -- one image set ------------------------------------------------------------------------------------------

    def update(
        self,
        time: float,
        detections: HeadDetections,
        cameras: CameraViews,
        level: bool = True,
        floor: float = math.nan,
    ) -> None:
        """Take in the detections of one image set, at ``time`` [s].

        Args:
            level: the world is z up.
            floor: z of the floor in a level world [m]; NaN: not known.
        """
        errors = self.errors
        walking = self.settings.walking if level else self.settings.walking.isotropic
        views = len(cameras.seen)
        tracks = self.tracks.with_views(views, errors)
        self.memory = self.memory.with_views(views, errors)
        elapsed = LONGEST_STEP if self.time is None else max(time - self.time, 1e-3)
        tracks.mean, tracks.covariance = predict(tracks.mean, tracks.covariance, elapsed, walking, errors)
        fresh = -np.expm1(-min(elapsed, LONGEST_STEP) / INDEPENDENT)
        measurements = Measurements.of(detections, cameras.position_error, fresh, errors)
        owner = np.full(len(detections), -1)
        if len(tracks):
            owner = self._explain(tracks, time, detections, measurements, cameras)
        begun = self._begin(time, views, detections, measurements, np.flatnonzero(owner < 0), owner, len(tracks))
        self.tracks = tracks.followed_by(begun)
        stand(self.tracks, floor, fresh, errors)
        weigh(self.tracks, detections, owner, cameras, elapsed, fresh, errors)
        self.tracks = joined(self.tracks, errors)
        first = self.time is None
        self.time = time
        self._end(time)
        self._name(time, first)

    def _explain(
        self,
        tracks: Tracks,
        time: float,
        detections: HeadDetections,
        measurements: Measurements,
        cameras: CameraViews,
    ) -> np.ndarray:
        """(N,) whose each detection is; moves the tracks to what they explain."""
        place = tracks.mean[:, PLACE], tracks.covariance[:, PLACE, PLACE]
        rate = detectability(*place, tracks.posture, cameras, self.errors).mean * tracks.existence[:, None]
        looks = posture_evidence(
            tracks.posture, tracks.view_posture, time - tracks.view_time, time - tracks.seen, detections.posture,
            detections.view, self.errors,
        ) + shape_evidence(tracks.betas, detections.betas, self.errors)  # fmt: skip
        mean, covariance = reduced(tracks.mean, tracks.covariance)
        assignment = JointAssignment(mean, covariance, detections, measurements, looks, rate, self.errors)
        owners = assignment.solve()
        index = observed_part(tracks.mean.shape[1])
        new = assignment.posterior(owners.person >= 0)
        tracks.mean, tracks.covariance = with_marginal(tracks.mean, tracks.covariance, index, *new)
        _write_down(tracks, time, detections, owners.person)
        return owners.person

    def _begin(
        self,
        time: float,
        views: int,
        detections: HeadDetections,
        measurements: Measurements,
        rows: np.ndarray,
        owner: np.ndarray,
        known: int,
    ) -> Tracks:
        """Somebody new for what is left over (``rows``); ``owner`` is completed."""
        group = newcomers(detections, measurements, rows, self.errors)
        begun = Tracks.begun(int(group.max(initial=-1)) + 1, views, time, self.settings.walking, self.errors)
        if not len(begun):
            return begun
        person = np.full(len(detections), -1)
        person[rows] = group
        begun.key = np.arange(self._next_key, self._next_key + len(begun))
        self._next_key += len(begun)
        number = np.bincount(group)[:, None]
        np.add.at(begun.mean[:, PLACE], group, detections.point[rows] / number[group])
        information, vector = measurements.mixed(np.ones(len(detections)))
        new = Prior.of(*reduced(begun.mean, begun.covariance)).after(group, information[rows], vector[rows])
        index = observed_part(begun.mean.shape[1])
        begun.mean, begun.covariance = with_marginal(begun.mean, begun.covariance, index, *new)
        _write_down(begun, time, detections, person)
        owner[rows] = known + group
        return begun

    # -- life ---------------------------------------------------------------------------------------------------

    def _end(self, time: float) -> None:
        """Whom to follow no longer, and whom to remember."""
        tracks = self.tracks
        kept = (tracks.existence >= FORGET) & (tracks.observed | (tracks.spread < LOST_SPREAD))
        memory = self.memory.followed_by(tracks.take(~kept & (tracks.id > 0)))
        memory = memory.take(time - memory.seen <= self.settings.memory)
        newest = np.sort(np.argsort(-memory.seen, kind='stable')[: self.settings.capacity])
        self.memory = memory.take(newest)
        self.tracks = tracks.take(kept)

    def _name(self, time: float, first: bool) -> None:
        """Those believed in for the first time are somebody remembered, or somebody new.

        Args:
            first: there was no image set before, and there may be none after: a photo.
        """
        tracks = self.tracks
        confirmed = first | (time - tracks.born >= CONFIRMED_AFTER) | ((tracks.owned >= 0).sum(1) > 1)
        new = np.flatnonzero((tracks.id == 0) & (tracks.existence >= self.settings.min_confidence) & confirmed)
        if not len(new):
            return
        left = tracks.seen <= tracks.born[new].min() + JUST_LEFT
        left |= (tracks.existence < self.settings.min_confidence) | displaced(tracks, new)
        away = np.flatnonzero((tracks.id > 0) & ~tracks.observed & left)
        old = self.memory.followed_by(tracks.take(away))
        found = recall(tracks.take(new), old, time, self.settings.recall_prior, self.settings.walking, self.errors)
        for row, source in zip(new, found):
            if source >= 0:
                tracks.id[row], tracks.known[row] = old.id[source], True
            else:
                tracks.id[row], self._next_id = self._next_id, self._next_id + 1
        taken = found[found >= 0]
        self.memory = self.memory.take(np.setdiff1d(np.arange(len(self.memory)), taken))
        gone = away[taken[taken >= len(old) - len(away)] - (len(old) - len(away))]
        self.tracks = tracks.take(np.setdiff1d(np.arange(len(tracks)), gone))

    def merge(self, keep: int, absorb: int) -> None:
        """Two ids of people who are there now are one person, which is where the one seen last is.

        Raises:
            KeyError: nobody has one of the ids.
        """
        rows = {int(identity): row for row, identity in enumerate(self.tracks.id) if identity}
        kept, gone = rows[keep], rows[absorb]
        tracks = self.tracks
        if tracks.seen[gone] > tracks.seen[kept]:
            tracks.id[gone], kept, gone = keep, gone, kept
        tracks.known[kept] |= tracks.known[gone]
        self.tracks = tracks.take(np.delete(np.arange(len(tracks)), gone))

    def move(self, change: Similarity) -> None:
        """Express everybody in the frame that ``change`` maps the world to."""
        self.tracks, self.memory = self.tracks.moved(change), self.memory.moved(change)

    # -- what is published --------------------------------------------------------------------------------------

    @property
    def published(self) -> np.ndarray:
        """Rows of the people who are believed in now, and whose place is known, in order of id."""
        tracks, settings = self.tracks, self.settings
        now = 0.0 if self.time is None else self.time
        recent = (tracks.spread < settings.max_uncertainty) & (now - tracks.seen <= settings.max_unseen)
        believed = (tracks.id > 0) & (tracks.existence >= settings.min_confidence)
        rows = np.flatnonzero(believed & (tracks.observed | recent))
        return rows[np.argsort(tracks.id[rows])]


def _write_down(tracks: Tracks, time: float, detections: HeadDetections, person: np.ndarray) -> None:
    """Note which detection is whose, and what it looks like; ``person`` (N,) index, -1: none of these."""
    tracks.owned = np.full_like(tracks.owned, -1)
    rows = np.flatnonzero(person >= 0)
    who, view = person[rows], detections.view[rows]
    tracks.owned[who, view] = detections.row[rows]
    tracks.view_posture[who, view], tracks.view_time[who, view] = detections.posture[rows], time
    number = np.bincount(who, minlength=len(tracks))
    seen = number > 0
    for mean, values in ((tracks.posture, detections.posture), (tracks.betas, detections.betas)):
        total = np.zeros_like(mean)
        np.add.at(total, who, values[rows])
        average = total[seen] / number[seen].reshape(-1, *[1] * (mean.ndim - 1))
        if mean is tracks.posture:
            mean[seen] = average
        else:
            tracks.count += number
            weight = (number / np.minimum(np.maximum(tracks.count, 1), SHAPE_MEMORY))[seen, None]
            mean[seen] += (average - mean[seen]) * np.minimum(weight, 1.0)
    tracks.since[seen] = np.where(time - tracks.seen[seen] > PAUSE, time, tracks.since[seen])
    tracks.seen[seen] = time
