"""Where people go: stays and walks, one after the other, valid for any time of a loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from chromm_ros.synthetic.motion import Activity, Angles, Gait

RAMP = 0.4
"""Seconds to reach walking speed, and to stop."""

TURN = 0.9
"""Seconds to turn to a new heading and to blend from one activity to the next."""


@dataclass(frozen=True)
class Segment:
    """One thing a person does between two times: a stay (perhaps with a step to a seat) or a walk along a path."""

    start: float
    duration: float
    path: np.ndarray
    """(N, 2) points on the floor; one for a stay."""
    activity: Activity
    speed: float
    """[m/s]; 0: a stay."""
    heading: tuple[float, float]
    """Direction faced before and after [rad], world; a walk ends as its path does."""
    walked: float = 0.0
    """Metres walked before this segment."""

    @cached_property
    def _lengths(self) -> np.ndarray:
        """(N,) metres along the path at its points."""
        steps = self.path[1:] - self.path[:-1]
        return np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])

    @cached_property
    def _headings(self) -> np.ndarray:
        """(N,) direction of the path at its points [rad], without jumps."""
        steps = self.path[1:] - self.path[:-1]
        headings = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        return np.concatenate([headings[:1], headings])

    @property
    def end(self) -> float:
        return self.start + self.duration

    @property
    def length(self) -> float:
        """Metres of the path."""
        return float(self._lengths[-1])

    def progress(self, times: np.ndarray) -> np.ndarray:
        """(T,) metres along the path at (T,) seconds."""
        elapsed = np.minimum(np.maximum(times - self.start, 0), self.duration)
        if len(self.path) == 1:
            return np.zeros_like(elapsed)
        if self.speed == 0:
            return self.length * _ease(elapsed / TURN)
        ramp = min(RAMP, self.duration / 2)
        rising = np.minimum(elapsed, ramp) ** 2 / (2 * ramp)
        steady = np.minimum(np.maximum(elapsed - ramp, 0), self.duration - 2 * ramp)
        left = np.minimum(self.duration - elapsed, ramp)
        falling = ramp / 2 - left**2 / (2 * ramp)
        return np.minimum(self.speed * (rising + steady + falling), self.length)

    def position(self, times: np.ndarray) -> np.ndarray:
        """(T, 2) metres at (T,) seconds."""
        along = self.progress(times)
        return np.stack([np.interp(along, self._lengths, self.path[:, axis]) for axis in (0, 1)], -1)

    def facing(self, times: np.ndarray) -> np.ndarray:
        """(T,) radians at (T,) seconds."""
        if self.speed > 0:
            new = float(self._headings[0])
            drift = np.interp(self.progress(times), self._lengths, self._headings) - new
        else:
            new = self.heading[1]
            drift = 0.12 * np.sin(0.4 * (times - self.start))
        # the shorter way around is chosen once per segment, not anew at every time
        turn = (new - self.heading[0] + np.pi) % (2 * np.pi) - np.pi
        return self.heading[0] + (turn + drift) * _ease((times - self.start) / TURN)

    def angles(self, times: np.ndarray) -> Angles:
        """(T, C) at (T,) seconds."""
        return self.activity(times, self.walked + self.progress(times))


@dataclass(frozen=True)
class Route:
    """Everything one person does in ``duration`` seconds; afterwards it begins again."""

    segments: tuple[Segment, ...]
    duration: float
    closed: bool = False
    """The person is back at the start in the end, so that beginning again is no jump."""

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, Angles]:
        """Position (T, 2) [m], heading (T,) [rad] and joint angles (T, C) at (T,) seconds."""
        times = np.mod(times, self.duration)
        starts = np.array([segment.start for segment in self.segments[1:]])
        index = np.searchsorted(starts, times, side='right')
        position, heading = np.empty((len(times), 2)), np.empty(len(times))
        angles: Angles | None = None
        for number in np.unique(index):
            here, segment = index == number, self.segments[number]
            position[here], heading[here] = segment.position(times[here]), segment.facing(times[here])
            found = self._blended(number, times[here])
            angles = np.empty((len(times), found.shape[1])) if angles is None else angles
            angles[here] = found
        if angles is None:
            raise ValueError('no times were given')
        return position, heading, angles

    def _blended(self, number: int, times: np.ndarray) -> Angles:
        """Angles of a segment, eased in from those of the segment before it."""
        angles = self.segments[number].angles(times)
        if number == 0 and not self.closed:
            return angles
        before, begun = self.segments[number - 1], self.segments[number].start
        if number == 0:  # comes from the end of the loop
            begun = 0.0
        share = _ease((times - begun) / TURN)[:, None]
        if (share < 1).any():
            earlier = times + self.duration if number == 0 else times
            angles = share * angles + (1 - share) * before.angles(earlier)
        return angles


def stay(
    start: float, duration: float, place: np.ndarray, heading: tuple[float, float], activity: Activity, walked: float,
    step: np.ndarray | None = None,
) -> Segment:  # fmt: skip
    """Stand (or sit) at ``place`` (2,); with ``step`` (2,) arrive there and take one step to ``place``."""
    path = place[None] if step is None else np.stack([step, place])
    return Segment(start, duration, path, activity, 0.0, heading, walked)


def walk(start: float, path: np.ndarray, heading: float, gait: Gait, walked: float) -> Segment:
    """Walk along ``path`` (N, 2) as fast as the gait goes."""
    length = float(np.hypot(*np.diff(path, axis=0).T).sum())
    duration = length / gait.speed + min(RAMP, length / gait.speed)
    end = path[-1] - path[-2]
    return Segment(start, duration, path, gait, gait.speed, (heading, float(np.arctan2(end[1], end[0]))), walked)


def curve(start: np.ndarray, end: np.ndarray, bow: float, points: int = 12) -> np.ndarray:
    """(points, 2) a path that bulges sideways by ``bow`` times half its length."""
    along = end - start
    middle = (start + end) / 2 + bow * np.array([-along[1], along[0]])
    s = np.linspace(0, 1, points)[:, None]
    return (1 - s) ** 2 * start + 2 * s * (1 - s) * middle + s**2 * end


def _ease(share: np.ndarray) -> np.ndarray:
    """Smooth step from 0 to 1."""
    share = np.minimum(np.maximum(share, 0), 1)
    return share * share * (3 - 2 * share)
