"""3DPW: one or two people before a moving camera; the paper's Table 8 (pelvis), and images of its stage 2.

``imageFiles/<sequence>/image_%05d.jpg``, ``sequenceFiles/<split>/<sequence>.pkl``; NeuralAnnot's
``3DPW_<split>.json`` and ``3DPW_<split>_SMPLX_NeuralAnnot.json`` beside them; virtualhumans.mpi-inf.mpg.de/3DPW.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import (
    count_images,
    entry,
    image_size,
    known_split,
    matrices,
    natural,
    numbers,
    read_image,
    require_folder,
    rigid,
)
from chromm_ros.datasets.interface import Body, Findings, Instant, Lens, Person, Sequence, View
from chromm_ros.datasets.neuralannot import FitFiles, FittedImages
from chromm_ros.datasets.single_images import fit_faults
from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.pickles import load_pickle

VIEW = 'camera'
GENDERS = {'m': 'male', 'f': 'female', 'male': 'male', 'female': 'female'}
COUNTS = {'train': 24, 'validation': 12, 'test': 24}


class ThreeDpw:
    """The folder with imageFiles and sequenceFiles."""

    name = '3dpw'
    licence = '3DPW: non-commercial research only, by licence agreement (virtualhumans.mpi-inf.mpg.de/3DPW)'
    splits = ('test', 'train', 'validation')

    def __init__(self, folder: str | Path, bodies: BodyLibrary | None = None, truth: str = 'auto') -> None:
        """
        Args:
            truth: ``neuralannot`` (fits of SMPL-X, or of SMPL in the annotations), ``3dpw`` (its own SMPL in the
                world), or ``auto``: NeuralAnnot's where the folder has them.

        Raises:
            FileNotFoundError: the folder is not that of 3DPW.
            ValueError: ``truth`` is none of these.
        """
        if truth not in ('auto', 'neuralannot', '3dpw'):
            raise ValueError(f'the truth of 3DPW is auto, neuralannot or 3dpw, not {truth!r}')
        patterns = {'sequenceFiles/*/*.pkl': 'sequences', '3DPW_*.json': "NeuralAnnot's annotations"}
        self.folder = require_folder(folder, patterns, '3DPW')
        self.bodies = bodies or BodyLibrary()
        self._truth = truth

    def truth(self, split: str = '') -> str:
        """Which truth is used: ``neuralannot`` or ``3dpw``."""
        if self._truth == 'auto':
            return '3dpw' if self._fits(known_split(self, split)) is None else 'neuralannot'
        return self._truth

    def sequences(self, split: str = '') -> list[Sequence]:
        """The sequences of a split.

        Raises:
            OSError, ValueError: NeuralAnnot's files are asked for and missing or broken.
        """
        split = known_split(self, split)
        if self.truth(split) == '3dpw':
            files = sorted((self.folder / 'sequenceFiles' / split).glob('*.pkl'), key=lambda path: natural(path.name))
            return [ThreeDpwSequence(self, path) for path in files]
        fits = self._fits(split)
        if fits is None:
            name = f'3DPW_{split}'
            raise FileNotFoundError(f'{self.folder}: has no {name}.json with fits, nor {name}_SMPLX_NeuralAnnot.json')
        names = sorted(set(fits.index()['group'].tolist()), key=natural)
        return [FittedImages(name, fits, self.bodies, self._image, name) for name in names]

    def expected(self, split: str = '') -> int | None:
        """24 train, 12 validation, 24 test."""
        return COUNTS[known_split(self, split)]

    def check(self, split: str = '') -> Findings:
        split = known_split(self, split)
        missing: list[str] = []
        notes: list[str] = []
        try:
            sequences = self.sequences(split)
        except (OSError, ValueError) as error:
            return Findings((), (str(error),), ())
        frames = 0
        for sequence in sequences:
            try:
                frames += len(sequence)
            except (OSError, ValueError) as error:
                missing.append(str(error))
                continue
            folder = self.folder / 'imageFiles' / sequence.name
            images = count_images(folder)
            if images < len(sequence):
                missing.append(f'{folder}: {images} of {len(sequence)} pictures')
        if len(sequences) != COUNTS[split]:
            notes.append(f'{len(sequences)} sequences of {split}, {COUNTS[split]} were published')
        truth = self.truth(split)
        if truth == '3dpw':
            notes.append(f'without 3DPW_{split}_SMPLX_NeuralAnnot.json the pelvis is that of the own SMPL fits')
        elif (fits := self._fits(split)) is not None:
            notes += fit_faults(fits)
        return Findings(
            (f'{len(sequences)} sequences of {split}, {frames} images, truth {truth}',), tuple(missing), tuple(notes)
        )

    def _fits(self, split: str) -> FitFiles | None:
        annotations = self.folder / f'3DPW_{split}.json'
        parameters = self.folder / f'3DPW_{split}_SMPLX_NeuralAnnot.json'
        if not annotations.is_file():
            return None
        if parameters.is_file():
            return FitFiles('3dpw', annotations, parameters, 'smplx')
        files = FitFiles('3dpw', annotations, None, 'smpl')
        return files if files.index()['fitted'].any() else None

    def _image(self, file: str, sequence: str) -> Path:
        return self.folder / 'imageFiles' / sequence / file


class ThreeDpwSequence:
    """One sequence with 3DPW's own SMPL; row i of its arrays is ``image_%05d`` number i.

    ``img_frame_ids`` is not that number: it counts in arrays of 60 Hz, which nothing here needs.
    """

    fps = 30.0
    static_rig = False

    def __init__(self, dataset: ThreeDpw, file: Path) -> None:
        self.dataset = dataset
        self.file = file
        self.name = file.stem
        self.folder = dataset.folder / 'imageFiles' / file.stem

    @cached_property
    def _content(self) -> dict[str, Any]:
        content = load_pickle(self.file)
        poses = entry(content, 'poses', self.file)
        count = len(numbers(entry(content, 'cam_poses', self.file), (None, 4, 4), f'{self.file}: cam_poses'))

        def each(key: str, *shape: int | None) -> list[np.ndarray]:
            values = entry(content, key, self.file)
            if not isinstance(values, (list, tuple)) or len(values) != len(poses):
                raise ValueError(f'{self.file}: {key} is not a list over the {len(poses)} people')
            return [numbers(value, shape, f'{self.file}: {key}') for value in values]

        genders = entry(content, 'genders', self.file)
        if len(genders) != len(poses) or any(gender not in GENDERS for gender in genders):
            raise ValueError(f'{self.file}: its genders are {genders!r}, expected m or f for {len(poses)} people')
        turns = [matrices(pose.reshape(count, 24, 3)) for pose in each('poses', count, 72)]
        camera_from_world = numbers(content['cam_poses'], (count, 4, 4), f'{self.file}: cam_poses')
        return {
            'root': [turn[:, 0] for turn in turns],
            'pose': [turn[:, 1:] for turn in turns],
            'transl': each('trans', count, 3),
            'betas': [betas[:10] for betas in each('betas', None)],
            'joints': [joints.reshape(count, 24, 3) for joints in each('jointPositions', count, 72)],
            'valid': [valid > 0 for valid in each('campose_valid', count)],
            'points': [points.transpose(0, 2, 1) for points in each('poses2d', count, 3, 18)],
            'gender': [GENDERS[gender] for gender in genders],
            'world_from_camera': invert_rigid(rigid(camera_from_world, f'{self.file}: cam_poses')),
            'intrinsics': numbers(
                entry(content, 'cam_intrinsics', self.file), (3, 3), f'{self.file}: cam_intrinsics'
            ),
        }

    @cached_property
    def _size(self) -> tuple[int, int]:
        return image_size(self.folder / 'image_00000.jpg')

    def __len__(self) -> int:
        return len(self._content['world_from_camera'])

    def instant(self, index: int) -> Instant:
        """Image ``index``; a person is valid where the camera is aligned with it."""
        content = self._content
        path = self.folder / f'image_{index:05d}.jpg'
        lens = Lens(content['intrinsics'], self._size)
        view = View(
            VIEW,
            lens,
            content['world_from_camera'][index],
            open_image=lambda: read_image(path, lens.size),
            source=str(path),
        )
        people = []
        for number, gender in enumerate(content['gender']):
            root, pose, transl = (content[key][number][index] for key in ('root', 'pose', 'transl'))
            points = content['points'][number][index]
            people.append(
                Person(
                    id=str(number),
                    body=Body('smpl', gender, 'world', content['betas'][number], root, pose, transl),
                    joints=content['joints'][number][index],
                    pixels={VIEW: points} if points.any() else {},
                    valid=bool(content['valid'][number][index]),
                )
            )
        return Instant(index, index / self.fps, (view,), tuple(people))
