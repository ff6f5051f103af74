"""EgoHumans: several people, static cameras around them, SMPL fits; the paper's Tables 2, 3, 6 and 11.

``<big>/<NNN_activity>/{colmap/workplace, exo/cam%02d/images/%05d.jpg, processed_data/smpl/%05d.npy}``; frames from 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.colmap import ColmapCamera, read_colmap
from chromm_ros.datasets.files import (
    entry,
    known_split,
    matrices,
    natural,
    numbers,
    read_image,
    require_folder,
    rigid,
)
from chromm_ros.datasets.interface import Body, Findings, Instant, Lens, Person, View
from chromm_ros.datasets.lenses import undistorted
from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.pickles import dense, load_npy, load_pickle

ANCHOR = 'aria01'
"""The glasses whose world is that of the set."""

ODD = tuple(range(1, 16, 2))
CAMERAS: dict[str, dict[str, tuple[int, ...]]] = {
    'tagging': {'4': (1, 4, 6, 8), '2': (1, 2)},
    'lego': {'4': (2, 3, 4, 6), '2': (3, 5)},
    'fencing': {'4': (4, 5, 10, 13), '2': (5, 13), '8': ODD},
    'basketball': {'4': (1, 3, 4, 8), '2': (2, 7)},
    'volleyball': {'4': (2, 4, 8, 11), '2': (6, 12), '8': ODD},
    'badminton': {'4': (1, 2, 5, 7), '2': (5, 7), '8': ODD},
    'tennis': {'4': (4, 9, 12, 20), '2': (9, 12), '8': ODD},
}
"""HSfM's cameras per activity and number of views; without an entry for 8 all cameras are taken."""

COUNTS = {
    'tagging': 14, 'lego': 6, 'fencing': 14, 'basketball': 13, 'volleyball': 11, 'badminton': 60, 'tennis': 13
}  # fmt: skip
"""Published sequences with processed data and a reconstruction: 131."""

UNUSABLE = {('basketball', 10), ('badminton', 51)}
"""Published sequences without processed data, or without a reconstruction."""

INVALID: dict[str, dict[range, tuple[int, ...]]] = {
    'fencing': {range(5, 8): (8,), range(8, 9): (8, 11), range(9, 15): (8, 11, 15)},
    'badminton': {range(41, 42): (8,), range(49, 51): (1, 8), range(52, 62): (1,)},
}
"""Cameras that the toolkit's configuration calls invalid, or that are missing, by the number of the sequence."""


