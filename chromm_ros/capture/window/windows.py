"""The rolling window: the newest image sets, with what is already known of each image.

A row is one image. Its features depend on that image alone, and the people in it are decoded once, when it is new;
both are kept as long as the row stays, so a step of the window costs the encoders and the heads of its new rows only.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from chromm_ros.flow import Detections, FrameFeatures, ViewImage, ViewPeople
from chromm_ros.geometry.similarity import Similarity

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Placed:
    """What the heads found in one image, put into the world."""

    people: Detections[np.ndarray]
    """(M,) in metres of the world."""
    intrinsics: np.ndarray  # (3, 3) in use, pixels of the camera image
    world_from_camera: np.ndarray  # (4, 4) in use
    depth: np.ndarray | None = None
    """(h, w) samples of the static scene [m of the world], NaN elsewhere; None: none were taken."""

    def moved(self, change: Similarity) -> Placed:
        """The same in the frame that ``change`` maps the world to."""
        depth = None if self.depth is None else self.depth * np.float32(change.scale)
        pose = change.apply_poses(self.world_from_camera)
        return Placed(self.people.moved(change), self.intrinsics, pose, depth)


@dataclass(frozen=True)
class Row:
    """One image of the window."""

    view: str
    image: ViewImage
    features: FrameFeatures
    """One row."""
    given_pose: np.ndarray | None = None
    """(4, 4) world_from_camera where one is given."""
    placed: Placed | None = None
    """None: the heads did not run on it yet."""
    found_pose: np.ndarray | None = None
    """(4, 4) world_from_camera where people gave or corrected one, for a network that places no cameras."""
    memory: torch.Tensor | None = None
    """What it leaves behind for later rows in a streaming window."""


@dataclass
class WindowStep:
    """One image set: a row for each camera that gave an image."""

    stamp: int  # [ns]
    rows: dict[str, Row]

    @property
    def new(self) -> bool:
        """It has rows whose people are not decoded yet."""
        return any(row.placed is None for row in self.rows.values())

    @property
    def intrinsics(self) -> np.ndarray:
        """(N, 3, 3) of the placed rows, pixels of the camera images."""
        return np.stack([row.placed.intrinsics for row in self.rows.values() if row.placed is not None])

    @property
    def world_from_camera(self) -> np.ndarray:
        """(N, 4, 4) of the placed rows."""
        return np.stack([row.placed.world_from_camera for row in self.rows.values() if row.placed is not None])


@dataclass
class RollingWindow:
    """At most ``size`` steps, oldest first."""

    size: int
    steps: deque[WindowStep] = field(default_factory=deque)

    def append(self, step: WindowStep, max_gap: int) -> int:
        """Add the newest step; steps beyond the size, or older than ``max_gap`` [ns], leave.

        Returns:
            How many steps left before they were decoded.
        """
        self.steps.append(step)
        overtaken = 0
        while len(self.steps) > self.size or step.stamp - self.steps[0].stamp > max_gap:
            overtaken += self.steps.popleft().new
        return overtaken

    def keep(self, size: int) -> None:
        """Hold at most ``size`` steps from now on."""
        self.size = size
        while len(self.steps) > size:
            self.steps.popleft()

    def keep_views(self, views: Collection[str]) -> None:
        """Drop the rows of all other cameras."""
        for step in self.steps:
            step.rows = {view: row for view, row in step.rows.items() if view in views}
        self.steps = deque(step for step in self.steps if step.rows)

    def drop_new(self) -> None:
        """Drop the rows that are not decoded, with the features that may have spoiled the window."""
        for step in self.steps:
            step.rows = {view: row for view, row in step.rows.items() if row.placed is not None}
        self.steps = deque(step for step in self.steps if step.rows)

    def clear(self) -> None:
        self.steps.clear()

    def rows(self, newest: int | None = None) -> list[Row]:
        """All rows in order of time, or those of the ``newest`` steps and of any older one that is new."""
        first = 0 if newest is None else max(0, min(self.first_new, len(self.steps) - newest))
        return [row for step in list(self.steps)[first:] for row in step.rows.values()]

    def newest(self, view: str) -> Row | None:
        """The newest row of a camera; None: the window holds none."""
        return next((step.rows[view] for step in reversed(self.steps) if view in step.rows), None)

    def anchors(self, is_tied: Callable[[Row], bool]) -> list[Row]:
        """Rows of the newest decoded step, where no new row says by itself how the window sits in the world."""
        if any(is_tied(row) for row in self.rows() if row.placed is None):
            return []
        decoded = [step for step in self.steps if not step.new]
        return list(decoded[-1].rows.values()) if decoded else []

    def place(self, placed: Sequence[Placed]) -> None:
        """Complete the new rows, in the order of :meth:`rows`.

        Of each camera only the newest row keeps the tokens that people are read from, the most of its memory.
        """
        found = iter(placed)
        newest = {view: step for step in self.steps for view in step.rows}
        for step in self.steps:
            for view, row in step.rows.items():
                known = row.placed or next(found)
                features = row.features if newest[view] is step else dataclasses.replace(row.features, human=(None,))
                step.rows[view] = dataclasses.replace(row, placed=known, features=features)

    def remember(self, rows: Sequence[Row], memory: torch.Tensor) -> None:
        """Keep what these rows leave behind, the first axis of ``memory`` for each of them."""
        for step in self.steps:
            for view, row in step.rows.items():
                found = next((n for n, one in enumerate(rows) if one is row), None)
                if found is not None:
                    step.rows[view] = dataclasses.replace(row, memory=memory[found])

    def put(self, poses: Mapping[str, np.ndarray]) -> None:
        """Cameras that stand are at these (4, 4) poses, and were in all steps."""
        for step in self.steps:
            for view, row in step.rows.items():
                if row.placed is not None and view in poses:
                    placed = dataclasses.replace(row.placed, world_from_camera=poses[view])
                    step.rows[view] = dataclasses.replace(row, placed=placed)

    def state_dict(self) -> dict[str, Any]:
        """The placed rows without their images and features, which come from the recording again."""
        placed = [(row.view, row.placed) for row in self.rows() if row.placed is not None]
        found = [item for _, item in placed]
        decoded = [step for step in self.steps if not step.new]
        depths = [row.placed and row.placed.depth for row in decoded[-1].rows.values()] if decoded else []
        return {
            'size': self.size,
            'steps': [{'stamp': step.stamp, 'views': list(step.rows)} for step in self.steps],
            'placed': [[row.placed is not None for row in step.rows.values()] for step in self.steps],
            'people': Detections.stack([item.people for item in found]).detections() if found else {},
            'intrinsics': np.array([item.intrinsics for item in found]),
            'world_from_camera': np.array([item.world_from_camera for item in found]),
            'newest_depths': depths,
        }

    def load_state_dict(self, state: dict[str, Any], rows: Mapping[int, Mapping[str, Row]]) -> None:
        """Go on from a :meth:`state_dict`.

        Args:
            rows: stamp -> view -> the row encoded anew, for all images of the window.
        """
        self.size = state['size']
        self.steps = deque(
            WindowStep(step['stamp'], {view: rows[step['stamp']][view] for view in step['views']})
            for step in state['steps']
        )
        places = iter(self._places_of(state))
        for step, placed in zip(self.steps, state['placed']):
            for view, is_placed in zip(tuple(step.rows), placed):
                if is_placed:
                    step.rows[view] = dataclasses.replace(step.rows[view], placed=next(places))

    @staticmethod
    def _places_of(state: dict[str, Any]) -> list[Placed]:
        """What was found in the placed images. Only those of the newest decoded step tie later windows by depth."""
        count = len(state['intrinsics'])
        if not count:
            return []
        people = Detections(**state['people'])
        older = count - len(state['newest_depths'])
        depths = [None] * older + list(state['newest_depths'])
        return [
            Placed(people.take(n), state['intrinsics'][n], state['world_from_camera'][n], depths[n])
            for n in range(count)
        ]

    @property
    def first_new(self) -> int:
        """Index of the first step that is not decoded; the number of steps when all are."""
        return next((t for t, step in enumerate(self.steps) if step.new), len(self.steps))

    def move(self, change: Similarity) -> None:
        """Express everything that is kept in the frame that ``change`` maps the world to."""
        for step in self.steps:
            for view, row in step.rows.items():
                if row.placed is not None:
                    step.rows[view] = dataclasses.replace(row, placed=row.placed.moved(change))


def stack_people(steps: Sequence[WindowStep], views: Sequence[str]) -> ViewPeople:
    """The people of some steps, as tracking wants them; at least one row must be decoded."""
    shape = (len(views), len(steps))
    intrinsics, world_from_camera = (np.broadcast_to(np.eye(size), (*shape, size, size)).copy() for size in (3, 4))
    seen, given = np.zeros(shape, bool), np.zeros(shape, bool)
    found: list[list[Detections | None]] = [[None] * len(steps) for _ in views]
    for t, step in enumerate(steps):
        for row in step.rows.values():
            if row.placed is not None:
                v = views.index(row.view)
                found[v][t], seen[v, t], given[v, t] = row.placed.people, True, row.given_pose is not None
                intrinsics[v, t], world_from_camera[v, t] = row.placed.intrinsics, row.placed.world_from_camera
    nobody = next(image for view in found for image in view if image is not None).nobody()
    people = Detections.stack([Detections.stack([image or nobody for image in view]) for view in found])
    times = np.array([(step.stamp - steps[0].stamp) * 1e-9 for step in steps])
    return ViewPeople(
        **people.detections(),
        intrinsics=intrinsics,
        world_from_camera=world_from_camera,
        given=given,
        seen=seen,
        times=times,
    )


def join_features(rows: Sequence[Row]) -> FrameFeatures:
    """Features of the rows, in their order.

    Raises:
        ValueError: the rows come from images of different shapes, which the network cannot see together.
    """
    return FrameFeatures.join([row.features for row in rows])
