"""What a method says about one clip, as arrays, and the NPZ file that holds it (documented in docs/benchmarks.md).

F instants, V views, N bodies (one row per person and instant), D detections (one row per person, instant and view).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from chromm_ros.evaluation.protocols.joint_layouts import check_size

FORMAT = 'chromm_ros estimates 1'


def _empty(*shape: int, kind: type = float) -> Callable[[], np.ndarray]:
    return partial(np.zeros, shape, kind)


@dataclass(frozen=True)
class Estimates:
    """Estimates of one clip. What a benchmark does not need may be left empty.

    All instants are in one world, unless the benchmark looks at each instant by itself.
    """

    frames: np.ndarray
    """(F,) int numbers of the instants, as the data set numbers them; increasing."""
    views: tuple[str, ...]
    """Names of the V cameras."""
    world_from_camera: np.ndarray = field(default_factory=_empty(0, 0, 4, 4))
    """(F, V, 4, 4) [m]; NaN: not known. Empty: no camera is known, then a person must be alone to be compared."""
    intrinsics: np.ndarray = field(default_factory=_empty(0, 0, 3, 3))
    """(F, V, 3, 3) pixels of the data set's images."""
    gauge_scale: np.ndarray = field(default_factory=_empty(0))
    """(F,) lengths here per length as estimated, where chunks were chained by similarities; empty: 1."""
    person_frame: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(N,) int number of the instant."""
    person_id: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(N,) int: who it is, the same number over instants as far as the method knows."""
    joints: np.ndarray = field(default_factory=_empty(0, 22, 3))
    """(N, J, 3) world [m]."""
    joint_names: str = 'body22'
    """Layout of ``joints``."""
    detection_frame: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(D,) int number of the instant."""
    detection_view: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(D,) int index into ``views``."""
    detection_id: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(D,) int: the ``person_id`` that the detection was assigned to; -1: nobody."""
    detection_id_pose: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(D,) int: the same where poses alone are compared over the views; may be empty."""
    detection_id_position: np.ndarray = field(default_factory=_empty(0, kind=int))
    """(D,) int: the same where positions alone are compared; may be empty."""
    detection_joints: np.ndarray = field(default_factory=_empty(0, 22, 2))
    """(D, J, 2) joints of the view's own estimate in its image [px]."""
    detection_head: np.ndarray = field(default_factory=_empty(0, 2))
    """(D, 2) head in the image [px] (pelvis benchmark)."""
    detection_pelvis: np.ndarray = field(default_factory=_empty(0, 2))
    """(D, 2) final pelvis in the image [px] (pelvis benchmark)."""
    detection_pelvis_coarse: np.ndarray = field(default_factory=_empty(0, 2))
    """(D, 2) pelvis before the refinement [px]; may be empty."""
    depth: np.ndarray = field(default_factory=_empty(0, 0, 0))
    """(F, h, w) depth of the only view [any unit], in any resolution of the image's shape (depth benchmark)."""

    def __post_init__(self) -> None:
        check(self, 'estimates')

    @property
    def has_cameras(self) -> bool:
        """Cameras are known."""
        return len(self.world_from_camera) > 0 and len(self.intrinsics) > 0


SHAPES = {
    'frames': ('F',),
    'world_from_camera': ('F', 'V', 4, 4),
    'intrinsics': ('F', 'V', 3, 3),
    'gauge_scale': ('F',),
    'person_frame': ('N',),
    'person_id': ('N',),
    'joints': ('N', 'J', 3),
    'detection_frame': ('D',),
    'detection_view': ('D',),
    'detection_id': ('D',),
    'detection_id_pose': ('D',),
    'detection_id_position': ('D',),
    'detection_joints': ('D', 'K', 2),
    'detection_head': ('D', 2),
    'detection_pelvis': ('D', 2),
    'detection_pelvis_coarse': ('D', 2),
    'depth': ('F', 'h', 'w'),
}
"""Shapes of all arrays; an array of which the first axis is 0 is absent."""


WHOLE = ('frames', '_frame', '_view', '_id', '_id_pose', '_id_position')
"""Ends of the names of arrays of whole numbers."""


