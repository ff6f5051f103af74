"""The single files of BEDLAM: labels, rows of cameras, pictures with depth and masks."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from chromm_ros.datasets.cache import indexed
from chromm_ros.datasets.exr import read_exr
from chromm_ros.datasets.files import image_size, numbers, read_csv, read_grey, read_image, read_npz

FARTHEST = 200.0
"""Depths beyond this are the sky [m]."""

COLUMNS = ('x', 'y', 'z', 'yaw', 'pitch', 'roll', 'focal_length', 'sensor_width', 'sensor_height')
PARTS = ('body', 'clothing', 'hair')


class ImageName(NamedTuple):
    """``seq_000012/seq_000012_0035.png``."""

    sequence: int
    frame: int

    @property
    def code(self) -> int:
        """One number for both."""
        return self.sequence * 100_000 + self.frame


@dataclass(frozen=True)
class Scene:
    """One scene: its labels, and the folders that its parts are spread over."""

    name: str
    labels: Path
    folders: tuple[Path, ...]
    depth: bool
    """Its depth means something: no sky dome."""

    def find(self, *parts: str) -> Path | None:
        """A file or folder of the scene in the first folder that has it."""
        return next((path for folder in self.folders if (path := folder.joinpath(*parts)).exists()), None)

    def file(self, *parts: str) -> Path:
        """As :meth:`find`; where it would be when it is nowhere."""
        return self.find(*parts) or self.folders[0].joinpath(*parts)


@lru_cache(maxsize=256)
def labelled_frames(path: Path) -> dict[int, frozenset[int]]:
    """Sequence -> frames of the labelled pictures of a label file, without reading the labels.

    Raises:
        OSError, ValueError: the file is missing or no labels.
    """
    table = indexed(f'bedlam-names-{path.stem}', [path], lambda: {'image': np.unique(_codes(path))})
    frames: dict[int, set[int]] = {}
    for sequence, frame in zip(*np.divmod(table['image'], ImageName(1, 0).code)):
        frames.setdefault(int(sequence), set()).add(int(frame))
    return {sequence: frozenset(there) for sequence, there in frames.items()}


def label_rows(path: Path) -> dict[str, np.ndarray]:
    """Labels of all people of a scene: image (code), subject, pose (165), betas (11), transl (3, camera frame),
    lens (4: fx, fy, cx, cy).

    Raises:
        OSError, ValueError: the file is missing or no labels.
    """
    return indexed(f'bedlam-labels-{path.stem}', [path], lambda: _rows(path))


def _rows(path: Path) -> dict[str, np.ndarray]:
    arrays = read_npz(path, ('imgname', 'sub', 'pose_cam', 'shape', 'trans_cam', 'cam_ext', 'cam_int'))
    count = len(arrays['imgname'])
    if arrays['shape'].ndim == 2 and arrays['shape'].shape[1] == 16:
        raise ValueError(f'{path}: has 16 shape coefficients: this is BEDLAM2, whose layout is another one')

    def get(key: str, *shape: int | None) -> np.ndarray:
        return numbers(arrays[key], (count, *shape), f'{path}: {key}')

    # neither term alone is the place: BEDLAM splits it between the two, differently for every person
    transl = get('trans_cam', 3) + get('cam_ext', 4, 4)[:, :3, 3]
    return {
        'image': _codes(path),
        'subject': arrays['sub'].astype(str),
        'pose': get('pose_cam', 165).astype(np.float32),
        'betas': get('shape', None).astype(np.float32),
        'transl': transl,
        'lens': get('cam_int', 3, 3)[:, (0, 1, 0, 1), (0, 1, 2, 2)],
    }


def _codes(path: Path) -> np.ndarray:
    names = read_npz(path, ('imgname',))['imgname'].astype(str)
    codes = np.empty(len(names), np.int64)
    for row, name in enumerate(names):
        try:
            _, sequence, frame = name.rpartition('/')[2].split('.')[0].split('_')
            codes[row] = ImageName(int(sequence), int(frame)).code
        except ValueError as error:
            raise ValueError(f'{path}: expected names like seq_000000_0000.png, found {name!r}') from error
    return codes


@lru_cache(maxsize=512)
def camera_rows(path: Path) -> dict[int, np.ndarray]:
    """Frame -> (9,) the values of COLUMNS; every frame at 30 per second has a row.

    Raises:
        OSError, ValueError: the file is missing or no table of cameras.
    """
    rows = read_csv(path, ('name', *COLUMNS))
    values = numbers([[row[column] for column in COLUMNS] for row in rows], (None, len(COLUMNS)), str(path))
    frames = [row['name'].split('.')[0].rpartition('_')[2] for row in rows]
    strange = [row['name'] for row, frame in zip(rows, frames) if not frame.isdigit()]
    if strange:
        raise ValueError(f'{path}: expected names like seq_000000_0000.png, found {strange[0]!r}')
    return dict(zip(map(int, frames), values))


def camera_seen(row: np.ndarray, size: tuple[int, int], turn: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Intrinsics (3, 3), world_from_camera (4, 4) and size of the picture after ``turn`` quarter turns clockwise.

    Unreal's world (x forward, y right, z up, centimetres, left-handed) becomes x right, y down, z forward in metres;
    there R = Ry(yaw) Rx(pitch) Rz(roll).
    """
    x, y, z, yaw, pitch, roll, focal, sensor_width, sensor_height = row
    width, height = size
    fx, fy = focal / sensor_width * width, focal / sensor_height * height
    pose = np.eye(4)
    pose[:3, :3] = _about(1, yaw) @ _about(0, pitch) @ _about(2, roll)
    pose[:3, 3] = y / 100, -z / 100, x / 100
    if turn:
        pose[:3, :3] = pose[:3, :3] @ _about(2, -90)
        return np.array([[fy, 0, height / 2], [0, fx, width / 2], [0, 0, 1]]), pose, (height, width)
    return np.array([[fx, 0, width / 2], [0, fy, height / 2], [0, 0, 1]]), pose, size