class EgoHumans:
    """The folder with 01_tagging to 07_tennis."""

    name = 'egohumans'
    licence = 'EgoHumans: CC BY-NC-SA 2.0 (non-commercial)'
    splits = ('all', *CAMERAS)

    def __init__(
        self,
        folder: str | Path,
        bodies: BodyLibrary | None = None,
        views: str = '4',
        stride: int = 10,
        undistort: bool = True,
        missing_views: str = 'skip',
        frames: Mapping[str, Sequence[int]] | None = None,
    ) -> None:
        """
        Args:
            views: HSfM's ``4``, ``2`` or ``8`` cameras, or ``all``.
            stride: every how many frames an instant is taken, from the frame of that number on.
            undistort: give images as a pinhole camera would see them; otherwise as they are, with a fisheye lens.
            missing_views: ``skip`` sequences that lack a camera of the set (HSfM), or take ``fewer`` views.
            frames: sequence -> frame numbers (of the image files) that are taken instead; from ``--frames FILE``.

        Raises:
            FileNotFoundError: the folder is not that of EgoHumans.
            ValueError: an option is none of these.
        """
        if views not in ('4', '2', '8', 'all') or missing_views not in ('skip', 'fewer') or stride < 1:
            raise ValueError(
                'EgoHumans takes views 4, 2, 8 or all, missing_views skip or fewer, and a stride above 0'
            )
        pattern = {'[0-9][0-9]_*/[0-9]*_*/exo': 'sequences with exo cameras'}
        self.folder = require_folder(folder, pattern, 'EgoHumans')
        self.bodies = bodies or BodyLibrary()
        self.views = views
        self.stride = stride
        self.undistort = undistort
        self.missing_views = missing_views
        self.frames = frames

    def sequences(self, split: str = '') -> list[EgoHumansSequence]:
        """The sequences of one activity, or all, with the cameras of the set."""
        return [sequence for sequence in self._all(split) if not self._skipped(sequence)]

    def expected(self, split: str = '') -> int | None:
        """131 of all activities, less those that lack a camera of the set."""
        split = known_split(self, split)
        total = 0
        for activity in CAMERAS if split == 'all' else (split,):
            wanted = CAMERAS[activity].get(self.views, ())
            lacking = {
                number
                for sequences, cameras in INVALID.get(activity, {}).items()
                for number in sequences
                if self.missing_views == 'skip'
                and set(cameras) & set(wanted)
                and (activity, number) != ('badminton', 51)
            }
            total += COUNTS[activity] - len(lacking)
        return total

    def check(self, split: str = '') -> Findings:
        split = known_split(self, split)
        missing, notes = [], []
        sequences = self._all(split)
        kept = [sequence for sequence in sequences if not self._skipped(sequence)]
        for sequence in kept:
            if not sequence.truths:
                missing.append(f'{sequence.folder / "processed_data" / "smpl"}: no .npy file; expected the fits')
                continue
            for camera in sequence.cameras:
                folder = sequence.folder / 'exo' / camera / 'images'
                count = sum(1 for _ in folder.glob('*.jpg'))
                if count < sequence.truths[-1]:
                    missing.append(f'{folder}: {count} pictures, the last fit is of frame {sequence.truths[-1]}')
            for file in ('cameras.txt', 'images.txt', 'colmap_from_aria_transforms.pkl'):
                if not (sequence.workplace / file).is_file():
                    missing.append(f'{sequence.workplace / file} does not exist')
        for sequence in sequences:
            if sequence not in kept:
                notes.append(f'{sequence.name}: lacks a camera of the set of {self.views} views, left out')
        expected = self.expected(split)
        if len(kept) != expected:
            notes.append(f'{len(kept)} sequences with {self.views} views, {expected} were published')
        instants = sum(len(sequence) for sequence in kept)
        return Findings((f'{len(kept)} sequences, {instants} instants',), tuple(missing), tuple(notes))

    def _all(self, split: str) -> list[EgoHumansSequence]:
        split = known_split(self, split)
        found = []
        for path in sorted(self.folder.glob('[0-9][0-9]_*/[0-9]*_*'), key=lambda path: natural(str(path))):
            activity = path.parent.name.split('_', 1)[1]
            activity = 'lego' if activity.startswith('lego') else activity
            if not path.is_dir() or activity not in CAMERAS or split not in ('all', activity):
                continue
            sequence = EgoHumansSequence(self, path, activity)
            if (activity, sequence.number) not in UNUSABLE:
                found.append(sequence)
        return found

    def _skipped(self, sequence: EgoHumansSequence) -> bool:
        return self.missing_views == 'skip' and len(sequence.cameras) < len(sequence.wanted)


