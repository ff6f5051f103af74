"""``chromm train ...``: render rooms, pre-train the tiny branches, the two stages of CHROMM, and one file of weights.

Every run lives in a folder (``state.pt``, ``log.csv``, ``curves.png``); the same command again resumes it. Several
processes: ``torchrun --nproc-per-node N -m chromm_ros.cli train ...``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import torch
from tqdm import tqdm

from chromm_ros.body.library import BodyLibrary
from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.layers.precision import check_device
from chromm_ros.network.presets import DepthForm, choose
from chromm_ros.synthetic.pool import Pool, PoolSettings, rendering_pool
from chromm_ros.training import data_sets
from chromm_ros.training.clips import Clips
from chromm_ros.training.handover import averaged, ignore_scene_tokens, install
from chromm_ros.training.head_stages import HeadStage, PelvisStage
from chromm_ros.training.human_stage import HumanBranch, HumanStage
from chromm_ros.training.recorded import SHAPES
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.scene_stage import SceneStage
from chromm_ros.training.trainer import Stage, Trainer, TrainerSettings
from chromm_ros.training.weights import PAPER_STAGE_1, PAPER_STAGE_2, TINY_STAGE_1, TINY_STAGE_2

LOADERS = 4
"""Processes that read data sets ahead for a GPU that uses 30 images a second; see docs/training.md."""


@dataclass
class Render:
    """Render a pool of synthetic rooms. Seeds below 1 000 000 are for training, 1 000 000 and up for selection."""

    folder: Path
    """Of the pool; an interrupted one goes on."""
    scenes: int = 5000
    """Rooms, 12 images each (2 MB)."""
    seed: int = 0
    workers: int = 2
    """Processes."""
    device: str = 'cpu'
    """Where to draw: cpu, cuda, cuda:1. One worker keeps a GPU busy."""

    def run(self) -> None:
        settings = PoolSettings(seed=self.seed)
        check_device(torch.device(self.device), 'fp32')
        with tqdm(total=self.scenes, unit='room') as bar:
            for added in rendering_pool(self.folder, self.scenes, settings, self.workers, self.device):
                bar.update(added)


@dataclass(kw_only=True)
class Run:
    """What all training runs have in common."""

    folder: Path
    """Of the run."""
    pools: tuple[Path, ...] = ()
    """Pools of scenes to learn from (chromm train render)."""
    images: int = 24
    """Images per step and process."""
    threads: int = 1
    """Of the arithmetic on a CPU."""
    device: str = 'cpu'
    resident: bool = True
    """Keep the pools in the memory of a GPU, if they take less than half of it and no process reads ahead."""
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    def run(self) -> None:
        terms = self.prepared().run()
        print(', '.join(f'{name} {value:.4g}' for name, value in terms.items()))

    def prepared(self) -> Trainer:
        """The trainer of this run, where it stopped."""
        check_device(torch.device(self.place), 'fp32')
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.trainer.seed)
        sampler = self.sampler()
        return Trainer(self.stage(sampler).train(), self.settings(sampler), self.folder, self.place)

    @property
    def place(self) -> str:
        """The device of this process."""
        return f'cuda:{os.environ.get("LOCAL_RANK", 0)}' if self.device == 'cuda' else self.device

    def sampler(self) -> FrameSampler:
        """Where the batches come from."""
        if not self.pools:
            raise ValueError(
                'there is nothing to learn from: give --pools (chromm train render), or --data where it is'
            )
        clips = [Clips(Pool(pool)) for pool in self.pools]
        if self.resident and not self.trainer.loaders and torch.device(self.place).type == 'cuda':
            taken, room = sum(each.bytes for each in clips), torch.cuda.mem_get_info(self.place)[0]
            if taken < room / 2:
                clips = [Clips(each.pool, self.place) for each in clips]
            else:
                print(f'{taken / 1e9:.0f} GB of images stay on the disk: {self.place} has {room / 1e9:.0f} GB free')
        return FrameSampler(clips, Sampling(self.images, self.lengths))

    def settings(self, sampler: FrameSampler) -> TrainerSettings:
        """How it is trained."""
        return self.trainer

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the sequences that the network sees."""
        raise NotImplementedError

    def stage(self, sampler: FrameSampler) -> Stage:
        """What is trained."""
        raise NotImplementedError