def _about(axis: int, degrees: float) -> np.ndarray:
    """(3, 3) right-handed rotation about a coordinate axis."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    rotation = np.eye(3)
    after, last = (axis + 1) % 3, (axis + 2) % 3
    rotation[after, after] = rotation[last, last] = cos
    rotation[last, after], rotation[after, last] = sin, -sin
    return rotation


@dataclass(frozen=True)
class BedlamImage:
    """One picture and what belongs to it."""

    scene: Scene
    key: str
    frame: int

    @property
    def picture(self) -> Path:
        return self.scene.file('png', self.key, f'{self.key}_{self.frame:04d}.png')

    def image(self, turn: int, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) uint8 RGB, turned."""
        return _turned(read_image(self.picture, size[::-1] if turn else size), turn)

    def depth(self, turn: int) -> np.ndarray | None:
        """(H, W) float32 z [m], 0: not known; None: the scene has no depth."""
        if not self.scene.depth or self.scene.find('depth') is None:
            return None
        path = self.scene.file('depth', self.key, f'{self.key}_{self.frame:04d}_depth.exr')
        depth = read_exr(path, 'Depth') / np.float32(100)
        known = np.isfinite(depth) & (depth > 0) & (depth <= FARTHEST)
        return _turned(np.where(known, depth, np.float32(0)), turn)

    def people_mask(self, turn: int) -> np.ndarray | None:
        """(H, W) bool; a picture without a mask of the environment shows nobody; None: the scene has no masks."""
        if self.scene.find('masks') is None:
            return None
        path = self.scene.file('masks', self.key, f'{self.key}_{self.frame:04d}_env.png')
        if not path.is_file():
            width, height = image_size(self.picture)
            return np.zeros((width, height) if turn else (height, width), bool)
        return _turned(read_grey(path) < 128, turn)

    def instance(self, turn: int, people: list[tuple[str, np.ndarray]]) -> np.ndarray | None:
        """(H, W) uint8, k + 1 on person k; None: the scene has no masks.

        Args:
            people: subject and pixel of the pelvis, in the turned picture.
        """
        if self.scene.find('masks') is None:
            return None
        actors = {number: _turned(outline, turn) for number, outline in self._actors().items()}
        if not actors:
            width, height = image_size(self.picture)
            return np.zeros((width, height) if turn else (height, width), np.uint8)
        picture = np.zeros(next(iter(actors.values())).shape, np.uint8)
        for person, number in _joined(people, actors, _subjects(self.scene, self.key)).items():
            picture[actors[number]] = person + 1
        return picture

    def _actors(self) -> dict[int, np.ndarray]:
        """Number of an actor -> (H, W) bool, of those in sight."""
        folder = self.scene.file('masks', self.key)
        actors: dict[int, np.ndarray] = {}
        for path in sorted(folder.glob(f'{self.key}_{self.frame:04d}_*_*.png')):
            number, part = path.stem.split('_')[-2:]
            if part in PARTS and number.isdigit():
                outline = read_grey(path) >= 128
                actors[int(number)] = actors.get(int(number), np.zeros_like(outline)) | outline
        return {number: outline for number, outline in actors.items() if outline.any()}


