"""RICH: calibrated static cameras around one person (once two) with SMPL-X fits; the paper's Tables 1 and 5.

``images/<split>/<sequence>/cam_%02d/%05d_%02d.*`` (or ``images_ds4``),
``bodies/<split>/<sequence>/%05d/<subject>.pkl``,
``scan_calibration/<capture>/calibration/%03d.xml``; rich.is.tue.mpg.de.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import (
    IMAGE_ENDINGS,
    image_size,
    known_split,
    matrices,
    natural,
    read_image,
    require_folder,
)
from chromm_ros.datasets.interface import Body, Findings, Instant, Lens, Person, View
from chromm_ros.datasets.rich_files import HAND_COMPONENTS, read_calibration, read_fit
from chromm_ros.datasets.rich_list import MALE, TWO_PEOPLE, test_list
from chromm_ros.geometry.cameras import invert_rigid, project, scale_intrinsics, transform

LONG, SHORT = 4112, 3008
"""Sides of the full-size images; which of them is the width the stored image tells."""

KEPT_FITS = 4000
"""Bodies that are kept for the other cameras of a sequence: more than two sequences have frames."""


class Rich:
    """The folder with images, bodies and scan_calibration."""

    name = 'rich'
    licence = 'RICH: non-commercial research only, by registration (rich.is.tue.mpg.de)'
    splits = ('test', 'val', 'train')

    def __init__(
        self,
        folder: str | Path,
        bodies: BodyLibrary | None = None,
        views: str = 'all',
        two_people: bool = False,
        every_camera: bool = False,
    ) -> None:
        """
        Args:
            views: ``all`` cameras of a sequence together, or ``mono``: every camera as a sequence of its own.
            two_people: keep the one sequence with two people.
            every_camera: take every camera with images, not only those of the test list.

        Raises:
            FileNotFoundError: the folder is not that of RICH.
            ValueError: ``views`` is neither.
        """
        if views not in ('all', 'mono'):
            raise ValueError(f'views of RICH are all or mono, not {views!r}')
        patterns = {'images*/*/*': 'images', 'bodies/*/*': 'bodies'}
        self.folder = require_folder(folder, patterns, 'RICH')
        self.bodies = bodies or BodyLibrary()
        self.views = views
        self.two_people = two_people
        self.every_camera = every_camera
        self.images = next(
            (self.folder / name for name in ('images', 'images_ds4') if (self.folder / name).is_dir()),
            self.folder / 'images',
        )

    def sequences(self, split: str = '') -> list[RichSequence]:
        """The sequences of a split that have a folder of images."""
        split = known_split(self, split)
        found = []
        for name, cameras in self._cameras(split).items():
            present = [camera for camera in cameras if (self.images / split / name / f'cam_{camera:02d}').is_dir()]
            if self.views == 'all' and present:
                found.append(RichSequence(self, split, name, tuple(present)))
            elif self.views == 'mono':
                found += [RichSequence(self, split, f'{name}/cam_{camera:02d}', (camera,)) for camera in present]
        return sorted(found, key=lambda sequence: natural(sequence.name))

    def expected(self, split: str = '') -> int | None:
        """Sequences of the paper's protocol: those of the test list with images, less the one with two people."""
        if known_split(self, split) != 'test':
            return None
        listed = self._cameras('test', with_images=True)
        return len(listed) if self.views == 'all' else sum(len(cameras) for cameras in listed.values())

    def check(self, split: str = '') -> Findings:
        split = known_split(self, split)
        missing, notes = [], []
        sequences = self.sequences(split)
        frames = 0
        for sequence in sequences:
            try:
                for camera in sequence.cameras:
                    sequence.calibration(camera)
                count = len(sequence)
            except (OSError, ValueError) as error:
                missing.append(str(error))
                continue
            frames += count
            listed = test_list(self.folder).get(sequence.folder_name) if split == 'test' else None
            if listed and listed[1] and listed[1][1] < 99999 and count < listed[1][1] - listed[1][0] + 1:
                notes.append(f'{sequence.name}: {count} frames, images {listed[1][0]} to {listed[1][1]} are known')
        genders = {sequence.gender(subject) for sequence in sequences for subject in sequence.subjects}
        for gender in sorted(genders):
            if self.bodies.joint_names('smplx', gender) != 'smpl24':
                needed = f'SMPLX_{gender.upper()}.npz, smplx2smpl.pkl and SMPL_NEUTRAL.pkl'
                notes.append(f'without {needed} its joints are {self.bodies.joint_names("smplx", gender)}')
        if split == 'test':
            names = {sequence.folder_name for sequence in sequences}
            for name, cameras in self._cameras('test', with_images=True).items():
                if name not in names:
                    missing.append(f'{self.images / split / name}: not there (cameras {cameras} were published)')
                    continue
                for camera in cameras:
                    place = self.images / split / name / f'cam_{camera:02d}'
                    if not place.is_dir():
                        missing.append(f'{place}: not there')
        return Findings((f'{len(sequences)} sequences of {split}, {frames} frames',), tuple(missing), tuple(notes))

    def fit(self, path: Path) -> dict[str, np.ndarray]:
        """A file of one body; the views of a sequence share what was read last."""
        return self._read_fit(path)

    @cached_property
    def _read_fit(self) -> Callable[[Path], dict[str, np.ndarray]]:
        return lru_cache(maxsize=KEPT_FITS)(read_fit)

    def _cameras(self, split: str, with_images: bool = False) -> dict[str, tuple[int, ...]]:
        if split != 'test':
            names = [path.name for path in (self.folder / 'bodies' / split).glob('*') if path.is_dir()]
            return {name: self._present(split, name) for name in names}
        return {
            name: self._present(split, name) if self.every_camera else cameras
            for name, (cameras, frames) in test_list(self.folder).items()
            if (self.two_people or name != TWO_PEOPLE) and (frames is not None or not with_images)
        }

    def _present(self, split: str, name: str) -> tuple[int, ...]:
        """Cameras of a sequence that have a folder of images."""
        folders = (self.images / split / name).glob('cam_*')
        return tuple(sorted(int(path.name[4:]) for path in folders if path.name[4:].isdigit()))