class EgoHumansSequence:
    """One take; an instant is a frame with fits, seen by the cameras of the set."""

    fps = 20.0
    static_rig = True

    def __init__(self, dataset: EgoHumans, folder: Path, activity: str) -> None:
        self.dataset = dataset
        self.folder = folder
        self.activity = activity
        self.name = f'{folder.parent.name}/{folder.name}'
        self.workplace = folder / 'colmap' / 'workplace'
        self.number = int(folder.name.split('_')[0])

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """Cameras of the set, whether they are there or not."""
        chosen = CAMERAS[self.activity].get(self.dataset.views)
        if chosen is not None:
            return tuple(f'cam{number:02d}' for number in chosen)
        return tuple(path.name for path in self._folders if path.name not in self._invalid)

    @cached_property
    def cameras(self) -> tuple[str, ...]:
        """Those of the set that are there and valid."""
        present = {path.name for path in self._folders} - self._invalid
        return tuple(name for name in self.wanted if name in present)

    @cached_property
    def _folders(self) -> list[Path]:
        return sorted((path for path in (self.folder / 'exo').glob('cam*')), key=lambda path: natural(path.name))

    @cached_property
    def _invalid(self) -> set[str]:
        invalid = INVALID.get(self.activity, {})
        return {f'cam{camera:02d}' for rows, cameras in invalid.items() if self.number in rows for camera in cameras}

    @cached_property
    def truths(self) -> list[int]:
        """Frame numbers that have fits."""
        return sorted(
            int(path.stem) for path in (self.folder / 'processed_data' / 'smpl').glob('*.npy') if path.stem.isdigit()
        )

    @cached_property
    def chosen(self) -> list[int]:
        """Frame numbers of the instants: index = number - 1 is a positive multiple of the stride, or as listed."""
        listed = self.dataset.frames
        if listed is None:
            stride = self.dataset.stride
            return [number for number in self.truths if (number - 1) % stride == 0 and number > 1]
        wanted = set(listed.get(self.name, ()))
        lost = sorted(wanted - set(self.truths))
        if lost:
            raise ValueError(f'{self.name}: the list of frames names frame {lost[0]}, which has no fit')
        return sorted(wanted)

    def __len__(self) -> int:
        return len(self.chosen)

    def instant(self, index: int) -> Instant:
        """The frame ``chosen[index]`` with everybody who wears glasses."""
        frame = self.chosen[index]
        path = self.folder / 'processed_data' / 'smpl' / f'{frame:05d}.npy'
        views = tuple(self._view(camera, frame) for camera in self.cameras)
        return Instant(frame, (frame - 1) / self.fps, views, self._people(path), complete=True)

    def _view(self, camera: str, frame: int) -> View:
        lens, pose = self.calibration(camera, frame)
        path = self.folder / 'exo' / camera / 'images' / f'{frame:05d}.jpg'
        undistort = self.dataset.undistort

        def open_image() -> np.ndarray:
            image = read_image(path, lens.size)
            return undistorted(image, lens) if undistort else image

        return View(camera, lens.pinhole if undistort else lens, pose, open_image=open_image, source=str(path))

    def calibration(self, camera: str, frame: int) -> tuple[Lens, np.ndarray]:
        """Lens, and world_from_camera (4, 4) in metres.

        Raises:
            OSError, ValueError: a file is missing or not what was expected, or nothing knows the camera.
        """
        known = self._colmap
        registered = known.get(camera)
        manual = self.workplace / f'{camera}.npy'
        if registered is not None:
            lens, pose = registered.lens, registered.pose(frame)
        elif manual.is_file():
            # calibrated by hand; its lens is that of the nearest camera of the same kind
            others = sorted((name for name in known if name.startswith('cam')), key=lambda name: _apart(name, camera))
            if not others:
                raise ValueError(
                    f'{self.workplace / "images.txt"}: has no exo camera whose lens {camera} could share'
                )
            lens = known[others[0]].lens
            pose = np.eye(4)
            content = dense(load_npy(manual), str(manual))
            if content.ndim != 2 or content.shape[0] < 3 or content.shape[1] != 4:
                raise ValueError(f'{manual}: expected a pose of 3 or 4 rows of 4, its shape is {content.shape}')
            pose[:3] = content[:3]
        else:
            raise ValueError(f'{self.workplace / "images.txt"}: no image of {camera} was registered, nor is {manual}')
        rotation, translation, scale = self._colmap_from_world
        camera_from_world = np.eye(4)
        camera_from_world[:3, :3] = pose[:3, :3] @ rotation
        camera_from_world[:3, 3] = (pose[:3, :3] @ translation + pose[:3, 3]) / scale
        return lens, invert_rigid(rigid(camera_from_world, f'{self.workplace}: pose of {camera}'))

    @cached_property
    def _colmap(self) -> dict[str, ColmapCamera]:
        return read_colmap(self.workplace)

    @cached_property
    def _colmap_from_world(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Rotation, translation and the scale from metres to COLMAP's unit, which the file has multiplied in."""
        path = self.workplace / 'colmap_from_aria_transforms.pkl'
        matrix = numbers(
            dense(entry(load_pickle(path), ANCHOR, path), f'{path}: {ANCHOR}'), (4, 4), f'{path}: {ANCHOR}'
        )
        scale = float(np.sqrt((matrix[:3, :3] @ matrix[:3, :3].T)[0, 0]))
        if not scale > 0:
            raise ValueError(f'{path}: the transform of {ANCHOR} has no scale')
        rotation = rigid(np.block([[matrix[:3, :3] / scale, np.zeros((3, 1))]]), f'{path}: {ANCHOR}')
        return rotation[:3, :3], matrix[:3, 3], scale

    def _people(self, path: Path) -> tuple[Person, ...]:
        content = load_npy(path)
        if not isinstance(content, dict) or not content:
            raise ValueError(f'{path}: expected a dictionary of people')
        return tuple(_person(path, str(name), content[name]) for name in sorted(content))


def _person(path: Path, name: str, fit: Any) -> Person:
    def get(key: str, *shape: int | None) -> np.ndarray:
        where = f'{path}: {name}.{key}'
        return numbers(dense(entry(fit, key, path), where), shape, where)

    body = Body(
        model='smpl',
        gender='neutral',
        frame='world',
        betas=get('betas', 10),
        root=matrices(get('global_orient', 3)),
        pose=matrices(get('body_pose', 69).reshape(23, 3)),
        transl=get('transl', 3),
    )
    joints = get('joints', None, 3)
    if len(joints) < 24:
        raise ValueError(f'{path}: {name}.joints: {len(joints)} joints, expected those of SMPL first (24 or more)')
    return Person(id=name, body=body, joints=joints[:24])


def _apart(name: str, other: str) -> tuple[int, str]:
    return abs(int(name[3:]) - int(other[3:])), name
