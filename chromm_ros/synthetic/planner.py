"""Plan where people go so that nobody walks through furniture, cameras or one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from chromm_ros.synthetic.motion import STANDING, Gait, sample_activity
from chromm_ros.synthetic.rooms import Room
from chromm_ros.synthetic.routes import Route, Segment, curve, stay, walk

GRID = 0.25
"""Seconds between the times at which distances are checked."""

TRIES = 16
"""Candidates per decision; the best is taken when none is free."""

CLEAR_FURNITURE, CLEAR_PEOPLE, CLEAR_CAMERAS = 0.3, 0.65, 0.8
"""Distances that are kept [m], from the pelvis."""

_ACTIVITY_WEIGHTS = np.array([0.22, 0.17, 0.2, 0.1, 0.2, 0.11])  # in the order of STANDING
LOOP = 45.0
"""Shortest duration that is made a closed loop, with somebody going out by the door [s]."""

_HOMEWARD = 10.0
"""Seconds kept for the way back to the start: the longest walk in a room at the slowest gait."""

_AWAY = (6.0, 12.0)
"""Seconds that somebody who left the room stays away."""


@dataclass
class Planner:
    """Plans one person after the other; later people give way to earlier ones."""

    room: Room
    cameras: np.ndarray
    """(V, 2) cameras over the floor [m]."""
    duration: float
    """Seconds of the loop."""

    def __post_init__(self) -> None:
        self.others: list[Route] = []
        self._tracks = np.empty((0, int(np.ceil(self.duration / GRID)) + 1, 2))

    def plan(self, rng: np.random.Generator, leaves: bool = False) -> Route:
        """The route of one more person.

        Args:
            leaves: goes out by the door once and comes back, if the duration makes a LOOP.
        """
        closed = self.duration >= LOOP
        segments = self._begin(rng, closed)
        away_at = rng.uniform(0.25, 0.4) * self.duration if leaves and closed else np.inf
        end = self.duration - _HOMEWARD if closed else self.duration
        while segments[-1].end < end:
            if segments[-1].end > away_at:
                last, away_at = segments[-1], np.inf
                added = self._freest(partial(self._trip_outside, rng, last))
            else:
                added = self._next(rng, segments[-1])
            if closed and added[-1].end > end:
                break
            segments += added
        if closed:
            segments += self._go_home(rng, segments[0], segments[-1])
        route = Route(tuple(segments), self.duration, closed)
        self.others.append(route)
        track = _positions(segments, np.arange(self._tracks.shape[1]) * GRID)
        self._tracks = np.concatenate([self._tracks, track[None]])
        return route

    def _begin(self, rng: np.random.Generator, stays: bool) -> list[Segment]:
        """Somewhere in the middle of a stay, or of a walk, that began before time zero."""

        def candidate() -> list[Segment]:
            place, heading = self._spot(rng), rng.uniform(-np.pi, np.pi)
            first = stay(-1.0, 1.0, place, (heading, heading), sample_activity('idle', rng), 0.0)
            walks = not stays and rng.random() < 0.45
            segments = self._walk_and_stay(rng, first, self._spot(rng)) if walks else [self._stay(rng, first)]
            earlier = rng.uniform(0.15, 0.85) * segments[0].duration
            return [replace(segment, start=segment.start - earlier - segments[0].start) for segment in segments]

        def freedom(segments: list[Segment]) -> float:
            """Whoever stays comes back here in the end, so the place must be free then too."""
            back = replace(segments[0], start=self.duration - _HOMEWARD / 2, duration=_HOMEWARD / 2)
            return min(self._freedom(segments), self._freedom([back]) if stays else np.inf)

        return self._freest(candidate, freedom)

    def _next(self, rng: np.random.Generator, last: Segment) -> list[Segment]:
        def candidate() -> list[Segment]:
            if rng.random() < 0.15:
                return [self._stay(rng, last)]
            return self._walk_and_stay(rng, last, self._spot(rng, beside=True))

        return self._freest(candidate)

    def _go_home(self, rng: np.random.Generator, first: Segment, last: Segment) -> list[Segment]:
        """Back to where the first segment stays, facing as it does at time zero."""
        segments = self._freest(lambda: self._walk_and_stay(rng, last, first.path[-1]))
        arrived = replace(segments[-1], path=np.stack([segments[-1].path[0], first.path[-1]]))
        arrived = replace(arrived, duration=self.duration - arrived.start)
        now, end = (float(s.facing(np.array([t]))[0]) for s, t in ((first, 0.0), (arrived, self.duration)))
        return [*segments[:-1], replace(arrived, heading=(arrived.heading[0], arrived.heading[1] + now - end))]

    def _freest(
        self, candidate: Callable[[], list[Segment]], score: Callable[[list[Segment]], float] | None = None
    ) -> list[Segment]:
        """The first of TRIES candidates that keeps all distances, else the one that comes closest to it."""
        best: tuple[float, list[Segment]] = (-np.inf, [])
        for _ in range(TRIES):
            segments = candidate()
            freedom = (score or self._freedom)(segments)
            if freedom > best[0]:
                best = (freedom, segments)
            if freedom > 0:
                break
        return best[1]

    def _spot(self, rng: np.random.Generator, beside: bool = False) -> np.ndarray:
        """A place to stand: free of furniture, sometimes a stool, sometimes beside somebody."""
        if beside and self.others and rng.random() < 0.25:
            somebody = self._tracks[rng.integers(len(self._tracks)), rng.integers(self._tracks.shape[1])]
            angle = rng.uniform(-np.pi, np.pi)
            place = somebody + rng.uniform(0.8, 1.2) * np.array([np.cos(angle), np.sin(angle)])
            if self.room.contains(place) and self.room.clearance(place) > CLEAR_FURNITURE:
                return place
        if len(self.room.stools) and rng.random() < 0.25:
            return self.room.stools[rng.integers(len(self.room.stools)), :2].copy()
        for _ in range(20):
            place = rng.uniform(-1, 1, 2) * np.minimum(0.68 * self.room.half[:2], self.room.half[:2] - 0.75)
            if self.room.clearance(place) > CLEAR_FURNITURE:
                break
        return place

    def _walk_and_stay(self, rng: np.random.Generator, last: Segment, target: np.ndarray) -> list[Segment]:
        """Walk to a place and do something there; a stool is walked up to and sat on."""
        stool = self._stool_at(target)
        start = last.path[-1]
        if stool is not None:
            towards = start - target
            target = target + 0.42 * towards / (np.hypot(*towards) + 1e-9)
        if np.hypot(*(target - start)) < 0.5:
            return [self._stay(rng, last)]
        gait = Gait(rng, run=rng.random() < 0.12)
        going = walk(last.end, curve(start, target, rng.uniform(-0.25, 0.25)), _final(last), gait, _total(last))
        return [going, self._stay(rng, going, stool)]

    def _stay(self, rng: np.random.Generator, last: Segment, stool: np.ndarray | None = None) -> Segment:
        place, heading, walked = last.path[-1], _final(last), _total(last)
        seconds = rng.uniform(2.5, 7)
        if stool is not None:
            outward = place - stool[:2]
            facing = float(np.arctan2(outward[1], outward[0]))  # sit down facing the way one came
            return stay(
                last.end, seconds + 2, stool[:2], (heading, facing), sample_activity('sit', rng), walked, place
            )
        activity = sample_activity(str(rng.choice(STANDING, p=_ACTIVITY_WEIGHTS)), rng)
        return stay(last.end, seconds, place, (heading, self._interest(rng, place, last.end)), activity, walked)

    def _interest(self, rng: np.random.Generator, place: np.ndarray, time: float) -> float:
        """Which way to face: towards somebody near, else anywhere."""
        if len(self._tracks) and 0 <= time <= self.duration:
            offsets = self._tracks[:, int(time / GRID)] - place
            near = np.hypot(*offsets.T).argmin()
            if np.hypot(*offsets[near]) < 1.6 and rng.random() < 0.7:
                return float(np.arctan2(offsets[near, 1], offsets[near, 0]))
        return rng.uniform(-np.pi, np.pi)

    def _trip_outside(self, rng: np.random.Generator, last: Segment) -> list[Segment]:
        """Out by the door after a moment, some seconds away, and back in."""
        inside, outside = self.room.doorway
        gait = Gait(rng)
        waiting = replace(self._stay(rng, last), duration=rng.uniform(0.5, 4))
        out = np.concatenate([curve(waiting.path[-1], inside, rng.uniform(-0.25, 0.25)), outside[None]])
        going = walk(waiting.end, out, _final(waiting), gait, _total(waiting))
        away = stay(going.end, rng.uniform(*_AWAY), outside, (_final(going), _final(going) + np.pi),
                    sample_activity('idle', rng), _total(going))  # fmt: skip
        back = walk(away.end, np.stack([outside, inside]), _final(away), gait, _total(away))
        return [waiting, going, away, back]

    def _stool_at(self, place: np.ndarray) -> np.ndarray | None:
        for stool in self.room.stools:
            if stool[0] == place[0] and stool[1] == place[1]:
                return stool
        return None

    def _freedom(self, segments: list[Segment]) -> float:
        """Least distance kept from anything, over what must be kept [m]; negative: too close."""
        first, last = max(segments[0].start, 0.0), min(segments[-1].end, self.duration)
        steps = np.arange(int(np.ceil(first / GRID)), int(last / GRID) + 1)
        if len(steps) == 0:
            return 1.0
        places = _positions(segments, steps * GRID)
        sits = any(self._stool_at(end) is not None for end in (segments[0].path[0], segments[-1].path[-1]))
        room = self.room.clearance(places, ignore_stools=sits).min() - CLEAR_FURNITURE
        if len(self.cameras):
            room = min(room, np.linalg.norm(places[:, None] - self.cameras, axis=-1).min() - CLEAR_CAMERAS)
        if len(self._tracks):
            room = min(room, np.linalg.norm(places - self._tracks[:, steps], axis=-1).min() - CLEAR_PEOPLE)
        return float(room)


def _final(segment: Segment) -> float:
    """Heading at the end of a segment."""
    return float(segment.facing(np.array([segment.end]))[0])


def _total(segment: Segment) -> float:
    """Metres walked up to the end of a segment; a step to a stool is not a walk."""
    return segment.walked + (segment.length if segment.speed else 0.0)


def _positions(segments: list[Segment], times: np.ndarray) -> np.ndarray:
    """(T, 2) where a person is at increasing times."""
    index = np.searchsorted([segment.start for segment in segments[1:]], times, side='right')
    places = np.empty((len(times), 2))
    for number in np.unique(index):
        places[index == number] = segments[number].position(times[index == number])
    return places
