"""People among the tokens of the scene decoder, as training gives them (CHROMM table 9)."""

from __future__ import annotations

import torch

from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.scene.network import SceneNetwork
from chromm_ros.training.targets import PeopleTargets, patch_index


def true_people(
    scene: SceneNetwork, encoder: HumanEncoder, tokens: torch.Tensor, targets: PeopleTargets, shape: torch.Size
) -> torch.Tensor | None:
    """(B, N, M, C) tokens at the true heads, in the width of the decoder; None for late fusion.

    Args:
        tokens: (B * N, P, D) of the human encoder.
        targets: in the pixels of the human encoder.
        shape: (B, N).
    """
    if not scene.config.human_dim:
        return None
    index = patch_index(targets.head_px, encoder.config.vit.patch, encoder.grid)
    # the place of a person among those of its image
    slot = (targets.frame[:, None] == targets.frame[None]).tril(-1).sum(1)
    kept = slot < MAX_PEOPLE
    place = (targets.frame[kept], slot[kept])
    heads = tokens.new_zeros(len(tokens), MAX_PEOPLE, tokens.shape[-1])
    valid = torch.zeros(heads.shape[:2], dtype=torch.bool, device=tokens.device)
    heads[place], valid[place] = tokens[targets.frame[kept], index[kept]], True
    return scene.human_tokens(heads, valid).unflatten(0, shape)
