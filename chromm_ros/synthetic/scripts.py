"""Worlds in which something known happens: what a capture of people must come through without losing anybody.

Rooms and rigs are drawn until the script fits into one; the same seed gives the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.synthetic.motion import Gait, sample_activity
from chromm_ros.synthetic.people import Looks
from chromm_ros.synthetic.planner import CLEAR_CAMERAS, CLEAR_FURNITURE
from chromm_ros.synthetic.rigs import Rig
from chromm_ros.synthetic.rooms import Room
from chromm_ros.synthetic.routes import Route, Segment, stay, walk
from chromm_ros.synthetic.world import IMAGE_SIZE, Actor, World

HEAD_HEIGHT = 1.55
"""Of a person who stands, about [m]."""

MARGIN = 0.06
"""A head this near to the edge of a picture, as a part of its width, may or may not be seen."""

PASSING = 0.7
"""Distance of two people who walk past each other [m]."""

ATTEMPTS = 500
"""Rooms and rigs that are tried for a script."""

Stop = tuple[Sequence[np.ndarray], float]
"""Points to walk through, and seconds to stay at the last one."""


def scripted(script: str, seed: int, views: int = 4, image_size: tuple[int, int] = IMAGE_SIZE) -> World:
    """The world of one of SCRIPTS; it lasts as long as its people walk, and then begins again.

    Raises:
        ValueError: there is no such script, or no room for it.
    """
    if script not in SCRIPTS:
        raise ValueError(f'unknown script {script!r}; known are {", ".join(SCRIPTS)}')
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([seed, attempt])
        room = Room.sample(rng)
        stage = _Stage(room, Rig.sample(rng, room, views, image_size), rng)
        stops = SCRIPTS[script](stage)
        if stops is not None:
            return World(room, stage.rig, _cast(rng, stops), seed)
    raise ValueError(f'no room of {ATTEMPTS} with {views} cameras has a place for the script {script!r}')


class _Stage:
    """Where in a room one can stand and walk, and who sees it."""

    def __init__(self, room: Room, rig: Rig, rng: np.random.Generator):
        self.room, self.rig, self.rng = room, rig, rng
        width, height = rig.image_size
        self._camera_from_world = invert_rigid(rig.world_from_camera(np.zeros(1))[:, 0])
        self._frame = np.array([[MARGIN, MARGIN], [1 - MARGIN, 1 - MARGIN]]) * width * np.array([1, height / width])

    def free(self, points: np.ndarray) -> np.ndarray:
        """(...) bool: (..., 2) points of the floor away from walls, furniture and cameras."""
        inside = (np.abs(points) < self.room.half[:2] - 0.5).all(-1)
        cameras = np.linalg.norm(points[..., None, :] - self.rig.places[:, :2], axis=-1).min(-1)
        return inside & (self.room.clearance(points) > CLEAR_FURNITURE) & (cameras > CLEAR_CAMERAS)

    def straight(self, start: np.ndarray, end: np.ndarray) -> bool:
        """The way from one point (2,) to another is free."""
        return bool(self.free(start + np.linspace(0, 1, 20)[:, None] * (end - start)).all())

    def watched(self, point: np.ndarray) -> tuple[int, int]:
        """Cameras that surely see a head over a point (2,) of the floor, and those that may see it."""
        head = transform(self._camera_from_world, np.tile([*point, HEAD_HEIGHT], (len(self._camera_from_world), 1)))
        ahead = head[:, 2] > 0.5
        pixels = project(np.where(ahead[:, None], head, [0.0, 0.0, 1.0]), self.rig.intrinsics)
        margin = self._frame[0]
        surely = ahead & (pixels > self._frame[0]).all(-1) & (pixels < self._frame[1]).all(-1)
        perhaps = ahead & (pixels > -margin).all(-1) & (pixels < self._frame[1] + 2 * margin).all(-1)
        return int(surely.sum()), int(perhaps.sum())

    def spots(self, tries: int = 60) -> Iterator[np.ndarray]:
        """Free points (2,) at random."""
        points = self.rng.uniform(-1, 1, (tries, 2)) * self.room.half[:2]
        yield from points[self.free(points)]

    def seen_spots(self) -> Iterator[np.ndarray]:
        """Free points at random that all cameras but one at most see."""
        yield from (spot for spot in self.spots() if self.watched(spot)[0] >= len(self.rig.places) - 1)


def _walker(stage: _Stage) -> list[list[Stop]] | None:
    """One person who walks up and down."""
    for start in stage.seen_spots():
        for end in stage.seen_spots():
            if np.linalg.norm(end - start) > 1.5 and stage.straight(start, end):
                return [[([start], 2.0), ([end], 1.5), ([start], 1.0)]]
    return None


def _leaver(stage: _Stage) -> list[list[Stop]] | None:
    """One person leaves by the door, stays away for eight seconds and returns; another one stays."""
    inside, outside = stage.room.doorway
    for start in stage.seen_spots():
        if np.linalg.norm(inside - start) < 1.2 or not stage.straight(start, inside + 0.3 * (start - inside)):
            continue
        for other in stage.seen_spots():
            if min(np.linalg.norm(other - start), np.linalg.norm(other - inside)) > 1.2:
                return [[([start], 4.0), ([inside, outside], 8.0), ([inside, start], 5.0)], [([other], 0.0)]]
    return None


def _crossers(stage: _Stage) -> list[list[Stop]] | None:
    """Two people change places and walk past each other on the way, twice."""
    for middle in stage.seen_spots():
        angle = stage.rng.uniform(0, np.pi)
        along, aside = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        ends = [middle + sign * (1.1 * along + side * PASSING / 2 * aside) for sign in (1, -1) for side in (-1, 1)]
        first, second = (ends[0], ends[3]), (ends[2], ends[1])
        if all(stage.straight(*way) and min(stage.watched(end)[0] for end in way) >= 3 for way in (first, second)):
            return [[([way[0]], 3.0), ([way[1]], 4.0), ([way[0]], 3.0)] for way in (first, second)]
    return None


def _hider(stage: _Stage) -> list[list[Stop]] | None:
    """One person walks to where a single camera sees it, stays for six seconds, and comes back; another one stays."""
    for hidden in stage.spots():
        if stage.watched(hidden) != (1, 1):
            continue
        for start in stage.seen_spots():
            if np.linalg.norm(hidden - start) < 1.0 or not stage.straight(start, hidden):
                continue
            for other in stage.seen_spots():
                if min(np.linalg.norm(other - start), np.linalg.norm(other - hidden)) > 1.5:
                    return [[([start], 4.0), ([hidden], 6.0), ([start], 4.0)], [([other], 0.0)]]
    return None


SCRIPTS: dict[str, Callable[[_Stage], list[list[Stop]] | None]] = {
    'walks': _walker,
    'leaves_and_returns': _leaver,
    'crossing': _crossers,
    'hidden': _hider,
}
"""What happens, by name."""


def _cast(rng: np.random.Generator, stops: Sequence[Sequence[Stop]]) -> list[Actor]:
    """People who begin again together, when the last of them is done."""
    plans = [_segments(rng, person) for person in stops]
    duration = max(segments[-1].end for segments in plans)
    return [Actor(Looks.sample(rng), Route(segments, duration)) for segments in plans]


def _segments(rng: np.random.Generator, stops: Sequence[Stop]) -> tuple[Segment, ...]:
    """Stay at the first stop, walk to the next, and so on."""
    (first, seconds), *rest = stops
    heading = rng.uniform(-np.pi, np.pi)
    segments = [stay(0.0, seconds, first[-1], (heading, heading), sample_activity('idle', rng), 0.0)]
    gait = Gait(rng)
    for path, seconds in rest:
        last = segments[-1]
        facing = float(last.facing(np.array([last.end]))[0])
        going = walk(last.end, np.stack([last.path[-1], *path]), facing, gait, last.walked)
        walked = going.walked + going.length
        turned = going.heading[1], going.heading[1] + rng.uniform(-0.5, 0.5)
        segments += [going, stay(going.end, seconds, path[-1], turned, sample_activity('idle', rng), walked)]
    return tuple(segments)
