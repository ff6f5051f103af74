"""People among the tokens of the scene decoder, as training gives them (CHROMM table 9)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

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
    seen = targets.seen.unflatten(0, (len(tokens), -1))
    heads = tokens[targets.frame, index].unflatten(0, seen.shape)
    # the decoder has a fixed number of places; those who are seen come first
    places = (~seen).to(torch.uint8).argsort(dim=1, stable=True)[:, :MAX_PEOPLE]
    heads, seen = torch.take_along_dim(heads, places[..., None], 1), torch.take_along_dim(seen, places, 1)
    missing = MAX_PEOPLE - seen.shape[1]
    if missing > 0:
        heads, seen = F.pad(heads, (0, 0, 0, missing)), F.pad(seen, (0, missing))
    return scene.human_tokens(torch.where(seen[..., None], heads, 0.0), seen).unflatten(0, shape)
