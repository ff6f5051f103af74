"""The training loop: any stage, any number of processes, resumable at any moment.

The state of a run is (step, seconds, weights, optimiser, average). Random numbers are functions of the step, and so
is the schedule, unless a time was given: a run that was stopped and resumed is the run that was never stopped. On a
GPU no step waits for the device: what is logged is read every so many steps.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from chromm_ros.settings import setting
from chromm_ros.training.clips import ClipBatch
from chromm_ros.training.ema import WeightAverage
from chromm_ros.training.log import TrainingLog
from chromm_ros.training.sampling import BatchesAhead, FrameSampler, augment, generators

HEARD_EVERY = 10
"""Steps after which several processes ask each other whether one wants to stop: the answer waits for the device."""

ENDLESS = 10**12
"""Steps of a run that ends by the clock."""


@dataclass(frozen=True)
class TrainerSettings:
    """How a stage is trained."""

    steps: int = setting(10_000, 'optimiser steps', low=1)
    minutes: float = setting(0.0, 'time to train for instead; 0: steps', unit='min', low=0)
    rate: float = setting(1.2e-3, 'highest learning rate', low=0)
    schedule: str = setting('cosine', 'course of the learning rate', choices=('cosine', 'one_cycle'))
    warm_up: int = setting(80, 'steps until the highest rate (cosine only)', low=0)
    weight_decay: float = setting(0.03, 'AdamW decay of matrices; vectors have none', low=0)
    clip: float = setting(1.0, 'largest norm of the gradient', low=0)
    average: float = setting(0.998, 'decay of the moving average of the weights', low=0, high=1)
    precision: str = setting('bf16', 'numbers of convolutions and linear layers', choices=('fp32', 'bf16'))
    seed: int = setting(0, 'of the frames drawn and of the noise', low=0)
    log_every: int = setting(50, 'steps per row of the log', low=1)
    loaders: int = setting(0, 'processes that read batches ahead; 0: none, or 4 with data sets on a GPU', low=0)
    save_minutes: float = setting(3.0, 'time between saved states', unit='min', low=0)


class Stage(nn.Module):
    """What is trained, on what, and how it is judged: the subclasses are in :mod:`chromm_ros.training.stages`.

    ``trained`` is the module whose weights the optimiser moves and whose average is kept; whatever else the stage
    holds stays frozen.
    """

    trained: nn.Module
    sampler: FrameSampler
    precision = 'fp32'

    def network_precision(self, device: torch.device) -> torch.autocast:
        """Context for the network alone: losses and the truth stay fp32."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == 'bf16')

    def forward(self, batch: ClipBatch, generator: torch.Generator, progress: float) -> tuple[torch.Tensor, dict]:
        """Loss of a batch, and its terms (detached) for the log. ``progress`` in [0, 1): share of the run done."""
        raise NotImplementedError


