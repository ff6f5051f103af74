"""Movements that no person makes: outliers and identity switches inside a tracklet (algorithm 1, lines 12 to 19)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.arrays import length
from chromm_ros.people.observations import world_joints
from chromm_ros.people.settings import TrackingSettings
from chromm_ros.skeleton import BODY_JOINTS


def split_implausible(
    people: ViewPeople, ids: np.ndarray, settings: TrackingSettings, errors: EstimateErrors
) -> tuple[np.ndarray, int]:
    """Ids (V, T, M) without implausible movements, and how many detections lost theirs.

    A tracklet whose every step is plausible, nearly always the case, stays as it is. Otherwise its longest plausible
    chain keeps the id, so that an outlier in the first frame does not cost the frames after it. What is left and
    plausible in itself becomes a tracklet of its own (the two halves of an identity switch), and the rest is dropped.
    """
    rows = np.nonzero(ids >= 0)
    if not rows[0].size:
        return ids, 0
    view, step, _ = rows
    track = ids[rows]
    order = np.lexsort((step, track, view))
    rows = tuple(axis[order] for axis in rows)
    view, step, track = view[order], step[order], track[order]
    sightings = _Sightings(
        world_joints(people, rows, BODY_JOINTS), people.times[step], length(people.head[rows].astype(np.float64))
    )
    together = (view[1:] == view[:-1]) & (track[1:] == track[:-1])
    suspects = together & ~_plausible(sightings.at(np.s_[:-1]), sightings.at(np.s_[1:]), settings, errors)
    if not suspects.any():
        return ids, 0
    following = ids.max((1, 2)) + 1  # next new id of each view
    starts = np.concatenate([[0], np.nonzero(~together)[0] + 1, [len(view)]])
    for number in np.unique(np.searchsorted(starts, np.nonzero(suspects)[0], side='right') - 1):
        part = slice(starts[number], starts[number + 1])
        chain = _chains(sightings.at(part), settings, errors)
        first = view[part][0]
        track[part] = np.where(chain > 0, following[first] + chain - 1, np.where(chain == 0, track[part], -1))
        following[first] += max(chain.max(), 0)
    result = np.full_like(ids, -1)
    result[rows] = track
    return result, int((track < 0).sum())


@dataclass(frozen=True)
class _Sightings:
    """N observations of people."""

    joints: np.ndarray  # (N, J, 3) world [m]
    times: np.ndarray  # (N,) [s]
    distance: np.ndarray  # (N,) of the head from the camera [m]

    def at(self, index: Any) -> _Sightings:
        return _Sightings(self.joints[index], self.times[index], self.distance[index])


def _plausible(
    before: _Sightings, after: _Sightings, settings: TrackingSettings, errors: EstimateErrors
) -> np.ndarray:
    """Whether (...) a person may have come from one sighting (...) to the other (...)."""
    noise = 2 * errors.joints + errors.depth * np.maximum(before.distance, after.distance)
    seconds = np.abs(after.times - before.times)
    return length(after.joints - before.joints).mean(-1) <= noise + settings.max_speed * seconds


def _chains(sightings: _Sightings, settings: TrackingSettings, errors: EstimateErrors) -> np.ndarray:
    """Number (N,) of the plausible chain that each of N observations in order of time belongs to; -1: of none.

    Chain 0 is the longest, 1 the longest of what is left, and so on; all but the first have ``min_split`` members.
    """
    allowed = _plausible(sightings.at(np.s_[:, None]), sightings.at(np.s_[None]), settings, errors)
    chain = np.full(len(sightings.times), -1)
    number = 0
    while (chain < 0).any():
        members = _longest_chain(allowed, np.nonzero(chain < 0)[0])
        if number and len(members) < settings.min_split:
            break
        chain[members] = number
        number += 1
    return chain


def _longest_chain(allowed: np.ndarray, candidates: np.ndarray) -> list[int]:
    """The most candidates such that each is allowed to follow the one before it."""
    links = np.ones(len(candidates), int)
    previous = np.full(len(candidates), -1)
    for i, candidate in enumerate(candidates):
        reach = np.where(allowed[candidates[:i], candidate], links[:i], 0)
        if i and reach.max() > 0:
            # the latest of the best: the smallest gap
            previous[i] = i - 1 - int(reach[::-1].argmax())
            links[i] = reach.max() + 1
    members, i = [], int(links.argmax())
    while i >= 0:
        members.append(int(candidates[i]))
        i = int(previous[i])
    return members[::-1]
