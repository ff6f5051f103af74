"""MSCOCO: single images of everyday scenes, with NeuralAnnot's fits; stage 2 of the paper's training.

``train2017/%012d.jpg`` (or below ``images``), ``annotations/person_keypoints_train2017.json`` and
``annotations/MSCOCO_train_SMPLX_all_NeuralAnnot.json``.
"""

from __future__ import annotations

from pathlib import Path

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import require_folder
from chromm_ros.datasets.interface import Findings, Sequence
from chromm_ros.datasets.neuralannot import FitFiles, FittedImages
from chromm_ros.datasets.single_images import chosen_fits, found_images

ANNOTATIONS = ('person_keypoints_train2017.json', 'coco_wholebody_train_v1.0.json')
IMAGES = 118_287
"""Published pictures of train2017."""


class Coco:
    """The folder with train2017 and annotations."""

    name = 'coco'
    licence = 'MSCOCO: annotations CC BY 4.0, images by the terms of Flickr; fits by the terms of NeuralAnnot'
    splits = ('train',)

    def __init__(self, folder: str | Path, bodies: BodyLibrary | None = None, model: str = 'smplx') -> None:
        """
        Args:
            model: whose fits are preferred, ``smplx`` or ``smpl``.

        Raises:
            FileNotFoundError: the folder is not that of MSCOCO.
        """
        patterns = {f'annotations/{name}': 'annotations' for name in ANNOTATIONS}
        self.folder = require_folder(folder, patterns, 'MSCOCO')
        self.bodies = bodies or BodyLibrary()
        self.model = model
        below = self.folder / 'images' / 'train2017'
        self.images = below if below.is_dir() else self.folder / 'train2017'

    def files(self) -> FitFiles:
        """
        Raises:
            FileNotFoundError: there are no fits.
        """
        folder = self.folder / 'annotations'
        annotations = next(folder / name for name in ANNOTATIONS if (folder / name).is_file())
        names = {'smplx': 'MSCOCO_train_SMPLX_all_NeuralAnnot.json', 'smpl': 'MSCOCO_train_SMPL_NeuralAnnot.json'}
        return chosen_fits('coco', annotations, {kind: folder / name for kind, name in names.items()}, self.model)

    def sequences(self, split: str = '') -> list[Sequence]:
        """All images with people as one sequence."""
        return [FittedImages('train', self.files(), self.bodies, self._image)]

    def expected(self, split: str = '') -> int | None:
        return 1

    def check(self, split: str = '') -> Findings:
        return found_images(self.files, self._image, self.bodies)

    def _image(self, file: str, _: str) -> Path:
        return self.images / Path(file).name
