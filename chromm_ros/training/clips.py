"""Batches of images with their truth, and those out of pools of rendered rooms.

A pool (:mod:`chromm_ros.synthetic.pool`) holds scenes seen by V cameras in T frames. A batch takes some images of
some scenes. Images of data sets come from :mod:`chromm_ros.training.recorded`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
            ('joints', self.head.new_full((), float('nan')).expand(*self.present.shape, BODY_JOINTS, 3)),
        ):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def to(self, device: torch.device | str) -> ClipBatch:
        """The batch on another device."""
        return replace(self, **{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pin_memory(self) -> ClipBatch:
        """The batch in memory that a GPU can fetch from; what lies on a device stays there."""
        held = {name: value.pin_memory() for name, value in vars(self).items() if value.device.type == 'cpu'}
        return replace(self, **held)

    def flat(self) -> ClipBatch:
        """The images as B * N sequences of one image."""
        return replace(self, **{name: value.flatten(0, 1).unsqueeze(1) for name, value in vars(self).items()})

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.images.shape[-2], self.images.shape[-1]


GATHERED = (
    'images', 'depth', 'instance', 'intrinsics', 'world_from_camera',
    'people', 'betas', 'pose', 'root_rotation', 'head',
)  # fmt: skip
"""Arrays of a pool that make a batch."""

COPIED = 64
"""Scenes that are copied to a device at a time."""

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
    """The complete scenes of a pool as training data: where they lie on the disk, or in the memory of a device."""

    def __init__(self, pool: Pool, device: torch.device | str | None = None) -> None:
        """
        Args:
            device: copy the scenes there, as they are stored, and gather batches there: a GPU would otherwise wait
                for the host. None: every batch is read from the files.

        Raises:
            ValueError: no scene is complete.
        """
        self.pool = pool
        self.ready = pool.ready
        if not len(self.ready):
            raise ValueError(f'{pool.path}: no scene of this pool is complete; render it first (chromm train render)')
        self.views, self.frames = pool.images.shape[1:3]
        self._device = None if device is None else torch.device(device)
        self._resident = {} if self._device is None else {n: self._copied(self._stored(n)) for n in GATHERED}
        self._people = torch.arange(pool.betas.shape[2], device=self._device)

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
        scene, view, frame = np.moveaxis(np.array(sequences), -1, 0)  # (B, N) each
        take = self._gather(scene, view, frame)
        by_view, by_frame = ('view',), ('frame',)
        return ClipBatch(
            images=take('images').permute(0, 1, 4, 2, 3).contiguous().float() / 255,
            depth=take('depth').float(),
            instance=take('instance'),
            intrinsics=take('intrinsics', by_view),
            world_from_camera=take('world_from_camera', by_view),
            present=self._people < take('people', by_frame)[..., None],
            betas=take('betas', by_frame),
            pose=take('pose', by_frame),
            root_rotation=take('root_rotation', by_frame),
            head=take('head', by_frame),
        )

    def _gather(self, scene: np.ndarray, view: np.ndarray, frame: np.ndarray) -> Callable[..., torch.Tensor]:
        """What takes (B, N, ...) out of an array by scene and by view, frame or both."""
        places = {'view': view, 'frame': frame}
        if self._device is None:
            numbers = self.ready[scene]
            return lambda name, axes=('view', 'frame'): torch.from_numpy(
                self._stored(name)[(numbers, *(places[axis] for axis in axes))]
            )
        index = {name: self._on_device(values) for name, values in (('scene', scene), *places.items())}
        return lambda name, axes=('view', 'frame'): self._resident[name][
            (index['scene'], *(index[axis] for axis in axes))
        ]

    def _on_device(self, values: np.ndarray) -> torch.Tensor:
        """Indices on the device, uploaded without waiting for it."""
        host = torch.from_numpy(np.ascontiguousarray(values))
        pinned = host.pin_memory() if self._device is not None and self._device.type == 'cuda' else host
        return pinned.to(self._device, non_blocking=True)

    def _stored(self, name: str) -> np.ndarray:
        """An array of the pool, maps thinned to where the truth is compared."""
        array = getattr(self.pool, name)
        if name not in ('depth', 'instance'):
            return array
        stride = max(1, TRUTH_STRIDE * array.shape[-2] // self.pool.images.shape[3])
        return array[..., ::stride, ::stride]

    def _copied(self, array: np.ndarray) -> torch.Tensor:
        """The complete scenes of an array on the device, some at a time: the host may not have room for all."""
        copy: torch.Tensor | None = None
        for start in range(0, len(self.ready), COPIED):
            part = torch.from_numpy(array[self.ready[start : start + COPIED]])
            if copy is None:
                copy = torch.empty((len(self.ready), *part.shape[1:]), dtype=part.dtype, device=self._device)
            copy[start : start + len(part)] = part.to(self._device)
        assert copy is not None
        return copy

    @property
    def bytes(self) -> int:
        """Memory that the complete scenes take on a device."""
        return sum(self._stored(name)[:1].nbytes for name in GATHERED) * len(self)
