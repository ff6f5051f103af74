"""The people of a session, from the first observation to the last.

Who is there and where is the tracker's business (:mod:`chromm_ros.people.tracker`); the identities add what a body
looks like and how it turns. Somebody is published while believed in: TENTATIVE until it is sure that this is a
person, TRACKED while a camera sees it, PREDICTED while none does, and LOST once, when it is published no longer. A
lost identity is remembered for a while and gets its id back when it is recognised; an id is never given to anybody
else within a session.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from chromm_ros.capture.identity.motion import Motion, Turn
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import HumanState, People, ViewPeople
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people import PeopleSettings
from chromm_ros.people.fusion import Body, fuse
from chromm_ros.people.observations import usable
from chromm_ros.people.tracker import CameraViews, HeadDetections, IdentitySettings, Tracker
from chromm_ros.people.tracker.footing import soles

TRACKLET_GAP = 1.0
"""A tracklet ends when its view does not see the person for longer [s]."""

SHAPE_MEMORY = 100
"""Image sets over which the mean of a measured shape runs."""

BodyJoints = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""betas (K, 10) and pose (K, 52, 3, 3) to canonical joints (K, 55, 3) and joint rotations (K, 55, 3, 3)."""


@dataclass(frozen=True)
class Figure:
    """What a person looked like when last observed."""

    stamp: int  # [ns]
    pose: np.ndarray  # (52, 3, 3)
    betas: np.ndarray  # (10,) running mean
    canonical_joints: np.ndarray  # (55, 3) pelvis at the origin, root unrotated [m]
    joint_rotations: np.ndarray  # (55, 3, 3) of the joints with the root unrotated
    turn: Turn
    """At ``stamp``."""
    measured: int = 0
    """Image sets whose landmarks gave the shape; 0: it is the mean of what single views say."""

    @staticmethod
    def of(fields: dict[str, Any]) -> Figure:
        """From the fields that ``asdict`` gives."""
        return Figure(**{**fields, 'turn': Turn(**fields['turn'])})


@dataclass(frozen=True)
class Person:
    """One person at the time of the newest image set."""

    id: int
    """0: not believed in yet."""
    state: HumanState
    published: bool
    confidence: float
    """Existence probability."""
    first_observed: int  # [ns]
    absorbed: tuple[int, ...]
    figure: Figure
    motion: Motion
    column: int | None
    """Column in the fused people of this image set; None: nobody sees the person now."""

    @staticmethod
    def of(fields: dict[str, Any]) -> Person:
        """From the fields that ``asdict`` gives."""
        motion = Motion(**{**fields['motion'], 'turn': Turn(**fields['motion']['turn'])})
        made: dict[str, Any] = {
            'state': HumanState(fields['state']),
            'absorbed': tuple(fields['absorbed']),
            'figure': Figure.of(fields['figure']),
            'motion': motion,
        }
        return Person(**{**fields, **made})


@dataclass(frozen=True)
class Evidence:
    """What one image set says about people: all that identities are judged by."""

    stamp: int  # [ns]
    detections: ViewPeople  # (V, 1, M)
    cameras: CameraViews
    change: Similarity
    """How the world was moved since the image set before."""
    floor: float
    """z of the floor, as far as was known before [m]; NaN: not at all, or the world is not level."""