class Trainer:
    """Runs one stage in one folder: ``state.pt`` (to resume), ``log.csv``, ``curves.png``.

    Under ``torchrun`` every process takes its own frames and gradients are averaged; the first one writes.
    """

    def __init__(
        self, stage: Stage, settings: TrainerSettings, folder: Path, device: torch.device | str = 'cpu'
    ) -> None:
        self.stage = stage.to(device)
        self.stage.precision = settings.precision
        self.settings = settings
        self.folder = Path(folder)
        self.device = torch.device(device)
        self.rank, self.processes = join_processes(self.device)
        if self.processes > 1 and settings.minutes > 0:
            raise ValueError('several processes have no clock in common: give them steps, not minutes')
        self.step = 0
        self.seconds = 0.0
        self.optimizer = _optimizer(stage.trained, settings)
        self.average = WeightAverage(stage.trained, settings.average)
        self._wrapped: nn.Module = self.stage
        if self.processes > 1:
            self._wrapped = DistributedDataParallel(self.stage, find_unused_parameters=True)
        if self.state_file.exists():
            self.resume()

    @property
    def state_file(self) -> Path:
        return self.folder / 'state.pt'

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1]."""
        if self.settings.minutes > 0:
            return min(1.0, self.seconds / (60 * self.settings.minutes))
        return self.step / self.settings.steps

    def run(
        self,
        after_save: Callable[[Trainer], None] | None = None,
        until: int | None = None,
        deadline: float = math.inf,
    ) -> dict[str, float]:
        """Train to the end, to step ``until`` or to ``deadline`` [s of time.monotonic].

        Returns:
            The mean terms of the last row of the log.

        SIGTERM and Ctrl-C end the run after the current step with its state saved; the same command resumes it.
        """
        torch.set_flush_denormal(True)  # freshly decayed weights would otherwise slow CPUs down by an order
        try:
            return self._run(after_save, until or ENDLESS, deadline)
        finally:
            torch.set_flush_denormal(False)

    def _run(self, after_save: Callable[[Trainer], None] | None, until: int, deadline: float) -> dict[str, float]:
        timed = self.settings.minutes > 0
        end = min(ENDLESS if timed else self.settings.steps, until)
        log = TrainingLog(self.folder, self.step) if self.rank == 0 else None
        terms: dict[str, float] = {}
        saved = time.monotonic()
        with (
            _Interruption() as interruption,
            tqdm(
                total=None if timed else self.settings.steps,
                initial=self.step,
                desc=self.folder.name,
                disable=self.rank > 0,
                mininterval=5,
            ) as bar,
        ):
            ahead = BatchesAhead(self.stage.sampler, self.settings.seed, self.rank)
            batches = ahead.loader(range(self.step, end), self.settings.loaders, self.device.type == 'cuda')
            started = time.monotonic()
            for batch in batches:
                row = self._take_step(batch)
                now = time.monotonic()
                self.seconds += now - started
                started = now
                bar.update()
                if log is not None and (mean := log.add(self.step, self.seconds, row, self.settings.log_every)):
                    terms = mean
                    bar.set_postfix(loss=f'{mean["loss"]:.3f}')
                if now - saved > 60 * self.settings.save_minutes:
                    self.save(after_save)
                    saved = time.monotonic()
                if self._any_process(interruption.requested or now > deadline or self.progress >= 1):
                    break
        self.save(after_save)
        return terms

    def _any_process(self, requested: bool) -> bool:
        """Whether any of the processes wants to stop; all of them hear the same, so none waits for another."""
        if self.processes == 1:
            return requested
        if self.step % HEARD_EVERY:
            return False
        flag = torch.tensor(float(requested), device=self.device)
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag)

    def _take_step(self, batch: ClipBatch) -> dict[str, torch.Tensor]:
        """One step of the optimiser; the loss and its terms, on the device."""
        _, generator = generators(self.settings.seed, self.step, self.rank, self.device)
        batch = augment(batch.to(self.device), generator)
        for group in self.optimizer.param_groups:
            group['lr'] = learning_rate(self.settings, self.progress, self.step)
        loss, terms = self._wrapped(batch, generator, self.progress)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.stage.trained.parameters(), self.settings.clip)
        # one unlucky batch must not end a night of training: the fused optimiser leaves the weights alone where this
        # says so, as it does for a GradScaler, and nobody has to look at the number
        self.optimizer.found_inf = (~norm.isfinite()).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.average.update(self.stage.trained)
        self.step += 1
        return {'loss': loss.detach(), **terms}

    def save(self, after_save: Callable[[Trainer], None] | None = None) -> None:
        """Write the state so that a crash at any moment leaves the old one or the new one."""
        if self.rank > 0:
            return
        state = {
            'step': self.step,
            'seconds': self.seconds,
            'trained': self.stage.trained.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'average': self.average.state_dict(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.state_file.with_suffix('.draft')
        torch.save(state, draft)
        draft.replace(self.state_file)
        if after_save is not None:
            after_save(self)

    def resume(self) -> None:
        """Go on from ``state.pt``.

        Raises:
            ValueError: the state is of another network.
        """
        state = torch.load(self.state_file, map_location=self.device, weights_only=True)
        try:
            self.stage.trained.load_state_dict(state['trained'])
        except RuntimeError as error:
            raise ValueError(
                f'{self.state_file} belongs to another network or stage; choose another folder.\n{error}'
            ) from error
        self.optimizer.load_state_dict(state['optimizer'])
        self.average.load_state_dict(state['average'])
        self.step, self.seconds = state['step'], state['seconds']


def learning_rate(settings: TrainerSettings, progress: float, step: int) -> float:
    """Rate of a step. ``one_cycle`` is PyTorch's OneCycleLR (CHROMM appendix A): up for 30 %, then down to 0.

    Args:
        progress: share of the run that is done.
    """
    if settings.schedule == 'one_cycle':
        low, up = settings.rate / 25, 0.3
        if progress < up:
            return _cosine(low, settings.rate, progress / up)
        return _cosine(settings.rate, low / 1e4, (progress - up) / (1 - up))
    ramp = min(1.0, (step + 1) / max(1, settings.warm_up))
    return ramp * _cosine(settings.rate, 0.01 * settings.rate, progress)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _optimizer(module: nn.Module, settings: TrainerSettings) -> torch.optim.AdamW:
    """Biases, norms and scales do not decay."""
    trainable = [value for value in module.parameters() if value.requires_grad]
    groups = [
        {'params': [value for value in trainable if value.ndim > 1], 'weight_decay': settings.weight_decay},
        {'params': [value for value in trainable if value.ndim <= 1], 'weight_decay': 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=True)


def join_processes(device: torch.device) -> tuple[int, int]:
    """(rank, number of processes) of a run started by ``torchrun``; (0, 1) without it."""
    if 'RANK' not in os.environ:
        return 0, 1
    if device.type == 'cuda':
        torch.cuda.set_device(device)  # or every process would also hold memory of the first GPU
    if not distributed.is_initialized():
        distributed.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    return distributed.get_rank(), distributed.get_world_size()


class _Interruption:
    """Turns SIGINT and SIGTERM into a request to stop between steps."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> _Interruption:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _request(self, *_: object) -> None:
        self.requested = True
