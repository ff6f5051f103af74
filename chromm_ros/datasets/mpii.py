"""MPII: single images of people in everyday activities, with NeuralAnnot's fits; stage 2 of the paper's training.

``images/*.jpg``, ``annotations/train.json`` and ``annotations/MPII_train_SMPLX_NeuralAnnot.json``.
"""

from __future__ import annotations

from pathlib import Path

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import require_folder
from chromm_ros.datasets.interface import Findings, Sequence
from chromm_ros.datasets.neuralannot import FitFiles, FittedImages
from chromm_ros.datasets.single_images import chosen_fits, found_images


class Mpii:
    """The folder with images and annotations."""

    name = 'mpii'
    licence = 'MPII: annotations simplified BSD (human-pose.mpi-inf.mpg.de); fits by the terms of NeuralAnnot'
    splits = ('train',)

    def __init__(self, folder: str | Path, bodies: BodyLibrary | None = None, model: str = 'smplx') -> None:
        """
        Args:
            model: whose fits are preferred, ``smplx`` or ``smpl``.

        Raises:
            FileNotFoundError: the folder is not that of MPII.
        """
        self.folder = require_folder(folder, {'annotations/train.json': "NeuralAnnot's annotations"}, 'MPII')
        self.bodies = bodies or BodyLibrary()
        self.model = model

    def files(self) -> FitFiles:
        """
        Raises:
            FileNotFoundError: there are no fits.
        """
        folder = self.folder / 'annotations'
        fits = {kind: folder / f'MPII_train_{kind.upper()}_NeuralAnnot.json' for kind in ('smplx', 'smpl')}
        return chosen_fits('mpii', folder / 'train.json', fits, self.model)

    def sequences(self, split: str = '') -> list[Sequence]:
        """All images as one sequence."""
        return [FittedImages('train', self.files(), self.bodies, self._image)]

    def expected(self, split: str = '') -> int | None:
        return 1

    def check(self, split: str = '') -> Findings:
        return found_images(self.files, self._image, self.bodies)

    def _image(self, file: str, _: str) -> Path:
        return self.folder / file if file.startswith('images/') else self.folder / 'images' / file