def check(estimates: Estimates, where: str) -> None:
    """Refuse arrays that do not fit each other.

    Raises:
        ValueError: names the array and what was expected.
    """
    sizes: dict[str, int] = {
        'F': len(estimates.frames),
        'V': len(estimates.views),
        'N': len(estimates.person_frame),
        'D': len(estimates.detection_frame),
    }
    for name, shape in SHAPES.items():
        array = getattr(estimates, name)
        if array.ndim != len(shape) or (len(array) and not _fits(array.shape, shape, sizes)):
            expected = ', '.join(f'{axis}={sizes[axis]}' if axis in sizes else str(axis) for axis in shape)
            raise ValueError(f'{where}: {name} has shape {array.shape}; expected ({expected})')
        if array.dtype.kind not in 'iufb':
            raise ValueError(f'{where}: {name} holds {array.dtype}; expected numbers')
    for name in ('person_id', 'joints'):
        if len(getattr(estimates, name)) != sizes['N']:
            raise ValueError(f'{where}: {name} has {len(getattr(estimates, name))} rows, person_frame {sizes["N"]}')
    if (np.diff(estimates.frames) <= 0).any():
        raise ValueError(f'{where}: frames must be numbers that increase')
    unknown = np.setdiff1d(np.concatenate([estimates.person_frame, estimates.detection_frame]), estimates.frames)
    if len(unknown):
        raise ValueError(f'{where}: people are in frame {unknown[0]:g}, which is not among its frames')
    views = estimates.detection_view
    if len(views) and not ((views >= 0) & (views < sizes['V'])).all():
        raise ValueError(f'{where}: detection_view must be from 0 to {sizes["V"] - 1}')
    if sizes['N']:
        check_size(estimates.joints, estimates.joint_names, where)


def _fits(found: tuple[int, ...], expected: tuple[str | int, ...], sizes: dict[str, int]) -> bool:
    return all(
        size == (axis if isinstance(axis, int) else sizes.get(axis, size)) for size, axis in zip(found, expected)
    )


def save(path: Path, estimates: Estimates, about: str = '') -> None:
    """Write the file; a run that is killed leaves none that is not complete.

    Args:
        about: what made the estimates (see :class:`chromm_ros.evaluation.protocols.runner.Parts`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: value for name in SHAPES if len(value := getattr(estimates, name)) or name == 'frames'}
    partial = path.with_name(path.name + '.part')
    with partial.open('wb') as file:
        np.savez(
            file,
            format=np.array(FORMAT),
            about=np.array(about),
            views=np.array(estimates.views, dtype=np.str_),
            joint_names=np.array(estimates.joint_names),
            **arrays,
        )
    os.replace(partial, path)


def load(path: Path) -> Estimates:
    """Read a file of :func:`save`, or one that follows the documented format. Nothing in it is executed.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or an array does not fit; names file, array and what was expected.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no estimates at {path}; expected one NPZ file per clip (docs/benchmarks.md)')
    arrays = _arrays(path)
    for name in ('frames', 'views'):
        if name not in arrays:
            raise ValueError(f'{path}: has no array {name!r}; it holds {", ".join(sorted(arrays)) or "nothing"}')
    known = {field.name for field in fields(Estimates)}
    values = {name: array for name, array in arrays.items() if name in known - {'views', 'joint_names'}}
    for name in [name for name in values if name.endswith(WHOLE)]:
        if values[name].dtype.kind in 'uf':
            values[name] = values[name].astype(int)
    if 'joints' in values and 'joint_names' not in arrays:
        raise ValueError(f"{path}: has joints but no joint_names; write for example joint_names='smpl24'")
    try:
        return Estimates(
            views=tuple(str(view) for view in np.atleast_1d(arrays['views'])),
            joint_names=str(arrays.get('joint_names', 'body22')),
            **values,
        )
    except ValueError as error:
        raise ValueError(f'{path}: {str(error).removeprefix("estimates: ")}') from None


def origin(path: Path) -> str:
    """What made the estimates in a file; '' where it is absent, damaged or does not say."""
    try:
        return str(_arrays(path).get('about', ''))
    except (OSError, ValueError):
        return ''


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (ValueError, EOFError, BadZipFile, AttributeError) as error:
        raise ValueError(f'{path}: not an NPZ file of plain arrays ({error})') from None
