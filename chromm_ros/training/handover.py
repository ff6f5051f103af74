"""From one stage to the next: averaged weights of finished runs become one CHROMM network."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import nn

from chromm_ros.network.chromm import Chromm
from chromm_ros.network.files import weight_file
from chromm_ros.network.human.head import HumanHead

PARTS = ('scene', 'human', 'pelvis')
"""What a run may have trained: the scene branch, the human branch (pre-training or stage 1), the pelvis MLPs."""


def averaged(folder: Path) -> tuple[dict[str, torch.Tensor], int]:
    """Averaged weights of the run in ``folder``, and its step.

    Raises:
        FileNotFoundError: no run was saved there.
    """
    file = Path(folder) / 'state.pt'
    if not file.exists():
        raise FileNotFoundError(f'{file} does not exist: train that part first, or name the folder of its run')
    state = torch.load(file, map_location='cpu', weights_only=True)
    return state['average']['state'], state['step']


def install(network: Chromm, part: str, weights: dict[str, torch.Tensor]) -> None:
    """Put the weights of a run into a network.

    Args:
        part: one of PARTS.

    Raises:
        ValueError: the weights are of another network.
    """
    try:
        if part == 'scene':
            network.scene.load_state_dict(weights)
        elif part == 'human':
            form = weight_file.depth_form(_below('head.', weights))
            if form is not None and form != network.human_head.config.depth:
                network.renew_human_head(form)
            early = _below('early.', weights)
            if early:
                network.join_people_early().scene.human_tokens.load_state_dict(early)
            network.human_encoder.load_state_dict(_below('encoder.', weights))
            network.human_head.load_state_dict(_below('head.', weights))
        else:
            network.human_encoder.pelvis.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f'the run does not fit the {part} part of preset {network.config.name!r}:\n{error}'
        ) from error


@torch.no_grad()
def ignore_scene_tokens(head: HumanHead) -> None:
    """Make a head that never saw a scene indifferent to it, without changing what it says otherwise.

    In pre-training scene tokens are zero, so their norm gives its bias and their share of the fusion MLP a constant:
    the constant moves into the bias, and stage 1 learns the share from zero.
    """
    fuse, width = cast(nn.Linear, head.fuse[0]), head.config.scene_dim
    fuse.bias.add_(fuse.weight[:, :width] @ head.scene_norm.bias)
    fuse.weight[:, :width] = 0
    head.scene_norm.weight.fill_(1)
    head.scene_norm.bias.zero_()


def _below(prefix: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
