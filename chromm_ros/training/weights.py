"""What each loss counts for: the paper's weights, and those that the tiny preset needs. 0 switches a term off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class HumanWeights:
    """Terms of the losses on people. The first two groups are CHROMM eq. 5 and 6."""

    v3d: float = 0.0
    """Vertices, camera frame."""
    j3d: float = 0.0
    """Joints, camera frame."""
    v2d: float = 0.0
    j2d: float = 0.0
    theta: float = 0.0
    """Root and 52 relative rotations."""
    beta: float = 0.0
    tau: float = 0.0
    """Head position."""
    mask: float = 0.0
    head: float = 0.0
    """Detection of head patches."""
    pelvis: float = 0.0
    chamfer: float = 0.0
    """Visible vertices to masked point map (stage 2)."""

    offset: float = 0.0
    """Head within its patch; the paper takes this MLP from Multi-HMR, a network from scratch has to learn it."""
    root: float = 0.0
    """Chordal error of the root rotation as predicted (relative to the viewing ray)."""
    canonical: float = 0.0
    """Body joints with the root unrotated."""
    relative: float = 0.0
    """Body joints relative to the pelvis, camera frame."""
    log_depth: float = 0.0
    """Relative error of the head's depth."""
    own_depth: float = 0.0
    """Relative error of the depth that the person's appearance alone speaks for."""

    focal: bool = True
    """``head`` is the focal loss that Multi-HMR's detection was trained with; false: BCE, as CHROMM writes it. With
    one positive in thousands of patches BCE alone teaches a trained detector little."""

    def total(self, terms: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Weighted sum of the terms that are there."""
        return weighted_sum(self, terms)

    def wants(self, *names: str) -> bool:
        """Whether any of these terms counts."""
        return any(getattr(self, name) > 0 for name in names)


PAPER_STAGE_1 = HumanWeights(
    v3d=5.0, j3d=5.0, v2d=1.0, j2d=1.0, theta=1.0, beta=1.0, tau=1.0, mask=1.0, head=0.1, pelvis=1.0
)
"""CHROMM eq. 5."""

PAPER_STAGE_2 = HumanWeights(v2d=1.0, j2d=1.0, head=0.1, pelvis=5.0, chamfer=1.0)
"""CHROMM eq. 6. The detection MLP is frozen in stage 2, so its term is reported and moves nothing."""

TINY_HUMAN = HumanWeights(
    theta=2.0,
    beta=0.1,
    mask=0.5,
    head=8.0,
    pelvis=2.0,
    offset=0.7,
    root=1.0,
    canonical=3.0,
    relative=2.0,
    log_depth=2.0,
    own_depth=1.0,
    focal=False,
)
"""Pre-training of the tiny human branch from nothing (BCE detection over all patches, hence its large weight)."""

TINY_STAGE_1 = HumanWeights(
    v3d=0.5,
    j3d=0.5,
    v2d=0.5,
    j2d=0.5,
    theta=2.0,
    beta=0.1,
    tau=0.2,
    mask=0.5,
    head=8.0,
    pelvis=2.0,
    offset=0.7,
    root=1.0,
    canonical=3.0,
    relative=2.0,
    log_depth=2.0,
    own_depth=1.0,
    focal=False,
)
"""Stage 1 of the tiny preset: the paper's terms beside those that its small network learns rotations from."""

TINY_STAGE_2 = HumanWeights(v2d=1.0, j2d=1.0, head=0.1, pelvis=5.0, chamfer=0.02)
"""Stage 2 of the tiny preset. Its depth of people is off by a quarter: with the paper's Chamfer weight the pelvises
moved until the scale adjustment made up for that (ratio 0.90 instead of 1.00 on selection seeds)."""


@dataclass(frozen=True)
class SceneWeights:
    """Terms of scene pre-training in the studio's gauge."""

    depth: float = 2.0
    people: float = 5.0
    """How much more a pixel on a person counts in ``depth``: heads are placed by it."""
    edges: float = 0.5
    rays: float = 2.0
    rotation: float = 0.5
    translation: float = 0.3
    relative_rotation: float = 0.5
    relative_translation: float = 0.15
    confidence: float = 0.05

    def total(self, terms: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Weighted sum of the terms that are there."""
        return weighted_sum(self, terms)


def weighted_sum(weights: HumanWeights | SceneWeights, terms: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Sum of the terms, each times the weight of its name.

    Raises:
        ValueError: there is no term.
    """
    if not terms:
        raise ValueError('no term of the loss has a weight; give at least one')
    return torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
