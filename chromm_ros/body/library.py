"""The body models that a user has: which are there, and the joints that protocols compare."""

from __future__ import annotations

import re
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.body.files import read_free, read_smplx
from chromm_ros.body.posing import PosedBody, SkinRegressor
from chromm_ros.body.smpl_files import read_regressor, read_smpl, read_vertex_map
from chromm_ros.skeleton import BODY_JOINTS

GENDERS = ('neutral', 'male', 'female')

SHAPES = 16
"""Shape directions that are kept of SMPL-X files; BEDLAM has 11."""

SMPLX_FILE = re.compile(r'smplx_(neutral|male|female)(_2020)?\.npz', re.IGNORECASE)
SMPL_FILE = re.compile(
    r'(smpl_(?P<long>neutral|male|female)|basicmodel_(?P<short>neutral|m|f)_lbs_10_207_0_v1\.\d\.\d)\.(pkl|npz)',
    re.IGNORECASE,
)
VERTEX_MAP_FILE = re.compile(r'smplx2smpl(_sparse)?\.(pkl|npy|npz|pt)', re.IGNORECASE)
SHORT = {'m': 'male', 'f': 'female', 'neutral': 'neutral'}


class BodyLibrary:
    """SMPL and SMPL-X files of any gender, ``smplx2smpl`` and regressors, found in a folder and below it.

    Without a folder, or for a model that it lacks, the free body takes the place of the true one, and results are
    named ``proxy22``: they compare with nobody's.
    """

    def __init__(self, folder: str | Path | None = None, regressed: bool = False) -> None:
        """
        Args:
            folder: with ``SMPL_NEUTRAL.pkl``, ``SMPLX_MALE.npz``, ``smplx2smpl.pkl``, ... at any depth up to two.
            regressed: take the SMPL joints of SMPL bodies from their vertices by the neutral regressor (GVHMR)
                instead of from their own layer (WHAM); they differ by millimetres.

        Raises:
            FileNotFoundError: there is no such folder.
        """
        self.folder = None if folder is None else Path(folder).expanduser()
        self.regressed = regressed
        self.files: dict[tuple[str, str], Path] = {}
        self._others: dict[str, Path] = {}
        self._bodies: dict[tuple[str, str], PosedBody] = {}
        self._to_smpl24: dict[tuple[str, str], SkinRegressor] = {}
        if self.folder is None:
            return
        if not self.folder.is_dir():
            raise FileNotFoundError(f'{self.folder} is not a folder; expected one with SMPL and SMPL-X body files')
        for pattern in ('*', '*/*', '*/*/*'):
            for path in sorted(self.folder.glob(pattern)):
                self._take_in(path)

    def _take_in(self, path: Path) -> None:
        if match := SMPLX_FILE.fullmatch(path.name):
            self.files.setdefault(('smplx', match[1].lower()), path)
        elif match := SMPL_FILE.fullmatch(path.name):
            gender = match['long'] or SHORT[match['short'].lower()]
            self.files.setdefault(('smpl', gender.lower()), path)
        elif path.stem.lower() in ('smplx2smpl', 'smplx2smpl_sparse') and path.suffix in (
            '.pkl',
            '.npy',
            '.npz',
            '.pt',
        ):
            self._others.setdefault('smplx2smpl', path)
        elif path.name.lower().startswith('j_regressor_') and path.suffix == '.npy':
            self._others.setdefault(path.stem.lower().removeprefix('j_regressor_'), path)

    def describe(self) -> list[str]:
        """What was found, one line each."""
        lines = [f'{model} {gender}: {path}' for (model, gender), path in sorted(self.files.items())]
        return lines + [f'{name}: {path}' for name, path in sorted(self._others.items())]

    def has(self, model: str, gender: str) -> bool:
        """Whether the file of a body is there."""
        return (model, gender) in self.files

    def body(self, model: str, gender: str) -> PosedBody:
        """A body of the library.

        Raises:
            FileNotFoundError: it is not there.
            ValueError: its file is broken.
        """
        if (model, gender) not in self._bodies:
            if not self.has(model, gender):
                raise FileNotFoundError(self._missing(model, gender))
            path = self.files[model, gender]
            self._bodies[model, gender] = PosedBody(read_smplx(path, SHAPES) if model == 'smplx' else read_smpl(path))
        return self._bodies[model, gender]

    def joint_names(self, model: str, gender: str) -> str:
        """Which joints :meth:`joints` gives of a body: ``smpl24``, ``body22`` or ``proxy22``."""
        if not self.has(model, gender):
            return 'proxy22'
        if model == 'smpl':
            return 'smpl24'
        return 'smpl24' if self.has('smpl', 'neutral') and 'smplx2smpl' in self._others else 'body22'

    def joints(
        self, model: str, gender: str, betas: np.ndarray, root: np.ndarray, pose: np.ndarray, transl: np.ndarray
    ) -> np.ndarray:
        """(..., 24 or 22, 3) joints by the best route there is, in the layout of :meth:`joint_names`.

        Args:
            betas: (..., B).
            root: (..., 3, 3) outer frame from body.
            pose: (..., 23 or 54, 3, 3) relative to the parents.
            transl: (..., 3) as the model means it [m].

        Raises:
            ValueError: a file of the library is broken.
        """
        names = self.joint_names(model, gender)
        if names == 'proxy22':
            return self._proxy(betas, root, pose, transl)
        body = self.body(model, gender)
        if names == 'body22':
            return body.joints(betas, root, pose, transl)[..., :BODY_JOINTS, :]
        if model == 'smpl' and not (self.regressed and self.has('smpl', 'neutral')):
            return body.joints(betas, root, pose, transl)
        return self.smpl24(model, gender)(betas, root, pose, transl)

    def smpl24(self, model: str, gender: str) -> SkinRegressor:
        """The 24 joints of the neutral SMPL regressor out of a body's vertices (SMPL-X by way of smplx2smpl).

        Raises:
            FileNotFoundError: a file that is needed for it is missing.
        """
        if (model, gender) not in self._to_smpl24:
            regressor: Any = self.body('smpl', 'neutral').file.regressor.astype(np.float64)
            if model == 'smplx':
                regressor = (self.smplx2smpl.T @ regressor.T).T
            self._to_smpl24[model, gender] = self.body(model, gender).regressor(regressor)
        return self._to_smpl24[model, gender]

    @cached_property
    def smplx2smpl(self) -> Any:
        """(6890, 10475) ``scipy.sparse.csr_matrix``: SMPL vertices from SMPL-X vertices.

        Raises:
            FileNotFoundError: it is not there.
        """
        return read_vertex_map(self._other('smplx2smpl', 'smplx2smpl.pkl'))

    def regressor(self, name: str) -> np.ndarray:
        """(J, 6890) of ``J_regressor_<name>.npy``: ``h36m``, ``coco``.

        Raises:
            FileNotFoundError: it is not there.
        """
        return read_regressor(self._other(name, f'J_regressor_{name}.npy'))

    def has_regressor(self, name: str) -> bool:
        """Whether :meth:`regressor` has it (``smplx2smpl`` counts)."""
        return name in self._others

    def absolute_hands(self, gender: str, hands: np.ndarray, components: int = 0) -> np.ndarray:
        """(..., 2, 15, 3) absolute axis-angle of left and right hand from what SMPL-X layers are given.

        Args:
            hands: (..., 2, 45) offsets from the mean hand, or (..., 2, components) principal components of them.
                Without the SMPL-X file of the gender hands are taken as flat.
        """
        lead = hands.shape[:-1]
        if not self.has('smplx', gender):
            return np.zeros((*lead, 15, 3))
        file = self.body('smplx', gender).file
        if components:
            basis = np.zeros((2, components, 45)) if file.hand_components is None else file.hand_components
            hands = np.einsum('...hc,hcd->...hd', hands[..., :components], basis[:, :components])
        if file.mean_hands is not None:
            hands = hands + file.mean_hands
        return hands.reshape(*lead, 15, 3)

    def rest_pelvis(self, model: str, gender: str, betas: np.ndarray) -> np.ndarray:
        """(..., 3) J0(betas): where the pelvis lies when ``transl`` is zero [m]."""
        body = self.body(model, gender) if self.has(model, gender) else _free()
        return body.rest_joints(betas)[..., 0, :]

    @staticmethod
    def _proxy(betas: np.ndarray, root: np.ndarray, pose: np.ndarray, transl: np.ndarray) -> np.ndarray:
        full = np.broadcast_to(np.eye(3), (*pose.shape[:-3], 54, 3, 3)).copy()
        full[..., : BODY_JOINTS - 1, :, :] = pose[..., : BODY_JOINTS - 1, :, :]
        return _free().joints(betas, root, full, transl)[..., :BODY_JOINTS, :]

    def _other(self, key: str, name: str) -> Path:
        if key not in self._others:
            where = 'no folder of body files was given' if self.folder is None else f'{self.folder} has no {name}'
            raise FileNotFoundError(f'{where}; expected {name} below the folder of body files')
        return self._others[key]

    def _missing(self, model: str, gender: str) -> str:
        name = f'SMPLX_{gender.upper()}.npz' if model == 'smplx' else f'SMPL_{gender.upper()}.pkl'
        site = 'smpl-x.is.tue.mpg.de' if model == 'smplx' else 'smpl.is.tue.mpg.de'
        where = 'no folder of body files was given' if self.folder is None else f'{self.folder} has no {name}'
        return f'{where}; expected {name}, from {site}'


@cache
def _free() -> PosedBody:
    return PosedBody(read_free())
