"""What every data set gives: sequences of instants, seen by views, with the true people in them.

Conventions are those of :mod:`chromm_ros.flow`: metres, ``world_from_camera``, optical cameras, rotation matrices.
Pixels are the data set's own; whether the centre of its first pixel is (0, 0) or (0.5, 0.5) differs between sets, and
no protocol corrects that half pixel.

Making a :class:`Sequence` is cheap: files are opened when they are needed. A file that is missing or not what was
expected raises :class:`OSError` or :class:`ValueError` with one line that names it, when it is needed; so one broken
sequence costs a long run that sequence only. Nothing is ever written below the folder of a data set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

Opener = Callable[[], 'np.ndarray | None']
"""Reads an array from the files of a data set; None: the set has no such thing for this image."""


def nothing() -> None:
    """The opener of what a data set does not have."""


@dataclass(frozen=True)
class Lens:
    """How a camera maps directions to pixels."""

    intrinsics: np.ndarray
    """(3, 3) pixels of ``size``."""
    size: tuple[int, int]
    """Width, height [px]."""
    model: str = 'pinhole'
    """``pinhole``, ``opencv`` (k1 k2 p1 p2 k3 ...) or ``fisheye`` (k1 k2 k3 k4, equidistant)."""
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(n,) coefficients of the model."""

    @property
    def pinhole(self) -> Lens:
        """The lens of the undistorted image: the same intrinsics without distortion."""
        return Lens(self.intrinsics, self.size)


@dataclass(frozen=True)
class Body:
    """Parameters of a body as stored; a :class:`chromm_ros.body.library.BodyLibrary` poses them."""

    model: str
    """``smplx`` or ``smpl``."""
    gender: str
    """``neutral``, ``male`` or ``female``."""
    frame: str
    """``world`` or ``camera``."""
    betas: np.ndarray
    """(B,) all that the set has."""
    root: np.ndarray
    """(3, 3) frame from body."""
    pose: np.ndarray
    """(J - 1, 3, 3) relative to the parent joints: 23 of smpl, 54 of smplx; hands absolute, whatever the file has."""
    transl: np.ndarray
    """(3,) [m]. The pelvis is at ``transl`` + J0(betas), not at ``transl``."""
    lens: Lens | None = None
    """NeuralAnnot's fits: the virtual camera of this person alone; other bodies are seen by the view's lens."""


@dataclass(frozen=True)
class Person:
    """One true person at one instant."""

    id: str
    """The same over all instants and views of the sequence."""
    body: Body | None = None
    joints: np.ndarray | None = None
    """(J, 3) world [m]; NaN: not known. None: the set has none without a body model that is not there."""
    joint_names: str = 'smpl24'
    """Layout of ``joints``, see :data:`JOINT_LAYOUTS`."""
    pixels: dict[str, np.ndarray] = field(default_factory=dict)
    """View -> (n, 3) x, y [px], confidence, in the layout of the set; a cross-check, or all there is."""
    box: dict[str, np.ndarray] = field(default_factory=dict)
    """View -> (4,) x0, y0, x1, y1 [px]."""
    valid: bool = True
    """Whether the protocols count this person at this instant (campose_valid, good_frames_mask, ...)."""


JOINT_LAYOUTS = {
    'smpl24': 'the 24 joints of SMPL',
    'body22': 'the first 22 joints of SMPL and SMPL-X by the model of the data set',
    'proxy22': 'the first 22 joints by the free body: not the true body model, so nothing is comparable',
    'coco17': 'the 17 key points of COCO',
}
"""Layouts of true joints."""


@dataclass(frozen=True)
class View:
    """One camera at one instant."""

    name: str
    lens: Lens
    """Of the image as :meth:`image` gives it."""
    world_from_camera: np.ndarray | None = None
    """(4, 4); None: the set does not know."""
    turn: int = 0
    """Quarter turns clockwise that the image, depth and masks are given on reading (BEDLAM's closeups)."""
    open_image: Opener = nothing
    open_depth: Opener = nothing
    open_people_mask: Opener = nothing
    open_instance: Opener = nothing
    source: str = ''
    """File that the image is read from, to name in messages."""

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, turned and mirrored so that the lens fits.

        Raises:
            OSError, ValueError: the file is missing or no image; names it.
        """
        image = self.open_image()
        if image is None:
            raise FileNotFoundError(f'view {self.name}: the data set has no image of it')
        return image

    def depth(self) -> np.ndarray | None:
        """(H, W) float32 z [m], 0: not known; None: the set has no depth of this image."""
        return self.open_depth()

    def people_mask(self) -> np.ndarray | None:
        """(H, W) bool: any human, labelled or not; None: the set does not tell."""
        return self.open_people_mask()

    def instance(self) -> np.ndarray | None:
        """(H, W) uint8: 0 nobody, k + 1 ``people[k]`` of the instant; None: the set does not tell."""
        return self.open_instance()


@dataclass(frozen=True)
class Instant:
    """What all views of a sequence saw at one time."""

    frame: int
    """Number that the data set's files give it."""
    time: float
    """Seconds from the first frame number of the sequence's files."""
    views: tuple[View, ...]
    people: tuple[Person, ...]
    complete: bool = False
    """True: everybody in sight is in ``people``, so an estimate of anybody else is false."""
    ignored: dict[str, np.ndarray] = field(default_factory=dict)
    """View -> (n, 4) boxes x0, y0, x1, y1 [px] of people that have a box and no parameters."""


class Sequence(Protocol):
    """Instants of one scene. ``len`` counts them."""

    name: str
    """Unique in its data set; may hold slashes."""
    fps: float
    """Instants per second."""
    static_rig: bool
    """The cameras stand still."""

    def __len__(self) -> int: ...

    def instant(self, index: int) -> Instant: ...


@dataclass(frozen=True)
class Findings:
    """What a check of a folder found, in sentences for a person."""

    found: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """What a run would stumble over; empty: the folder can be used."""
    notes: tuple[str, ...] = ()
    """What is optional and absent, and counts that differ from the published ones."""


class Dataset(Protocol):
    """A folder with a data set in it."""

    name: str
    licence: str
    splits: tuple[str, ...]
    """What :meth:`sequences` can be asked for; the first one is what the paper uses."""

    def sequences(self, split: str = '') -> list[Sequence]:
        """The sequences of a split, sorted by name; '': the first of :attr:`splits`.

        Raises:
            OSError, ValueError: the folder is not that of this data set.
        """
        ...

    def expected(self, split: str = '') -> int | None:
        """Sequences that the split has as published, by the protocol that the options ask for; None: not known."""
        ...

    def check(self, split: str = '') -> Findings:
        """Look for everything that a run over the split needs, without reading images."""
        ...
