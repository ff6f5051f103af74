"""BEDLAM: rendered people in rendered scenes, moving cameras; stage 1 of the paper's training, and half of stage 2.

``<scene>[_6fps]/{png, depth, masks, ground_truth/camera}/...`` and ``all_npz_12_training/<scene>_6fps.npz``;
bedlam.is.tue.mpg.de. Images, labels and rows of cameras are matched by name, never by position.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.bedlam_files import (
    BedlamImage,
    ImageName,
    Scene,
    camera_rows,
    camera_seen,
    label_rows,
    labelled_frames,
)
from chromm_ros.datasets.bedlam_scenes import BROKEN, SCENES
from chromm_ros.datasets.files import image_size, known_split, matrices, natural, require_folder
from chromm_ros.datasets.interface import Body, Findings, Instant, Lens, Person, View
from chromm_ros.geometry.cameras import project, transform
from chromm_ros.skeleton import BODY_JOINTS

LABEL_FOLDERS = ('all_npz_12_training', 'all_npz_12_validation', 'processed_labels', 'bedlam_labels/*')
LABEL_FILE = re.compile(r'(?P<scene>\d{8}_.+?)_(?P<rate>6|30)fps\.npz')

VIEW = 'camera'

SAME_LENS = 0.01
"""Part by which focal lengths of labels and camera files may differ."""

FRAMES_PER_IMAGE = 5
"""Labels and pictures are used at 6 images per second; their numbers count at 30."""


class Bedlam:
    """The folder with the scenes and the labels."""

    name = 'bedlam'
    licence = 'BEDLAM: non-commercial research only, by registration (bedlam.is.tue.mpg.de)'
    splits = ('train', 'val', 'all')

    def __init__(
        self,
        folder: str | Path,
        bodies: BodyLibrary | None = None,
        closeup: bool = True,
        hdri: bool = False,
        broken: bool = False,
        labels: str | Path | None = None,
    ) -> None:
        """
        Args:
            closeup: keep the scenes that are stored lying.
            hdri: keep the scenes before a sky dome, which have no depth.
            broken: keep the sequences that CUT3R and Human3R leave out.
            labels: another folder of label files than those below ``folder``.

        Raises:
            FileNotFoundError: the folder is not that of BEDLAM.
        """
        patterns = {'*/png': 'scenes with pictures', '*/*_6fps.npz': 'labels', '*/*_30fps.npz': 'labels'}
        self.folder = require_folder(folder, patterns, 'BEDLAM')
        self.bodies = bodies or BodyLibrary()
        self.closeup = closeup
        self.hdri = hdri
        self.broken = broken
        self.labels = None if labels is None else require_folder(labels, {'*.npz': 'label files'}, "BEDLAM's labels")

    def scenes(self, split: str = '') -> dict[str, Scene]:
        """Scenes of the split with labels, by name; their pictures may be missing."""
        split = known_split(self, split)
        places = [self.labels] if self.labels else [p for name in LABEL_FOLDERS for p in self.folder.glob(name)]
        found: dict[str, Scene] = {}
        for place in places:
            for path in sorted(place.glob('*.npz')):
                match = LABEL_FILE.fullmatch(path.name)  # AGORA's labels lie among them
                if match is None:
                    continue
                name, marks = match['scene'], SCENES.get(match['scene'], '')
                wanted = split == 'all' or ('v' in marks) == (split == 'val')
                if wanted and (self.closeup or 'closeup' not in name) and (self.hdri or 'h' not in marks):
                    found.setdefault(name, Scene(name, path, self._folders(name), depth='h' not in marks))
        return found

    def sequences(self, split: str = '') -> list[BedlamSequence]:
        """The labelled sequences of the scenes that have pictures.

        A scene whose labels cannot be read is one sequence, whose first use says what is wrong.
        """
        sequences = []
        for scene in self.scenes(split).values():
            if not scene.folders:
                continue
            left_out = frozenset() if self.broken else BROKEN.get(scene.name, frozenset())
            try:
                numbers = set(labelled_frames(scene.labels)) - left_out
            except (OSError, ValueError):
                numbers = {0}
            sequences += [BedlamSequence(scene, number, self.bodies) for number in numbers]
        return sorted(sequences, key=lambda sequence: natural(sequence.name))

    def expected(self, split: str = '') -> int | None:
        """Nobody published a count of sequences."""
        return None

    def check(self, split: str = '') -> Findings:
        split = known_split(self, split)
        missing: list[str] = []
        notes: list[str] = []
        scenes = self.scenes(split)
        counts: dict[str, int] = defaultdict(int)
        images = 0
        for sequence in self.sequences(split):
            counts[sequence.scene.name] += 1
            lost = sequence.missing()
            missing += lost
            images += 0 if lost else len(sequence)
        for scene in scenes.values():
            if not scene.folders:
                notes.append(f'{scene.name}: labels, but no folder of pictures')
            elif scene.depth and scene.find('depth') is None:
                notes.append(f'{scene.name}: no depth; trained without s_opt')
            if scene.folders and scene.find('masks') is None:
                notes.append(f'{scene.name}: no masks; trained without the mask loss')
        published = {name for name, marks in SCENES.items() if split == 'all' or ('v' in marks) == (split == 'val')}
        absent = sorted(published - set(scenes) - {name for name in published if self._left_out(name)})
        if absent:
            notes.append(
                f'{len(absent)} of {len(published)} published scenes have no labels here, such as {absent[0]}'
            )
        for path in sorted(self.folder.glob('*/png')):
            name = re.sub(r'_(6|30)fps$', '', path.parent.name)
            if name not in SCENES:
                notes.append(f'{path.parent}: a scene that was not published under this name')
        if not counts:
            missing.append(f'{self.folder}: no scene of {split} has labels and pictures')
        if not self.bodies.has('smplx', 'neutral'):
            notes.append('needs SMPLX_NEUTRAL.npz: its people are neutral SMPL-X whatever the labels say')
        found = (
            f'{sum(counts.values())} sequences of {len(counts)} scenes of {split}; {images} images in complete ones'
        )
        return Findings((found,), tuple(missing), tuple(notes))

    def _left_out(self, name: str) -> bool:
        return ('closeup' in name and not self.closeup) or ('h' in SCENES[name] and not self.hdri)

    def _folders(self, scene: str) -> tuple[Path, ...]:
        """Where parts of the scene may be: pictures at 6 fps come in another archive than depth and cameras."""
        places = (self.folder / f'{scene}{ending}' for ending in ('', '_6fps', '_30fps'))
        return tuple(place for place in places if place.is_dir())


class BedlamSequence:
    """One shot; an instant is a labelled picture, six in a second."""

    fps = 6.0
    static_rig = False

    def __init__(self, scene: Scene, number: int, bodies: BodyLibrary) -> None:
        self.scene = scene
        self.number = number
        self.bodies = bodies
        self.key = f'seq_{number:06d}'
        self.name = f'{scene.name}/{self.key}'

    @cached_property
    def frames(self) -> list[int]:
        """Numbers (at 30 fps) of the pictures that are there and have labels.

        Raises:
            FileNotFoundError: there is none.
        """
        labelled = labelled_frames(self.scene.labels)[self.number]
        folder = self.scene.find('png', self.key)
        there = set() if folder is None else {_frame(path) for path in folder.glob('*.png')}
        frames = sorted(frame for frame in labelled & there if frame % FRAMES_PER_IMAGE == 0)
        if not frames:
            place = folder or self.scene.folders[0] / 'png' / self.key
            raise FileNotFoundError(f'{place}: none of the {len(labelled)} labelled pictures is there')
        return frames

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures as they are stored [px]."""
        return image_size(self._image(self.frames[0]).picture)

    @property
    def _cameras(self) -> dict[int, np.ndarray]:
        return camera_rows(self.scene.file('ground_truth/camera', f'{self.key}_camera.csv'))

    @property
    def _labels(self) -> dict[str, np.ndarray]:
        return label_rows(self.scene.labels)

    def missing(self) -> list[str]:
        """What a check says of the sequence."""
        try:
            frames = self.frames
            cameras = self._cameras
        except (OSError, ValueError) as error:
            return [str(error)]
        lines = []
        labelled = sum(frame % FRAMES_PER_IMAGE == 0 for frame in labelled_frames(self.scene.labels)[self.number])
        if len(frames) < labelled:
            lines.append(f'{self.scene.file("png", self.key)}: {len(frames)} of {labelled} labelled pictures')
        lost = [frame for frame in frames if frame not in cameras]
        if lost:
            lines.append(f'{self.scene.name}: {self.key}_camera.csv has no row of frame {lost[0]}')
        if self.scene.depth and self.scene.find('depth') is not None:
            folder = self.scene.file('depth', self.key)
            there = {path.name for path in folder.glob('*_depth.exr')}
            count = sum(f'{self.key}_{frame:04d}_depth.exr' in there for frame in frames)
            if count < len(frames):
                lines.append(f'{folder}: {count} of {len(frames)} depths')
        return lines

    def __len__(self) -> int:
        return len(self.frames)

    def instant(self, index: int) -> Instant:
        """The picture ``frames[index]``; people without a label may be in sight."""
        frame = self.frames[index]
        image, labels = self._image(frame), self._labels
        rows = np.flatnonzero(labels['image'] == ImageName(self.number, frame).code)
        if frame not in self._cameras:
            path = self.scene.file('ground_truth/camera', f'{self.key}_camera.csv')
            raise ValueError(f'{path}: has no row of {self.key}_{frame:04d}.png')
        lens = labels['lens'][rows[0]]
        turn = int(lens[2] < lens[3] and self.size[0] > self.size[1])
        intrinsics, world_from_camera, size = camera_seen(self._cameras[frame], self.size, turn)
        # in units of the image: pictures may have been made smaller
        told, seen = lens[0] / (2 * lens[2]), intrinsics[0, 0] / size[0]
        if abs(told - seen) > SAME_LENS * told:
            raise ValueError(
                f'{self.scene.labels}: {self.key}_{frame:04d} has a focal length of {told:.3f} image widths, '
                f'its camera file {seen:.3f}: labels and pictures are of different scenes'
            )
        placed = [self._person(int(row), world_from_camera) for row in rows]
        people = [person for person, _ in placed]
        pelvises = np.array([joints[0] for _, joints in placed])
        wanted = [(person.id, pixel) for person, pixel in zip(people, project(pelvises, intrinsics))]
        view = View(
            VIEW,
            Lens(intrinsics, size),
            world_from_camera,
            turn=turn,
            open_image=lambda: image.image(turn, size),
            open_depth=lambda: image.depth(turn),
            open_people_mask=lambda: image.people_mask(turn),
            open_instance=lambda: image.instance(turn, wanted),
            source=str(image.picture),
        )
        return Instant(frame, (frame - self.frames[0]) / 30, (view,), tuple(_distinct(people)))

    def _image(self, frame: int) -> BedlamImage:
        return BedlamImage(self.scene, self.key, frame)

    def _person(self, row: int, world_from_camera: np.ndarray) -> tuple[Person, np.ndarray]:
        """A neutral body, whatever gender the subject has, in the frame of the camera; and its joints there."""
        labels = self._labels
        turns = matrices(np.array(labels['pose'][row], np.float64).reshape(55, 3))
        body = Body(
            model='smplx',
            gender='neutral',
            frame='camera',
            betas=np.array(labels['betas'][row], np.float64),
            root=turns[0],
            pose=turns[1:],
            transl=np.array(labels['transl'][row], np.float64),
        )
        if self.bodies.has('smplx', 'neutral'):
            model = self.bodies.body('smplx', 'neutral')
            joints = model.joints(body.betas, body.root, body.pose, body.transl)[:BODY_JOINTS]
            names = 'body22'
        else:
            joints = self.bodies.joints('smplx', 'neutral', body.betas, body.root, body.pose, body.transl)
            names = 'proxy22'
        subject = str(labels['subject'][row])
        return Person(subject, body, transform(world_from_camera, joints), names), joints


def _distinct(people: list[Person]) -> list[Person]:
    """Two of the same subject in one picture get ids of their own, from left to right."""
    seen: dict[str, list[int]] = defaultdict(list)
    for number, person in enumerate(people):
        seen[person.id].append(number)
    for numbers in seen.values():
        for order, number in enumerate(numbers if len(numbers) > 1 else []):
            people[number] = replace(people[number], id=f'{people[number].id} {order + 1}')
    return people


def _frame(path: Path) -> int:
    number = path.stem.rpartition('_')[2]
    return int(number) if number.isdigit() else -1
