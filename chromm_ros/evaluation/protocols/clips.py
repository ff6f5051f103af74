"""What is predicted, scored and resumed as a whole: some instants of a sequence, seen by some of its views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from chromm_ros.datasets.interface import Instant, Person, Sequence
from chromm_ros.evaluation.protocols.joint_layouts import SIZES

TrueJoints = Callable[[Person], 'tuple[np.ndarray, str] | None']
"""World joints (J, 3) [m] of a person with their layout; None: not known."""


@dataclass(frozen=True)
class Truth:
    """The true cameras and people of F instants, V views, P people."""

    frames: np.ndarray
    """(F,) int, as the data set numbers them."""
    views: tuple[str, ...]
    world_from_camera: np.ndarray
    """(F, V, 4, 4) [m]; NaN: the view is not there, or its pose is not known."""
    intrinsics: np.ndarray
    """(F, V, 3, 3) pixels of the undistorted image; NaN: the view is not there."""
    people: tuple[str, ...]
    joints: np.ndarray
    """(F, P, J, 3) world [m]; NaN: not known."""
    joint_names: str
    valid: np.ndarray
    """(F, P) bool: counted by the protocol."""


@dataclass(frozen=True)
class Clip:
    """The instants ``indices`` of a sequence, with the truth about them."""

    name: str
    """Of its file of estimates, without the suffix; may hold slashes."""
    sequence: Sequence
    indices: tuple[int, ...]
    truth: Truth

    def instants(self) -> Iterator[Instant]:
        """The instants, with the views of the clip alone, in their order."""
        for index in self.indices:
            yield self.instant(index)

    def instant(self, index: int) -> Instant:
        """One instant of the sequence with the views of the clip alone."""
        return only_views(self.sequence.instant(index), self.truth.views)


@dataclass(frozen=True)
class ClipPlan:
    """How to make a clip when its turn comes; cheap to hold."""

    name: str
    make: Callable[[], Clip]
    """Raises OSError or ValueError where files are missing or broken, or nothing in it can be scored."""


def only_views(instant: Instant, views: tuple[str, ...]) -> Instant:
    """The instant as the named views saw it; a view that is not there is left out."""
    by_name = {view.name: view for view in instant.views}
    chosen = tuple(by_name[name] for name in views if name in by_name)
    return Instant(instant.frame, instant.time, chosen, instant.people, instant.complete, instant.ignored)


def read_truth(instants: list[Instant], true_joints: TrueJoints, views: tuple[str, ...] = ()) -> Truth:
    """The truth of some instants of a sequence.

    Args:
        views: in this order; empty: all that occur, sorted by name.

    Raises:
        ValueError: the people have joints of different layouts.
    """
    views = views or tuple(sorted({view.name for instant in instants for view in instant.views}))
    people = tuple(sorted({person.id for instant in instants for person in instant.people}))
    found = {
        (number, people.index(person.id)): joints
        for number, instant in enumerate(instants)
        for person in instant.people
        if (joints := true_joints(person)) is not None
    }
    layouts = {layout for _, layout in found.values()}
    if len(layouts) > 1:
        raise ValueError(f'its people have joints of layouts {", ".join(sorted(layouts))}; expected one layout')
    layout = layouts.pop() if layouts else 'smpl24'
    shape = (len(instants), len(people))
    positions = np.full((*shape, SIZES[layout], 3), np.nan)
    valid = np.zeros(shape, bool)
    for place, (values, _) in found.items():
        positions[place] = values
    poses = np.full((len(instants), len(views), 4, 4), np.nan)
    intrinsics = np.full((len(instants), len(views), 3, 3), np.nan)
    for number, instant in enumerate(instants):
        for person in instant.people:
            valid[number, people.index(person.id)] = person.valid
        for view in instant.views:
            if view.name in views:
                intrinsics[number, views.index(view.name)] = view.lens.intrinsics
                if view.world_from_camera is not None:
                    poses[number, views.index(view.name)] = view.world_from_camera
    valid &= np.isfinite(positions).any((-1, -2))
    frames = np.array([instant.frame for instant in instants], int)
    return Truth(frames, views, poses, intrinsics, people, positions, layout, valid)