def _joined(
    people: list[tuple[str, np.ndarray]], actors: dict[int, np.ndarray], subjects: tuple[str, ...]
) -> dict[int, int]:
    """Person -> actor: by subject where that is told, and the nearest outline where a subject is not or repeats."""
    if not people or not actors:
        return {}
    known = list(actors)
    told = [subject for subject, _ in people]
    if len(set(subjects)) == len(subjects) and len(set(told)) == len(told) and set(told) <= set(subjects):
        found = {row: subjects.index(subject) for row, subject in enumerate(told)}
        return {row: number for row, number in found.items() if number in actors}
    centres = np.array([np.argwhere(actors[number]).mean(0)[::-1] for number in known])
    apart = np.linalg.norm(np.array([pixel for _, pixel in people])[:, None] - centres[None], axis=-1)
    impossible = 1e6
    for column, number in enumerate(known):
        if number < len(subjects):
            apart[[row for row, (subject, _) in enumerate(people) if subject != subjects[number]], column] += (
                impossible
            )
    rows, columns = linear_sum_assignment(apart)
    return {int(row): known[column] for row, column in zip(rows, columns) if apart[row, column] < impossible}


@lru_cache(maxsize=512)
def _subjects(scene: Scene, key: str) -> tuple[str, ...]:
    """Subjects of the actors of a sequence in the order of their masks; empty where nothing tells."""
    path = scene.find('be_seq.csv')
    return () if path is None else sequence_subjects(path).get(key, ())


@lru_cache(maxsize=64)
def sequence_subjects(path: Path) -> dict[str, tuple[str, ...]]:
    """Sequence -> subjects of its Body rows in order, from ``be_seq.csv``.

    Raises:
        ValueError: the file is no such table.
    """
    found: dict[str, list[str]] = {}
    here: list[str] = []
    try:
        for row in read_csv(path, ('Type', 'Body', 'Comment')):
            if row['Type'] == 'Group':
                words = dict(word.split('=', 1) for word in row['Comment'].split(';') if '=' in word)
                here = found.setdefault(words.get('sequence_name', ''), [])
            elif row['Type'] == 'Body':
                here.append(row['Body'].rpartition('_')[0])
    except (csv.Error, AttributeError) as error:
        raise ValueError(f'{path}: is no table of sequences ({error})') from error
    return {name: tuple(subjects) for name, subjects in found.items()}


def _turned(picture: np.ndarray, turn: int) -> np.ndarray:
    return np.ascontiguousarray(np.rot90(picture, -turn)) if turn else picture
