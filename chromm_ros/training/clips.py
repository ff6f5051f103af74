"""Batches out of pools of scenes: rendered rooms, or a user's recordings laid out like them.

A pool (:mod:`chromm_ros.synthetic.pool`) holds scenes seen by V cameras in T frames. A batch takes some images of
some scenes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from chromm_ros.synthetic.pool import Pool

TRUTH_STRIDE = 2
"""Depth and instances are compared at every second pixel of both axes: the tiny network has no finer answer. A pool
may be stored so."""


@dataclass(frozen=True)
class ClipBatch:
    """B sequences of N images with their truth. K people, padded."""

    images: torch.Tensor  # (B, N, 3, H, W) in [0, 1]
    depth: torch.Tensor  # (B, N, h, w) [m] at every (H / h)-th pixel
    instance: torch.Tensor  # (B, N, h, w) uint8: 0 nobody, k + 1 person k
    intrinsics: torch.Tensor  # (B, N, 3, 3) pixels of the images
    world_from_camera: torch.Tensor  # (B, N, 4, 4)
    present: torch.Tensor  # (B, N, K) bool
    betas: torch.Tensor  # (B, N, K, 10)
    pose: torch.Tensor  # (B, N, K, 52, 3, 3)
    root_rotation: torch.Tensor  # (B, N, K, 3, 3) world from body
    head: torch.Tensor  # (B, N, K, 3) world [m]

    def to(self, device: torch.device | str) -> ClipBatch:
        """The batch on another device."""
        return replace(self, **{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def flat(self) -> ClipBatch:
        """The images as B * N sequences of one image."""
        return replace(self, **{name: value.flatten(0, 1).unsqueeze(1) for name, value in vars(self).items()})

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.images.shape[-2], self.images.shape[-1]


Where = tuple[int, int, int]
"""One image of a pool: scene, view, frame."""


class Clips:
    """The complete scenes of a pool as training data."""

    def __init__(self, pool: Pool) -> None:
        """
        Raises:
            ValueError: no scene is complete.
        """
        self.pool = pool
        self.ready = pool.ready
        if not len(self.ready):
            raise ValueError(f'{pool.path}: no scene of this pool is complete; render it first (chromm train render)')
        self.views, self.frames = pool.images.shape[1:3]
        self._stride = max(1, TRUTH_STRIDE * pool.depth.shape[3] // pool.images.shape[3])
        self._people = np.arange(pool.betas.shape[2])

    def __len__(self) -> int:
        return len(self.ready)

    def batch(self, sequences: Sequence[Sequence[Where]]) -> ClipBatch:
        """Gather the images of some sequences, all of one length. Scenes are numbered among the complete ones."""
        places = [[(int(self.ready[scene]), view, frame) for scene, view, frame in row] for row in sequences]
        pool, stride = self.pool, self._stride

        def gather(take) -> torch.Tensor:
            return torch.from_numpy(np.stack([[take(*place) for place in row] for row in places]))

        images = gather(lambda s, v, t: pool.images[s, v, t])
        return ClipBatch(
            images=images.permute(0, 1, 4, 2, 3).contiguous().float() / 255,
            depth=gather(lambda s, v, t: pool.depth[s, v, t, ::stride, ::stride]).float(),
            instance=gather(lambda s, v, t: pool.instance[s, v, t, ::stride, ::stride]),
            intrinsics=gather(lambda s, v, t: pool.intrinsics[s, v]),
            world_from_camera=gather(lambda s, v, t: pool.world_from_camera[s, v]),
            present=gather(lambda s, v, t: self._people < pool.people[s, t]),
            betas=gather(lambda s, v, t: pool.betas[s, t]),
            pose=gather(lambda s, v, t: pool.pose[s, t]),
            root_rotation=gather(lambda s, v, t: pool.root_rotation[s, t]),
            head=gather(lambda s, v, t: pool.head[s, t]),
        )
