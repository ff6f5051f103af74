"""Body files in the layouts of SMPL and SMPL-X out of the free body, whose joints are known exactly by every route.

The first vertices lie on the joints, move with them alone, and are what the regressors read. So joints out of posed
vertices are the posed joints, and SMPL-X to SMPL is a matter of picking vertices.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import scipy.sparse

from chromm_ros.body.files import PARENTS, read_free, read_proxy
from chromm_ros.body.smpl_files import SMPL_PARENTS

SCALES = {'neutral': 1.0, 'male': 1.03, 'female': 0.97}
"""Size of the template per gender."""

SMPL_FROM_SMPLX = (*range(22), 28, 43)
"""SMPL-X joint at the place of each SMPL joint: the roots of the middle fingers stand for the hands."""


def fake_bodies(folder: Path) -> Path:
    """Write SMPLX_*.npz and SMPL_*.pkl of three genders, smplx2smpl.pkl and J_regressor_coco.npy."""
    folder.mkdir(parents=True, exist_ok=True)
    free = read_free()
    kept, faces = read_proxy()
    joints, joint_shapes = (
        free.regressor @ free.template,
        np.einsum('jn,nck->jck', free.regressor, free.shape_directions),
    )
    skin, shapes, weights = free.template[kept], free.shape_directions[kept], free.weights[kept]
    rng = np.random.default_rng(11)
    eleventh = np.full((55 + len(kept), 3, 1), 0.004)  # BEDLAM's bodies have 11 coefficients: this one makes taller
    for gender, scale in SCALES.items():
        directions = np.concatenate([joint_shapes, shapes])
        _write_smplx(
            folder / f'SMPLX_{gender.upper()}.npz',
            template=np.concatenate([joints, skin]) * scale,
            directions=np.concatenate([directions, eleventh * np.concatenate([joints, skin])[..., None]], 2),
            weights=np.concatenate([np.eye(55), weights]),
            faces=faces + 55,
            rng=rng,
        )
        picked = list(SMPL_FROM_SMPLX)
        _write_smpl(
            folder / f'SMPL_{gender.upper()}.pkl',
            template=np.concatenate([joints[picked], skin]) * scale,
            directions=np.concatenate([joint_shapes[picked], shapes]),
            weights=np.concatenate([np.eye(24), _smpl_weights(weights)]),
            faces=faces + 24,
        )
    columns = np.concatenate([SMPL_FROM_SMPLX, 55 + np.arange(len(kept))])
    ones = (np.ones(len(columns)), (np.arange(len(columns)), columns))
    matrix = scipy.sparse.csr_matrix(ones, shape=(24 + len(kept), 55 + len(kept)))
    (folder / 'smplx2smpl.pkl').write_bytes(pickle.dumps({'matrix': matrix}, protocol=2))
    coco = np.zeros((17, 24 + len(kept)))
    coco[np.arange(17), COCO_FROM_SMPL] = 1
    np.save(folder / 'J_regressor_coco.npy', coco)
    return folder


COCO_FROM_SMPL = (15, 15, 15, 15, 15, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)
"""SMPL joint at the place of each COCO key point; the face has only the head."""


def _write_smplx(
    path: Path, template: np.ndarray, directions: np.ndarray, weights: np.ndarray, faces: np.ndarray,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    count = len(template)
    shapes = np.zeros((count, 3, 400), np.float32)
    shapes[..., : directions.shape[2]] = directions
    np.savez_compressed(
        path,
        v_template=template.astype(np.float32),
        shapedirs=shapes,
        posedirs=np.zeros((count, 3, 486), np.float32),
        J_regressor=np.eye(55, count, dtype=np.float32),
        weights=weights.astype(np.float32),
        kintree_table=np.stack([np.where(np.array(PARENTS) < 0, 2**32 - 1, PARENTS), np.arange(55)]).astype(
            np.uint32
        ),
        f=faces.astype(np.uint32),
        hands_meanl=rng.normal(0, 0.2, 45),
        hands_meanr=rng.normal(0, 0.2, 45),
        hands_componentsl=np.linalg.qr(rng.normal(size=(45, 45)))[0],
        hands_componentsr=np.linalg.qr(rng.normal(size=(45, 45)))[0],
    )


def _write_smpl(
    path: Path, template: np.ndarray, directions: np.ndarray, weights: np.ndarray, faces: np.ndarray
) -> None:
    count = len(template)
    content = {
        'v_template': template,
        'shapedirs': directions,
        'posedirs': np.zeros((count, 3, 207)),
        'J_regressor': scipy.sparse.csc_matrix(np.eye(24, count)),
        'weights': weights,
        'kintree_table': np.stack([np.where(np.array(SMPL_PARENTS) < 0, 2**32 - 1, SMPL_PARENTS), np.arange(24)]),
        'f': faces.astype(np.uint32),
        'bs_style': 'lbs',
    }
    path.write_bytes(pickle.dumps(content, protocol=2))


def _smpl_weights(weights: np.ndarray) -> np.ndarray:
    """(N, 55) -> (N, 24): fingers go to the hands, jaw and eyes to the head."""
    mapped = np.zeros((len(weights), 24))
    target = [*range(22), 15, 15, 15, *[22] * 15, *[23] * 15]
    for joint, place in enumerate(target):
        mapped[:, place] += weights[:, joint]
    return mapped