class Identities:
    """Owner of all identities of one session."""

    def __init__(self, settings: IdentitySettings, errors: EstimateErrors, body_joints: BodyJoints):
        self.tracker = Tracker(settings, errors)
        self.dropped: Counter[str] = Counter()
        """Detections and views of a person that the newest image set left out, by reason."""
        self.people: tuple[Person, ...] = ()
        """Everybody at the newest image set: those published, those just lost, and those who are seen and doubted."""
        self.evidence: Evidence | None = None
        """The newest image set."""
        self.fused: People | None = None
        """The observed people of the newest image set."""
        self._body_joints = body_joints
        self._figures: dict[int, Figure] = {}  # by key of the track
        self._first_observed: dict[int, int] = {}  # by id
        self._announced: dict[int, Person] = {}
        self._absorbed: dict[int, list[int]] = {}
        self._tracklets: dict[tuple[int, int], tuple[int, int]] = {}  # (view, key) -> (number, stamp of last image)
        self._next_tracklet: Counter[int] = Counter()
        self._start: int | None = None
        self._change = Similarity.identity()

    @property
    def settings(self) -> IdentitySettings:
        return self.tracker.settings

    @settings.setter
    def settings(self, settings: IdentitySettings) -> None:
        self.tracker.settings = settings

    def update(
        self,
        stamp: int,
        people: ViewPeople,
        cameras: CameraViews,
        settings: PeopleSettings,
        body: Body,
        level: bool = True,
        floor: float = math.nan,
    ) -> None:
        """Take in the detections (V, 1, M) of one image set; V counts all cameras of the rig, seen or not.

        Args:
            level: the world is z up.
            floor: z of the floor in a level world [m]; NaN: not known.
        """
        self._start = stamp if self._start is None else self._start
        mask, dropped = usable(people, settings.tracking.duplicate_distance)
        self.tracker.update((stamp - self._start) * 1e-9, HeadDetections.of(people, mask), cameras, level, floor)
        tracks = self.tracker.tracks
        seen = np.flatnonzero(tracks.observed)
        self.evidence = Evidence(stamp, people, cameras, self._change, floor)
        self._change = Similarity.identity()
        self.fused = self._fuse(people, seen, settings, body)
        self.dropped = Counter(dropped) + Counter(self.fused.dropped)
        self._look(stamp, seen, self.fused)
        self._number(stamp)
        self._list(stamp, seen)

    @property
    def soles(self) -> np.ndarray:
        """(N,) heights of the soles of those whom several cameras place now, world [m]."""
        return np.zeros(0) if self.fused is None else soles(self.fused)

    def keep(self) -> None:
        """After the snapshot was made: what it announced once is over."""
        self._announced = {person.id: person for person in self.people if person.published}
        self._absorbed.clear()

    def merge(self, keep: int, absorb: Iterable[int]) -> None:
        """Make several identities one.

        Raises:
            ValueError: an id is not there now, or absorbs itself.
        """
        absorb = list(dict.fromkeys(absorb))
        there = {int(identity) for identity in self.tracker.tracks.id if identity}
        unknown = [identity for identity in (keep, *absorb) if identity not in there]
        if unknown or keep in absorb or not absorb:
            names = ', '.join(str(identity) for identity in sorted(there)) or 'nobody'
            raise ValueError(
                f'cannot merge {absorb} into {keep}: name one person to keep and others to absorb among the people '
                f'that are there now ({names})'
            )
        for identity in absorb:
            self.tracker.merge(keep, identity)
            self._absorbed.setdefault(keep, []).extend([identity, *self._absorbed.pop(identity, [])])
            self._announced.pop(identity, None)
            first = self._first_observed.pop(identity)
            self._first_observed[keep] = min(self._first_observed[keep], first)

    def move(self, change: Similarity) -> None:
        """Express everybody in the frame that ``change`` maps the world to."""
        self.tracker.move(change)
        self._change = change @ self._change
        self._figures = {
            key: replace(figure, turn=figure.turn.moved(change)) for key, figure in self._figures.items()
        }

    def tracklet(self, view: int, person: Person) -> int:
        """Number of a person's observations by one view, which stays as long as the view does not lose the person."""
        assert person.column is not None
        return self._tracklets[view, int(self.tracker.tracks.key[self._seen[person.column]])][0]

    def state_dict(self) -> dict[str, Any]:
        """Everybody, as plain data; what the newest image set says is left out."""
        return {
            'tracker': self.tracker.state_dict(),
            'figures': [[key, asdict(figure)] for key, figure in self._figures.items()],
            'first_observed': list(self._first_observed.items()),
            'announced': [asdict(person) for person in self._announced.values()],
            'absorbed': list(self._absorbed.items()),
            'tracklets': [[*place, *run] for place, run in self._tracklets.items()],
            'next_tracklet': list(self._next_tracklet.items()),
            'start': self._start,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.tracker.load_state_dict(state['tracker'])
        self._figures = {key: Figure.of(fields) for key, fields in state['figures']}
        self._first_observed = dict(state['first_observed'])
        self._announced = {fields['id']: Person.of(fields) for fields in state['announced']}
        self._absorbed = dict(state['absorbed'])
        self._tracklets = {(view, key): (number, stamp) for view, key, number, stamp in state['tracklets']}
        self._next_tracklet = Counter(dict(state['next_tracklet']))
        self._start = state['start']

    # -- one image set ------------------------------------------------------------------------------------------

    def _fuse(self, people: ViewPeople, seen: np.ndarray, settings: PeopleSettings, body: Body) -> People:
        """One body from the views that see it (CHROMM 3.2), for the tracks ``seen`` (K,)."""
        self._seen = seen
        identity = np.full(people.valid.shape, -1)
        column, view = np.nonzero(self.tracker.tracks.owned[seen] >= 0)
        identity[view, 0, self.tracker.tracks.owned[seen][column, view]] = column
        return fuse(people, identity, settings.fusion, self.tracker.errors, body)

    def _look(self, stamp: int, seen: np.ndarray, fused: People) -> None:
        """Note what everybody who is seen looks like."""
        tracks = self.tracker.tracks
        remembered = {int(key) for key in (*tracks.key, *self.tracker.memory.key)}
        self._figures = {key: figure for key, figure in self._figures.items() if key in remembered}
        if not len(seen):
            return
        persistence = self.settings.walking.persistence
        pose, (betas, measured) = fused.pose[0], self._shapes(seen, fused)
        for column, joints, rotations in zip(range(len(seen)), *self._body_joints(betas, pose)):
            key, rotation = int(tracks.key[seen[column]]), fused.root_rotation[0, column]
            before = self._figures.get(key)
            turn = Turn.begin(rotation)
            if before is not None:
                turn = before.turn.after((stamp - before.stamp) * 1e-9, persistence).observed(rotation)
            self._figures[key] = Figure(stamp, pose[column], betas[column], joints, rotations, turn, measured[column])

    def _shapes(self, seen: np.ndarray, fused: People) -> tuple[np.ndarray, list[int]]:
        """Betas (K, 10) of the tracks ``seen``, and how often each was measured: a body is of one size.

        What landmarks of several views measured stays when only one view is left.
        """
        tracks = self.tracker.tracks
        betas, measured = tracks.betas[seen].copy(), []
        for column, row in enumerate(seen):
            before = self._figures.get(int(tracks.key[row]))
            count = 0 if before is None else before.measured
            if before is not None and count:
                betas[column] = before.betas
            if fused.measured is not None and fused.measured[0, column]:
                count = min(count + 1, SHAPE_MEMORY)
                mean = betas[column] if count > 1 else fused.betas[0, column]
                betas[column] = mean + (fused.betas[0, column] - mean) / count
            measured.append(count)
        return betas, measured

    def _number(self, stamp: int) -> None:
        """Continue the tracklets of each view, or begin new ones."""
        gap = stamp - int(TRACKLET_GAP * 1e9)
        going = {place: run for place, run in self._tracklets.items() if run[1] >= gap}
        tracks = self.tracker.tracks
        for row, view in zip(*np.nonzero(tracks.owned >= 0)):
            place = int(view), int(tracks.key[row])
            if place not in going:
                going[place] = self._next_tracklet[place[0]], stamp
                self._next_tracklet[place[0]] += 1
            going[place] = going[place][0], stamp
        self._tracklets = going

    def _list(self, stamp: int, seen: np.ndarray) -> None:
        """Write down who is published, who is lost since the last snapshot, and who is seen but not believed in."""
        tracks, published = self.tracker.tracks, self.tracker.published
        column = {int(row): number for number, row in enumerate(seen)}
        people = [self._person(stamp, int(row), column.get(int(row)), True) for row in published]
        there = {person.id for person in people}
        for identity, person in self._announced.items():
            if identity not in there:
                people.append(self._lost(stamp, person))
        doubted = [int(row) for row in seen if int(row) not in set(published.tolist())]
        people += [self._person(stamp, row, column[row], False) for row in doubted]
        self.people = tuple(sorted(people, key=lambda person: (not person.published, person.id)))
        live = {int(identity) for identity in (*tracks.id, *self.tracker.memory.id)} | there
        self._first_observed = {key: first for key, first in self._first_observed.items() if key in live}

    def _person(self, stamp: int, row: int, column: int | None, published: bool) -> Person:
        tracks = self.tracker.tracks
        identity = int(tracks.id[row])
        assert self._start is not None
        born = self._start + round(float(tracks.born[row]) * 1e9)
        if identity:
            born = self._first_observed.setdefault(identity, born)
        figure = self._figures[int(tracks.key[row])]
        since = (stamp - figure.stamp) * 1e-9
        motion = Motion(
            stamp,
            tracks.mean[row, :3],
            tracks.mean[row, 3:6],
            tracks.covariance[row, :6, :6],
            figure.turn.after(since, self.settings.walking.persistence),
        )
        state = HumanState.TRACKED if column is not None else HumanState.PREDICTED
        if not tracks.known[row]:
            state = HumanState.TENTATIVE
        absorbed = tuple(self._absorbed.get(identity, ()))
        confidence = float(tracks.existence[row])
        return Person(identity, state, published, confidence, born, absorbed, figure, motion, column)

    def _lost(self, stamp: int, person: Person) -> Person:
        """Somebody who was published, for the last time, where the person is believed to be if it is there."""
        rows = np.flatnonzero(self.tracker.tracks.id == person.id)
        if len(rows):
            person = self._person(stamp, int(rows[0]), None, False)
        else:  # it is followed no longer: what is remembered says how little was left of it
            memory = self.tracker.memory
            person = replace(person, confidence=float(memory.existence[memory.id == person.id].max(initial=0.0)))
        return replace(person, state=HumanState.LOST, column=None, published=False)