@dataclass(frozen=True)
class _Fit:
    """SMPL-X of one subject in the frames that have it. F frames."""

    frames: np.ndarray  # (F,)
    betas: np.ndarray  # (F, 10)
    root: np.ndarray  # (F, 3, 3)
    pose: np.ndarray  # (F, 54, 3, 3)
    transl: np.ndarray  # (F, 3)
    joints: np.ndarray  # (F, 24 or 22, 3)


class RichSequence:
    """One action before some cameras; an instant is a frame that all of them and the fits have."""

    fps = 30.0
    static_rig = True

    def __init__(self, dataset: Rich, split: str, name: str, cameras: tuple[int, ...]) -> None:
        self.name = name
        self.folder_name = name.split('/')[0]
        self.cameras = cameras
        self._dataset = dataset
        self._bodies = dataset.folder / 'bodies' / split / self.folder_name
        self._images = dataset.images / split / self.folder_name
        self._capture = dataset.folder / 'scan_calibration' / self.folder_name.split('_')[0]

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Three-digit numbers in the name of the sequence."""
        parts = self.folder_name.split('_')[1:]
        return tuple(part for part in parts if part.isdigit() and len(part) == 3)

    @staticmethod
    def gender(subject: str) -> str:
        """Of the body model of a subject."""
        return 'male' if int(subject) in MALE else 'female'

    @cached_property
    def pictures(self) -> dict[int, dict[int, Path]]:
        """Camera -> frame -> image."""
        found: dict[int, dict[int, Path]] = {}
        for camera in self.cameras:
            found[camera] = {}
            for path in (self._images / f'cam_{camera:02d}').iterdir():
                frame, _, number = path.stem.partition('_')
                if path.suffix.lower() in IMAGE_ENDINGS and frame.isdigit() and number == f'{camera:02d}':
                    found[camera][int(frame)] = path
        return found

    @cached_property
    def frames(self) -> list[int]:
        """Numbers of the frames that every camera has an image of and that have a fit.

        Raises:
            FileNotFoundError: there is none.
        """
        if not self._bodies.is_dir():
            raise FileNotFoundError(f'{self._bodies} does not exist; expected the fits of the sequence')
        common = {int(path.name) for path in self._bodies.iterdir() if path.name.isdigit()}
        for pictures in self.pictures.values():
            common &= set(pictures)
        if not common:
            raise FileNotFoundError(f'{self._images}: no frame has an image of every camera and a fit')
        return sorted(common)

    def calibration(self, camera: int) -> tuple[Lens, np.ndarray]:
        """Lens of the stored images, and world_from_camera (4, 4).

        Raises:
            OSError, ValueError: the file is missing or not what was expected.
        """
        path = self._capture / 'calibration' / f'{camera:03d}.xml'
        camera_from_world, intrinsics = read_calibration(path)
        pictures = self.pictures[camera]
        if not pictures:
            raise FileNotFoundError(f'{self._images / f"cam_{camera:02d}"}: holds no image of this camera')
        width, height = image_size(next(iter(pictures.values())))
        nominal = (LONG, SHORT) if width > height else (SHORT, LONG)
        lens = Lens(scale_intrinsics(intrinsics, width / nominal[0], height / nominal[1]), (width, height))
        return lens, invert_rigid(camera_from_world)

    def __len__(self) -> int:
        return len(self.frames)

    def instant(self, index: int) -> Instant:
        """The frame ``frames[index]``; a person is valid where all views have the pelvis inside."""
        frame = self.frames[index]
        views = tuple(self._view(camera, frame) for camera in self.cameras)
        people = tuple(self._person(subject, frame, views) for subject in self.subjects)
        time = (frame - self.frames[0]) / self.fps
        return Instant(frame, time, views, tuple(person for person in people if person is not None))

    def _view(self, camera: int, frame: int) -> View:
        lens, world_from_camera = self._calibrations[camera]
        path = self.pictures[camera][frame]
        return View(
            f'cam_{camera:02d}',
            lens,
            world_from_camera,
            open_image=lambda: read_image(path, lens.size),
            source=str(path),
        )

    @cached_property
    def _calibrations(self) -> dict[int, tuple[Lens, np.ndarray]]:
        return {camera: self.calibration(camera) for camera in self.cameras}

    def _person(self, subject: str, frame: int, views: Iterable[View]) -> Person | None:
        fit = self._fits[subject]
        row = int(np.searchsorted(fit.frames, frame))
        if row == len(fit.frames) or fit.frames[row] != frame:
            return None
        gender = self.gender(subject)
        return Person(
            id=subject,
            body=Body('smplx', gender, 'world', fit.betas[row], fit.root[row], fit.pose[row], fit.transl[row]),
            joints=fit.joints[row],
            joint_names=self._dataset.bodies.joint_names('smplx', gender),
            valid=all(_sees(view, fit.joints[row, 0]) for view in views),
        )

    @cached_property
    def _fits(self) -> dict[str, _Fit]:
        return {subject: self._fit(subject) for subject in self.subjects}

    def _fit(self, subject: str) -> _Fit:
        bodies, gender = self._dataset.bodies, self.gender(subject)
        frames = [frame for frame in self.frames if self._file(frame, subject).is_file()]
        if not frames:
            raise FileNotFoundError(f'{self._file(self.frames[0], subject)} does not exist, nor for any other frame')
        rows = [self._dataset.fit(self._file(frame, subject)) for frame in frames]
        stacked = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
        hands = np.stack([stacked['left_hand_pose'], stacked['right_hand_pose']], 1)
        fingers = matrices(bodies.absolute_hands(gender, hands, HAND_COMPONENTS)).reshape(len(frames), 30, 3, 3)
        face = matrices(np.stack([stacked[key] for key in ('jaw_pose', 'leye_pose', 'reye_pose')], 1))
        pose = np.concatenate([matrices(stacked['body_pose'].reshape(-1, 21, 3)), face, fingers], 1)
        root = matrices(stacked['global_orient'])
        betas, transl = stacked['betas'], stacked['transl']
        joints = bodies.joints('smplx', gender, betas, root, pose, transl)
        return _Fit(np.array(frames), betas, root, pose, transl, joints)

    def _file(self, frame: int, subject: str) -> Path:
        return self._bodies / f'{frame:05d}' / f'{subject}.pkl'


def _sees(view: View, point: np.ndarray) -> bool:
    assert view.world_from_camera is not None
    inside = transform(invert_rigid(view.world_from_camera), point)
    if inside[2] <= 0:
        return False
    x, y = project(inside, view.lens.intrinsics)
    return bool(0 <= x < view.lens.size[0] and 0 <= y < view.lens.size[1])