@dataclass(kw_only=True)
class DataRun(Run):
    """A run that may learn from data sets instead of rendered rooms."""

    data: tuple[str, ...] = ()
    """KIND:DIR of data sets to learn from: bedlam; stage 2 also coco, mpii and 3dpw (with NeuralAnnot's fits)."""
    share: tuple[str, ...] = ()
    """KIND=NUMBER: how often a set is drawn from (bedlam 0.5, coco 0.25, mpii 0.15, 3dpw 0.1)."""
    bodies: Path | None = None
    """Folder with SMPLX_NEUTRAL.npz; needed with --data."""
    epochs: float | None = None
    """Times that every sequence (every image, in single images) is drawn, instead of trainer.steps. With --data and
    the full preset the paper's: 20 in stage 1, 10 in stage 2."""
    bedlam: data_sets.Bedlam = field(default_factory=data_sets.Bedlam)

    preset: str = 'tiny'
    suits: ClassVar[tuple[str, ...]] = data_sets.METRIC
    paper_schedule: ClassVar[tuple[float, float] | None] = None
    """Epochs and highest rate of CHROMM's appendix A."""
    tiny_rate: ClassVar[float] = 1.5e-3

    def sampler(self) -> FrameSampler:
        if not self.data:
            return super().sampler()
        if self.pools:
            raise ValueError('a run learns from --pools or from --data, not from both')
        sources = data_sets.open_data(self.data, self.bodies, self.preset, self.bedlam, self.suits)
        shares = data_sets.shares_of(sources, self.share)
        data_sets.announce(data_sets.describe(sources, shares))
        data_sets.write_card(self.folder, sources)
        return FrameSampler(sources, Sampling(self.images, self.lengths), shares)

    def settings(self, sampler: FrameSampler) -> TrainerSettings:
        settings, epochs = self.trainer, self.epochs
        if self.data and self.device == 'cuda' and settings.loaders == 0:
            settings = replace(settings, loaders=LOADERS)
        if self.data and self.preset == 'full' and self.paper_schedule is not None:
            epochs = self.paper_schedule[0] if epochs is None else epochs
            if settings.rate == self.tiny_rate:  # nobody asked for another one
                settings = replace(settings, rate=self.paper_schedule[1], weight_decay=0.05, clip=1.0)
        return settings if epochs is None else replace(settings, steps=data_sets.steps_of(sampler, epochs))

    def body(self) -> BodyModel:
        """Whose vertices are compared: the neutral SMPL-X of the data sets, or the free body with a light skin."""
        if not self.data or self.bodies is None:
            return BodyModel.load_proxy()
        return BodyModel.load(BodyLibrary(self.bodies).files['smplx', 'neutral'], betas=SHAPES)


@dataclass(kw_only=True)
class Scene(Run):
    """Pre-train the scene branch of the tiny preset, in the gauge of the studio."""

    weights: Path | None = None
    """Network to go on from; none: from nothing."""
    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(steps=4000, rate=1.2e-3, clip=1.0))

    @property
    def lengths(self) -> tuple[int, ...]:
        return (4, 4, 4, 4, 4, 8, 8, 12, 2, 1)

    def stage(self, sampler: FrameSampler) -> Stage:
        return SceneStage(_started(self.weights).scene, sampler)


@dataclass(kw_only=True)
class Human(DataRun):
    """Pre-train the human branch of the tiny preset on single images."""

    weights: Path | None = None
    """Network to go on from; none: from nothing."""
    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(steps=7800, rate=1.5e-3, clip=2.0))

    @property
    def lengths(self) -> tuple[int, ...]:
        return (1,)

    def stage(self, sampler: FrameSampler) -> Stage:
        network = _started(self.weights)
        return HumanStage(HumanBranch(network.human_encoder, network.human_head), sampler, self.body())


