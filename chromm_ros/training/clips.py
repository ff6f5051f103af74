"""Batches of images with their truth, and those out of pools of rendered rooms.

A pool (:mod:`chromm_ros.synthetic.pool`) holds scenes seen by V cameras in T frames. A batch takes some images of
some scenes. Images of data sets come from :mod:`chromm_ros.training.recorded`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from chromm_ros.skeleton import BODY_JOINTS
from chromm_ros.synthetic.pool import Pool

TRUTH_STRIDE = 2
"""Depth and instances are compared at every second pixel of both axes: the tiny network has no finer answer. A pool
may be stored so."""


@dataclass(frozen=True)
class ClipBatch:
    """B sequences of N images with their truth. K people, padded.

    The last fields are for images of data sets; left out, they say what holds of rendered rooms.
    """

    images: torch.Tensor  # (B, N, 3, H, W) in [0, 1]
    depth: torch.Tensor  # (B, N, h, w) [m] at every (H / h)-th pixel; 0: not known
    instance: torch.Tensor  # (B, N, h, w) uint8: 0 nobody, k + 1 person k, 255 somebody
    intrinsics: torch.Tensor  # (B, N, 3, 3) pixels of the images
    world_from_camera: torch.Tensor  # (B, N, 4, 4)
    present: torch.Tensor  # (B, N, K) bool
    betas: torch.Tensor  # (B, N, K, 10 or more)
    pose: torch.Tensor  # (B, N, K, 52, 3, 3)
    root_rotation: torch.Tensor  # (B, N, K, 3, 3) world from body
    head: torch.Tensor  # (B, N, K, 3) world [m]
    lens: torch.Tensor = None  # type: ignore[assignment]  # (B, N, K, 3, 3) that each person is projected by
    judged: torch.Tensor = None  # type: ignore[assignment]  # (B, N, h, w) bool: whether people are there is known
    outlined: torch.Tensor = None  # type: ignore[assignment]  # (B, N) bool: ``instance`` is known
    metric: torch.Tensor = None  # type: ignore[assignment]  # (B, N) bool: lengths in metres can be compared
    joints: torch.Tensor = None  # type: ignore[assignment]  # (B, N, K, 22, 3) world [m] by SMPL; NaN: by SMPL-X

    def __post_init__(self) -> None:
        people = self.present.shape[2]
        known = self.present.new_ones(self.present.shape[:2])
        for name, value in (
            ('lens', self.intrinsics[:, :, None].expand(-1, -1, people, -1, -1)),
            ('judged', torch.ones_like(self.instance, dtype=torch.bool)),
            ('outlined', known),
            ('metric', known),
            ('joints', self.head.new_tensor(float('nan')).expand(*self.present.shape, BODY_JOINTS, 3)),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def to(self, device: torch.device | str) -> ClipBatch:
        """The batch on another device."""
        return replace(self, **{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pin_memory(self) -> ClipBatch:
        """The batch in memory that a GPU can fetch from."""
        return replace(self, **{name: value.pin_memory() for name, value in vars(self).items()})

    def flat(self) -> ClipBatch:
        """The images as B * N sequences of one image."""
        return replace(self, **{name: value.flatten(0, 1).unsqueeze(1) for name, value in vars(self).items()})

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.images.shape[-2], self.images.shape[-1]


Where = tuple[int, int, int]
"""One image: scene, view, frame."""


class Source(Protocol):
    """Where batches come from. ``len`` counts scenes or shots."""

    def __len__(self) -> int: ...

    @property
    def weight(self) -> float:
        """How often it is drawn from beside others when nobody says."""
        ...

    def sequence(self, length: int, rng: np.random.Generator) -> list[Where]:
        """At most ``length`` images that belong together."""
        ...

    def batch(self, sequences: Sequence[Sequence[Where]]) -> ClipBatch:
        """Gather the images of some sequences, all of one length."""
        ...


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

    @property
    def weight(self) -> float:
        """Scenes count alike, whichever pool they are in."""
        return float(len(self))

    def sequence(self, length: int, rng: np.random.Generator) -> list[Where]:
        """Images of one scene: all views of a frame before those of another."""
        scene = int(rng.integers(len(self)))
        views, frames = rng.permutation(self.views), rng.permutation(self.frames)
        return [(scene, int(view), int(frame)) for frame in frames for view in views][:length]

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
