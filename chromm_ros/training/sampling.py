"""Which frames a step sees: a function of (seed, step, rank), so a resumed run sees what it would have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from chromm_ros.training.clips import ClipBatch, Clips, Where


def generators(seed: int, step: int, rank: int = 0) -> tuple[np.random.Generator, torch.Generator]:
    """The random numbers of one step: for the choice of frames, and for noise on the device of the batch."""
    entropy = np.random.SeedSequence([seed, step, rank])
    numpy_seed, torch_seed = entropy.spawn(2)
    return np.random.default_rng(numpy_seed), torch.Generator().manual_seed(int(torch_seed.generate_state(1)[0]))


@dataclass(frozen=True)
class Sampling:
    """How a batch is made up."""

    images: int
    """Images of a step and process."""
    lengths: tuple[int, ...] = (1,)
    """Lengths of the sequences; one is drawn per step. CHROMM draws 2 to 24 in stage 1, and 1 in stage 2."""


class FrameSampler:
    """Draws sequences from pools. A sequence shows one scene: all views of a frame before those of another."""

    def __init__(self, pools: Sequence[Clips], sampling: Sampling) -> None:
        self.pools = pools
        self.sampling = sampling
        sizes = np.array([len(clips) for clips in pools], float)
        self._share = sizes / sizes.sum()

    def draw(self, rng: np.random.Generator) -> ClipBatch:
        """One batch."""
        clips = self.pools[rng.choice(len(self.pools), p=self._share)]
        longest = clips.views * clips.frames
        length = min(int(rng.choice(self.sampling.lengths)), longest)
        sequences = max(1, self.sampling.images // length)
        return clips.batch([self._sequence(clips, length, rng) for _ in range(sequences)])

    @staticmethod
    def _sequence(clips: Clips, length: int, rng: np.random.Generator) -> list[Where]:
        scene = int(rng.integers(len(clips)))
        views, frames = rng.permutation(clips.views), rng.permutation(clips.frames)
        return [(scene, int(view), int(frame)) for frame in frames for view in views][:length]


def augment(batch: ClipBatch, generator: torch.Generator) -> ClipBatch:
    """Exposure, white balance and offset of every image, as cameras differ in them."""
    count = batch.images.shape[:2]

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*count, *shape, generator=generator).to(batch.images.device)

    gain = (1 + 0.08 * noise(1, 1, 1)) * (1 + 0.04 * noise(3, 1, 1))
    images = (batch.images * gain + 0.03 * noise(1, 1, 1)).clamp(0, 1)
    return ClipBatch(**{**vars(batch), 'images': images})
