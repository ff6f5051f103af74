"""Which frames a step sees: a function of (seed, step, rank), so a resumed run sees what it would have seen."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from chromm_ros.training.clips import ClipBatch, Source


def generators(
    seed: int, step: int, rank: int = 0, device: torch.device | str = 'cpu'
) -> tuple[np.random.Generator, torch.Generator]:
    """The random numbers of one step: for the choice of frames, and for noise on the device of the batch."""
    entropy = np.random.SeedSequence([seed, step, rank])
    numpy_seed, torch_seed = entropy.spawn(2)
    noise = torch.Generator(device).manual_seed(int(torch_seed.generate_state(1)[0]))
    return np.random.default_rng(numpy_seed), noise


@dataclass(frozen=True)
class Sampling:
    """How a batch is made up."""

    images: int
    """Images of a step and process."""
    lengths: tuple[int, ...] = (1,)
    """Lengths of the sequences; one is drawn per step. CHROMM draws 2 to 24 in stage 1, and 1 in stage 2."""


class FrameSampler:
    """Draws sequences from pools and data sets, every batch from one of them."""

    def __init__(self, sources: Sequence[Source], sampling: Sampling, shares: Sequence[float] | None = None) -> None:
        """
        Args:
            shares: how often each source is drawn from; None: by its own weight.
        """
        self.sources = sources
        self.sampling = sampling
        weights = np.array([source.weight for source in sources] if shares is None else shares, float)
        self._share = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> ClipBatch:
        """One batch. All sequences have the length of the shortest: a source may have less than was asked for."""
        source = self.sources[rng.choice(len(self.sources), p=self._share)]
        rows = [source.sequence(int(rng.choice(self.sampling.lengths)), rng)]
        while len(rows) < max(1, self.sampling.images // len(rows[0])):
            rows.append(source.sequence(len(rows[0]), rng))
        shortest = min(len(row) for row in rows)
        return source.batch([row[:shortest] for row in rows])


class BatchesAhead(Dataset):
    """The batches of a run by the number of their step, for processes that read ahead.

    A batch depends on (seed, step, rank) alone, so it does not matter which process reads it, or when.
    """

    def __init__(self, sampler: FrameSampler, seed: int, rank: int) -> None:
        self.sampler = sampler
        self.seed = seed
        self.rank = rank

    def __getitem__(self, step: int) -> ClipBatch:
        return self.sampler.draw(generators(self.seed, step, self.rank)[0])

    def loader(self, steps: range, workers: int, pinned: bool) -> DataLoader:
        """Batches of the steps in order; ``workers`` processes, or this one."""
        return DataLoader(
            self,
            batch_size=None,
            sampler=steps,  # type: ignore[arg-type]
            num_workers=workers,
            pin_memory=pinned,
            generator=torch.Generator(),  # its own: the network's random numbers stay as they are
            worker_init_fn=_one_of_many,
            prefetch_factor=4 if workers else None,
        )


def _one_of_many(_: int) -> None:
    """A loading process has one core, and ends when the training process says so: signals go to whole groups."""
    import cv2

    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def augment(batch: ClipBatch, generator: torch.Generator) -> ClipBatch:
    """Exposure, white balance and offset of every image, as cameras differ in them."""
    count = batch.images.shape[:2]

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*count, *shape, generator=generator, device=generator.device)

    gain = (1 + 0.08 * noise(1, 1, 1)) * (1 + 0.04 * noise(3, 1, 1))
    images = (batch.images * gain + 0.03 * noise(1, 1, 1)).clamp(0, 1)
    return ClipBatch(**{**vars(batch), 'images': images})
