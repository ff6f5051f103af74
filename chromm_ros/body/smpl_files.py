"""SMPL body files (``.pkl`` of smpl.is.tue.mpg.de), read without chumpy and without running anything in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.body.files import BETAS, BROKEN, BodyFile, check_shape, named
from chromm_ros.pickles import dense, load_npy, load_pickle, sparse

SMPL_JOINTS = 24
"""The joints of SMPL: 0 to 21 are those of SMPL-X, 22 and 23 the hands."""

SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Parent of each SMPL joint."""


def read_smpl(path: str | Path) -> BodyFile:
    """Read an SMPL ``.pkl`` (or the same keys as ``.npz``); its arrays may be chumpy's.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not an SMPL body, or holds code; names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'no SMPL body file at {path}; expected SMPL_NEUTRAL.pkl or one like it')
    content = _content(path)
    arrays: dict[str, np.ndarray] = {}
    for key in ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights', 'f', 'kintree_table'):
        if key not in content:
            raise ValueError(f'{path}: is not an SMPL body file: it has no {key}')
        arrays[key] = dense(content[key], f'{path}: {key}')
    count = len(arrays['v_template'])
    expected: dict[str, tuple[int | None, ...]] = {
        'v_template': (count, 3),
        'shapedirs': (count, 3, None),
        'posedirs': (count, 3, 9 * (SMPL_JOINTS - 1)),
        'J_regressor': (SMPL_JOINTS, count),
        'weights': (count, SMPL_JOINTS),
        'f': (None, 3),
        'kintree_table': (2, SMPL_JOINTS),
    }
    for key, shape in expected.items():
        check_shape(path, key, arrays[key].shape, shape)
    if arrays['kintree_table'][0].astype(np.int64)[1:].tolist() != list(SMPL_PARENTS[1:]):
        raise ValueError(f'{path}: its joints are not those of SMPL (kintree_table differs)')
    return BodyFile(
        name=named(path),
        template=arrays['v_template'].astype(np.float32),
        shape_directions=arrays['shapedirs'][:, :, :BETAS].astype(np.float32),
        pose_directions=arrays['posedirs'].astype(np.float32) if arrays['posedirs'].any() else None,
        regressor=arrays['J_regressor'].astype(np.float32),
        weights=arrays['weights'].astype(np.float32),
        faces=arrays['f'].astype(np.int64),
        parents=SMPL_PARENTS,
    )


def read_vertex_map(path: str | Path) -> Any:
    """The matrix that makes SMPL vertices of SMPL-X vertices, as a ``scipy.sparse.csr_matrix``.

    ``smplx2smpl.pkl`` (key ``matrix``, dense or sparse), ``.npy`` or ``.npz`` with the matrix, or a sparse tensor
    saved by torch (``.pt``).

    Raises:
        FileNotFoundError, ValueError: as :func:`read_smpl`.
    """
    path = Path(path)
    if path.suffix in ('.pt', '.pth'):
        return _torch_matrix(path)
    content = load_npy(path) if path.suffix == '.npy' else _content(path)
    if isinstance(content, dict):
        if 'matrix' not in content:
            raise ValueError(f'{path}: expected the key "matrix", found {sorted(map(str, content))[:5]}')
        content = content['matrix']
    matrix = sparse(content, f'{path}: matrix')
    if matrix.ndim != 2:
        raise ValueError(f'{path}: expected a matrix of vertices by vertices, its shape is {matrix.shape}')
    return matrix


def read_regressor(path: str | Path) -> np.ndarray:
    """(J, N) a joint regressor from ``.npy``.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_smpl`.
    """
    matrix = dense(load_npy(path), str(path))
    if matrix.ndim != 2:
        raise ValueError(f'{path}: expected (joints, vertices), its shape is {matrix.shape}')
    return matrix


def _content(path: Path) -> dict[str, Any]:
    if path.suffix == '.npz':
        try:
            with np.load(path, allow_pickle=False) as data:
                return {key: data[key] for key in data.files}
        except BROKEN as error:
            raise ValueError(f'{path}: cannot be read as an .npz file of plain arrays ({error})') from error
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: expected a dictionary, it holds a {type(content).__name__}')
    return content


def _torch_matrix(path: Path) -> Any:
    import pickle

    import scipy.sparse
    import torch

    try:
        tensor = torch.load(path, map_location='cpu', weights_only=True)
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f'{path}: is no tensor that can be read ({str(error).splitlines()[0]})') from error
    if not isinstance(tensor, torch.Tensor) or tensor.ndim != 2:
        raise ValueError(f'{path}: expected one matrix')
    if tensor.layout == torch.strided:
        return scipy.sparse.csr_matrix(tensor.numpy())
    tensor = tensor.to_sparse_coo().coalesce()
    return scipy.sparse.csr_matrix((tensor.values().numpy(), tensor.indices().numpy()), shape=tuple(tensor.shape))
