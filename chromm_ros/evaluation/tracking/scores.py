"""Multi-object tracking scores in 3D: IDF1, CLEAR-MOTA, HOTA, switches, and ghosts.

Truth are the people who are present and in sight of at least one camera. A published person at somebody who is
present and whom no camera sees is neither right nor wrong and is left out, as MOTChallenge does with ignored regions.
The numbers are those of py-motmetrics (a test compares them), which needs pandas and is therefore not used here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

FAR = 1e6
"""Cost of a pair outside of the gate."""

HOTA_GATES = np.arange(0.05, 1.0, 0.05)
"""Distances [m] over which ``hota_all`` is averaged."""


@dataclass(frozen=True)
class Step:
    """One time: N true people, of whom some are in sight, and M published ones."""

    people: np.ndarray  # (N,) int, those present
    in_sight: np.ndarray  # (N,) bool
    ids: np.ndarray  # (M,) int, published
    distance: np.ndarray  # (N, M) between heads [m]


@dataclass(frozen=True)
class TrackingScore:
    """Sums over steps, so that runs can be added up."""

    truth: int
    published: int
    misses: int
    false_alarms: int
    switches: int
    identified: int
    """Published people with the id that fits the true person best over the whole run (IDTP)."""
    hota: float
    hota_all: float
    head_error: float
    """Mean distance of the heads of matched people [m]."""
    ids: int
    """Different ids that were published."""
    ghosts: tuple[int, ...]
    """Lengths [steps] of the streaks in which an id was published without being anywhere near a true person."""

    @property
    def idf1(self) -> float:
        return 2 * self.identified / max(self.truth + self.published, 1)

    @property
    def mota(self) -> float:
        return 1 - (self.misses + self.false_alarms + self.switches) / max(self.truth, 1)


def score(steps: Sequence[Step], gate: float = 0.5) -> TrackingScore:
    """Scores of one run; a published person is right within ``gate`` [m] of a true one."""
    kept, ghosts = _without_ignored(steps, gate)
    misses = false_alarms = switches = 0
    errors: list[float] = []
    last: dict[int, int] = {}
    for step in kept:
        rows, columns = _continued_matches(step, last, gate)
        misses += len(step.people) - len(rows)
        false_alarms += len(step.ids) - len(columns)
        for row, column in zip(rows, columns):
            person, identity = int(step.people[row]), int(step.ids[column])
            switches += last.get(person, identity) != identity
            last[person] = identity
            errors.append(float(step.distance[row, column]))
    overlap = _Overlap.of(kept, gate)
    hota = [_hota(kept, value) for value in (gate, *HOTA_GATES)]
    return TrackingScore(
        truth=int(overlap.truth.sum()),
        published=int(overlap.published.sum()),
        misses=misses,
        false_alarms=false_alarms,
        switches=switches,
        identified=overlap.identified(),
        hota=hota[0],
        hota_all=float(np.mean(hota[1:])),
        head_error=float(np.mean(errors)) if errors else math.nan,
        ids=len(overlap.published),
        ghosts=ghosts,
    )


def matched(distance: np.ndarray, gate: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the one-to-one pairs within ``gate`` of least total distance."""
    rows, columns = linear_sum_assignment(np.where(distance < gate, distance, FAR))
    good = distance[rows, columns] < gate
    return rows[good], columns[good]


def _without_ignored(steps: Sequence[Step], gate: float) -> tuple[list[Step], tuple[int, ...]]:
    """The steps with people in sight alone, without what was published at those out of sight; streaks of ghosts."""
    kept, running, ghosts = [], dict[int, int](), list[int]()
    last: dict[int, int] = {}
    for step in steps:
        rows, columns = _continued_matches(step, last, gate)
        last.update(zip(step.people[rows].tolist(), step.ids[columns].tolist()))
        stays = np.ones(len(step.ids), bool)
        stays[columns[~step.in_sight[rows]]] = False
        kept.append(
            Step(
                step.people[step.in_sight],
                step.in_sight[step.in_sight],
                step.ids[stays],
                step.distance[step.in_sight][:, stays],
            )
        )
        alone = np.ones(len(step.ids), bool)
        alone[columns] = False
        now = {int(identity) for identity in step.ids[alone]}
        ghosts += [running.pop(identity) for identity in list(running) if identity not in now]
        for identity in now:
            running[identity] = running.get(identity, 0) + 1
    return kept, (*ghosts, *running.values())


def _continued_matches(step: Step, last: dict[int, int], gate: float) -> tuple[np.ndarray, np.ndarray]:
    """CLEAR's matches: a pair of before goes on while it is within the gate; the others are matched by distance."""
    before = np.array([last.get(int(person), -1) for person in step.people])
    going = (before[:, None] == step.ids[None]) & (step.distance < gate)
    free = ~going.any(1)[:, None] & ~going.any(0)[None]
    return matched(np.where(going, 0.0, np.where(free, step.distance, FAR)), gate)


@dataclass(frozen=True)
class _Overlap:
    """How often each true person and each id are, and are at the same place."""

    truth: np.ndarray  # (K,)
    published: np.ndarray  # (I,)
    together: np.ndarray  # (K, I)

    @staticmethod
    def of(steps: Sequence[Step], gate: float) -> _Overlap:
        people, ids = _index(steps)
        together = np.zeros((len(people), len(ids)))
        truth, published = np.zeros(len(people)), np.zeros(len(ids))
        for step in steps:
            row, column = np.searchsorted(people, step.people), np.searchsorted(ids, step.ids)
            truth[row] += 1
            published[column] += 1
            together[np.ix_(row, column)] += step.distance < gate
        return _Overlap(truth, published, together)

    def identified(self) -> int:
        """Most steps for which a one-to-one assignment of ids to people is right."""
        return int(self.together[linear_sum_assignment(-self.together)].sum())


def _hota(steps: Sequence[Step], gate: float) -> float:
    """HOTA at one gate (Luiten 2021), with 1 - distance as similarity."""
    people, ids = _index(steps)
    places = [(np.searchsorted(people, step.people), np.searchsorted(ids, step.ids)) for step in steps]
    likely = np.zeros((len(people), len(ids)))
    truth, published = np.zeros(len(people)), np.zeros(len(ids))
    for step, (row, column) in zip(steps, places):
        similar = np.clip(1 - step.distance, 0, 1)
        union = similar.sum(0) + similar.sum(1)[:, None] - similar
        likely[np.ix_(row, column)] += np.divide(similar, union, out=np.zeros_like(similar), where=union > 1e-9)
        truth[row] += 1
        published[column] += 1
    likely /= np.maximum(truth[:, None] + published - likely, 1e-9)
    together = np.zeros_like(likely)
    for step, (row, column) in zip(steps, places):
        near = step.distance < gate
        worth = np.where(near, 1e3 + likely[np.ix_(row, column)] * np.clip(1 - step.distance, 0, 1), 0.0)
        one, other = linear_sum_assignment(-worth)
        good = near[one, other]
        together[row[one[good]], column[other[good]]] += 1
    hits = together.sum()
    detection = hits / max(truth.sum() + published.sum() - hits, 1)
    association = (together * together / np.maximum(truth[:, None] + published - together, 1)).sum() / max(hits, 1)
    return float(np.sqrt(detection * association))


def _index(steps: Sequence[Step]) -> tuple[np.ndarray, np.ndarray]:
    """All true people and all ids, sorted."""
    empty = np.zeros(0, int)
    return (
        np.unique(np.concatenate([empty, *(step.people for step in steps)])),
        np.unique(np.concatenate([empty, *(step.ids for step in steps)])),
    )