@dataclass(kw_only=True)
class Heads(DataRun):
    """Stage 1: the heads on frozen backbones (CHROMM 3.4), on rendered rooms or on BEDLAM."""

    weights: Path
    """Network to start from (chromm train export, or chromm weights convert)."""
    depth: DepthForm | None = None
    """How the head says where people are (Table 7): residual, direct, translation; none: as in the weights. Another
    form than theirs starts the head anew."""
    early_fusion: bool = False
    """Let people join the tokens of the scene decoder, too (Table 9)."""
    trainer: TrainerSettings = field(
        default_factory=lambda: TrainerSettings(steps=1000, rate=Heads.tiny_rate, clip=2.0, schedule='one_cycle')
    )
    paper_schedule: ClassVar[tuple[float, float] | None] = (20, 5e-5)
    tiny_rate: ClassVar[float] = 6e-4

    @property
    def lengths(self) -> tuple[int, ...]:
        return (2, 4, 4, 8) if self.preset == 'tiny' else tuple(range(2, 25))

    def stage(self, sampler: FrameSampler) -> Stage:
        network = Chromm.from_preset(self.preset, self.weights)
        if self.depth is not None and self.depth != network.human_head.config.depth:
            network.renew_human_head(self.depth)
        if self.early_fusion and not network.config.scene.human_dim:
            network.join_people_early()
        if self.preset == 'tiny':
            return HeadStage(network, sampler, self.body(), TINY_STAGE_1, head_jitter=1.3)
        return HeadStage(network, sampler, self.body(), PAPER_STAGE_1)


@dataclass(kw_only=True)
class Pelvis(DataRun):
    """Stage 2: the pelvis MLPs on single images (CHROMM 3.4), on rendered rooms or on BEDLAM, COCO, MPII and 3DPW."""

    weights: Path
    """Network to start from (chromm train export)."""
    trainer: TrainerSettings = field(
        default_factory=lambda: TrainerSettings(steps=150, rate=Pelvis.tiny_rate, clip=2.0, schedule='one_cycle')
    )
    suits: ClassVar[tuple[str, ...]] = tuple(data_sets.SHARES)
    paper_schedule: ClassVar[tuple[float, float] | None] = (10, 1e-4)
    tiny_rate: ClassVar[float] = 5e-4

    @property
    def lengths(self) -> tuple[int, ...]:
        return (1,)

    def stage(self, sampler: FrameSampler) -> Stage:
        network = Chromm.from_preset(self.preset, self.weights)
        if self.preset == 'tiny':
            return PelvisStage(network, sampler, self.body(), TINY_STAGE_2, intrinsics_given=not self.data)
        return PelvisStage(network, sampler, self.body(), PAPER_STAGE_2)


@dataclass(kw_only=True)
class Export:
    """Put the averaged weights of finished runs into one file that the capture reads."""

    file: Path
    """Weight file to write (.safetensors)."""
    weights: Path | None = None
    """Network that the runs started from; none for pre-training from nothing."""
    scene: Path | None = None
    """Folder of a run of `chromm train scene`."""
    human: Path | None = None
    """Folder of a run of `chromm train human`."""
    heads: Path | None = None
    """Folder of a run of `chromm train heads`."""
    pelvis: Path | None = None
    """Folder of a run of `chromm train pelvis`."""
    preset: str = 'tiny'
    card: Path | None = None
    """JSON file of strings that describe the weights: data, seeds, hardware, results."""

    def run(self) -> None:
        network = _started(self.weights, self.preset)
        steps = {}
        seen: dict[str, str] = {}
        for part, folder in (
            ('scene', self.scene),
            ('human', self.human),
            ('human', self.heads),
            ('pelvis', self.pelvis),
        ):
            if folder is not None:
                state, steps[str(folder.name)] = averaged(folder)
                seen |= data_sets.read_card(folder)
                install(network, part, state)
                if folder is self.human:
                    ignore_scene_tokens(network.human_head)
        network.trained = True
        description = {} if self.card is None else json.loads(self.card.read_text())
        if seen:
            description = {'data': json.dumps(seen), **description}
            print('these weights inherit the terms of what they were trained on:', *seen.values(), sep='\n  ')
        network.eval().save(self.file, {'steps': json.dumps(steps), **description})
        print(f'{self.file}: {self.file.stat().st_size / 1e6:.1f} MB')


def _started(weights: Path | None, preset: str = 'tiny') -> Chromm:
    """The network that a run goes on from; without weights an untrained tiny one."""
    if weights is None:
        return Chromm(choose('tiny', 'chromm'))
    return Chromm.from_preset(preset, weights).requires_grad_(True)
