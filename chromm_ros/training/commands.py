"""``chromm train ...``: render rooms, pre-train the tiny branches, the two stages of CHROMM, and one file of weights.

Every run lives in a folder (``state.pt``, ``log.csv``, ``curves.png``); the same command again resumes it. Several
processes: ``torchrun --nproc-per-node N -m chromm_ros.cli train ...``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
import tyro
from tqdm import tqdm

from chromm_ros.body.model import BodyModel
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.presets import DepthForm, choose
from chromm_ros.synthetic.pool import Pool, PoolSettings, rendering_pool
from chromm_ros.training.clips import Clips
from chromm_ros.training.handover import averaged, ignore_scene_tokens, install
from chromm_ros.training.head_stages import HeadStage, PelvisStage
from chromm_ros.training.human_stage import HumanBranch, HumanStage
from chromm_ros.training.sampling import FrameSampler, Sampling
from chromm_ros.training.scene_stage import SceneStage
from chromm_ros.training.trainer import Stage, Trainer, TrainerSettings
from chromm_ros.training.weights import PAPER_STAGE_1, PAPER_STAGE_2, TINY_STAGE_1, TINY_STAGE_2


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

    def run(self) -> None:
        settings = PoolSettings(seed=self.seed)
        with tqdm(total=self.scenes, unit='room') as bar:
            for added in rendering_pool(self.folder, self.scenes, settings, self.workers):
                bar.update(added)


@dataclass(kw_only=True)
class Run:
    """What all training runs have in common."""

    folder: Path
    """Of the run."""
    pools: tuple[Path, ...]
    """Pools of scenes to learn from (chromm train render)."""
    images: int = 24
    """Images per step and process."""
    threads: int = 1
    """Of the arithmetic on a CPU."""
    device: str = 'cpu'
    trainer: TrainerSettings = field(default_factory=TrainerSettings)

    def run(self) -> None:
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.trainer.seed)
        clips = [Clips(Pool(pool)) for pool in self.pools]
        stage = self.stage(FrameSampler(clips, Sampling(self.images, self.lengths))).train()
        device = f'cuda:{os.environ.get("LOCAL_RANK", 0)}' if self.device == 'cuda' else self.device
        terms = Trainer(stage, self.trainer, self.folder, device).run()
        print(', '.join(f'{name} {value:.4g}' for name, value in terms.items()))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the sequences that the network sees."""
        raise NotImplementedError

    def stage(self, sampler: FrameSampler) -> Stage:
        """What is trained."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Scene(Run):
    """Pre-train the scene branch of the tiny preset, in the gauge of the studio."""

    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(steps=4000, rate=1.2e-3, clip=1.0))

    @property
    def lengths(self) -> tuple[int, ...]:
        return (4, 4, 4, 4, 4, 8, 8, 12, 2, 1)

    def stage(self, sampler: FrameSampler) -> Stage:
        return SceneStage(_untrained().scene, sampler)


@dataclass(kw_only=True)
class Human(Run):
    """Pre-train the human branch of the tiny preset on single images."""

    trainer: TrainerSettings = field(default_factory=lambda: TrainerSettings(steps=7800, rate=1.5e-3, clip=2.0))

    @property
    def lengths(self) -> tuple[int, ...]:
        return (1,)

    def stage(self, sampler: FrameSampler) -> Stage:
        network = _untrained()
        return HumanStage(HumanBranch(network.human_encoder, network.human_head), sampler, BodyModel.load_proxy())


@dataclass(kw_only=True)
class Heads(Run):
    """Stage 1: the heads on frozen backbones (CHROMM 3.4)."""

    weights: Path
    """Network to start from (chromm train export, or chromm weights convert)."""
    preset: str = 'tiny'
    depth: DepthForm | None = None
    """How the head says where people are (Table 7): residual, direct, translation; none: as in the weights. Another
    form than theirs starts the head anew."""
    trainer: TrainerSettings = field(
        default_factory=lambda: TrainerSettings(steps=1000, rate=6e-4, clip=2.0, schedule='one_cycle')
    )
    """The paper's rate for the full preset is 5e-5."""

    @property
    def lengths(self) -> tuple[int, ...]:
        return (2, 4, 4, 8) if self.preset == 'tiny' else tuple(range(2, 25))

    def stage(self, sampler: FrameSampler) -> Stage:
        network = Chromm.from_preset(self.preset, self.weights)
        if self.depth is not None and self.depth != network.human_head.config.depth:
            network.renew_human_head(self.depth)
        if self.preset == 'tiny':
            return HeadStage(network, sampler, BodyModel.load_proxy(), TINY_STAGE_1, head_jitter=1.3)
        return HeadStage(network, sampler, BodyModel.load_proxy(), PAPER_STAGE_1)


@dataclass(kw_only=True)
class Pelvis(Run):
    """Stage 2: the pelvis MLPs on single images (CHROMM 3.4)."""

    weights: Path
    """Network to start from (chromm train export)."""
    preset: str = 'tiny'
    trainer: TrainerSettings = field(
        default_factory=lambda: TrainerSettings(steps=150, rate=5e-4, clip=2.0, schedule='one_cycle')
    )
    """The paper's rate for the full preset is 1e-4."""

    @property
    def lengths(self) -> tuple[int, ...]:
        return (1,)

    def stage(self, sampler: FrameSampler) -> Stage:
        network = Chromm.from_preset(self.preset, self.weights)
        if self.preset == 'tiny':
            return PelvisStage(network, sampler, BodyModel.load_proxy(), TINY_STAGE_2, intrinsics_given=True)
        return PelvisStage(network, sampler, BodyModel.load_proxy(), PAPER_STAGE_2)


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
        network = _untrained() if self.weights is None else Chromm.from_preset(self.preset, self.weights)
        steps = {}
        for part, folder in (
            ('scene', self.scene),
            ('human', self.human),
            ('human', self.heads),
            ('pelvis', self.pelvis),
        ):
            if folder is not None:
                state, steps[str(folder.name)] = averaged(folder)
                install(network, part, state)
                if folder is self.human:
                    ignore_scene_tokens(network.human_head)
        network.trained = True
        description = {} if self.card is None else json.loads(self.card.read_text())
        network.eval().save(self.file, {'steps': json.dumps(steps), **description})
        print(f'{self.file}: {self.file.stat().st_size / 1e6:.1f} MB')


Job = (
    Annotated[Render, tyro.conf.subcommand('render')]
    | Annotated[Scene, tyro.conf.subcommand('scene')]
    | Annotated[Human, tyro.conf.subcommand('human')]
    | Annotated[Heads, tyro.conf.subcommand('heads')]
    | Annotated[Pelvis, tyro.conf.subcommand('pelvis')]
    | Annotated[Export, tyro.conf.subcommand('export')]
)


def train(job: Annotated[Job, tyro.conf.arg(name='')]) -> None:
    """Train CHROMM: render rooms, pre-train the tiny branches, stages 1 and 2, export the weights."""
    job.run()


def _untrained() -> Chromm:
    return Chromm(choose('tiny', 'chromm'))
