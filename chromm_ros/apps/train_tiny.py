"""``chromm train tiny``: the weights of the tiny preset and their score, in pieces that may end at any time."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from tqdm import tqdm

from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.commands import table
from chromm_ros.evaluation.synthetic import SyntheticSettings, evaluate_synthetic
from chromm_ros.network.chromm import Chromm, check_device
from chromm_ros.settings import UsageError
from chromm_ros.synthetic.pool import PoolSettings, rendering_pool
from chromm_ros.training.commands import Export, Heads, Human, Pelvis, Run, Scene
from chromm_ros.training.trainer import TrainerSettings

UNFINISHED = 75
"""Exit status while there is more to do (EX_TEMPFAIL): ``until chromm train tiny ...; do :; done``."""

SHARES = {'render': 0.12, 'scene': 0.42, 'human': 0.34, 'heads': 0.06, 'pelvis': 0.02}
"""Parts of the time. What is left is for starting, exporting and the score."""

ROOM = 2e6
"""Bytes of a room on the disk."""

SELECTION = 1_000_000
"""Rooms that settings may be chosen by; those from 2 000 000 on are for reports."""

FASTER = 2.0
"""Highest factor on the learning rates of batches of 24 images; below it grows with the root of the batch."""


@dataclass(frozen=True)
class Recipe:
    """What a folder is for; another recipe needs another folder."""

    minutes: float
    device: str
    images: int
    scenes: int
    seed: int
    threads: int
    judged: int
    weights: str | None

    def trainer(self, phase: str, rate: float, clip: float, schedule: str = 'cosine') -> TrainerSettings:
        """Settings of a phase in its share of the time."""
        faster = min(FASTER, math.sqrt(self.images / 24))
        return TrainerSettings(
            minutes=self.minutes * SHARES[phase], rate=rate * faster, clip=clip, schedule=schedule, save_minutes=1.0
        )


@dataclass
class Progress:
    """What of a recipe is done, in ``recipe.json`` of its folder."""

    folder: Path
    recipe: Recipe
    done: list[str] = field(default_factory=list)
    rendered: float = 0.0
    """Time that rendering took so far [s]."""

    @classmethod
    def of(cls, folder: Path, recipe: Recipe) -> Progress:
        """Of the folder as it is.

        Raises:
            UsageError: it is for another recipe.
        """
        file = folder / 'recipe.json'
        if not file.exists():
            return cls(folder, recipe)
        found = json.loads(file.read_text())
        if found['recipe'] != asdict(recipe):
            asked = asdict(recipe)
            was = found['recipe']
            other = [
                f'{name} {was.get(name)}, not {value}' for name, value in asked.items() if was.get(name) != value
            ]
            raise UsageError(f'{folder} was begun with {", ".join(other)}: give the same options, or another folder')
        return cls(folder, recipe, found['done'], found['rendered'])

    def save(self) -> None:
        """A crash at any moment leaves the old state or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / 'recipe.draft'
        draft.write_text(json.dumps({'recipe': asdict(self.recipe), 'done': self.done, 'rendered': self.rendered}))
        draft.replace(self.folder / 'recipe.json')


def tiny(
    folder: Path,
    minutes: float = 25.0,
    piece: float = 9.0,
    device: str = 'cpu',
    images: int | None = None,
    scenes: int | None = None,
    workers: int | None = None,
    threads: int = 1,
    seed: int = 51,
    judged: int = 20,
    weights: Path | None = None,
) -> int:
    """Make weights of the tiny preset: render rooms, pre-train both branches, stages 1 and 2, export, score.

    The folder gets tiny.safetensors and score.json. The command ends with status 75 while there is more to do; the
    same command goes on where it stopped, by itself, by Ctrl-C, or by force.

    Args:
        folder: of everything that is made.
        minutes: for all; the schedules end when it is over, however many steps fitted in.
        piece: minutes after which this call ends; 0: when all is done.
        device: cpu or cuda.
        images: per step; 24 on a CPU, 1024 on a GPU.
        scenes: rooms that are rendered if time allows, 12 images and 2 MB each; 6 700 on a CPU, 20 000 for a GPU.
        workers: processes that render; as many as the machine has cores.
        threads: of the arithmetic on a CPU.
        seed: of the rooms; below 1 000 000.
        judged: rooms of the score, on selection seeds.
        weights: network to go on from; from nothing without.
    """
    if minutes <= 0 or (weights is not None and not weights.is_file()):
        raise UsageError(f'minutes is {minutes}, weights is {weights}; expected a time and an existing file, or none')
    check_device(torch.device(device), 'fp32')
    on_gpu = device.startswith('cuda')
    recipe = Recipe(
        minutes=minutes,
        device=device,
        images=images or (1024 if on_gpu else 24),
        scenes=scenes or (20_000 if on_gpu else 6_700),
        seed=seed,
        threads=threads,
        judged=judged,
        weights=None if weights is None else str(weights),
    )
    progress = Progress.of(folder, recipe)
    progress.save()
    deadline = time.monotonic() + 60 * piece if piece > 0 else math.inf
    for phase, run in _phases(progress, workers or os.cpu_count() or 1).items():
        if phase in progress.done:
            continue
        if time.monotonic() > deadline or not run(deadline):
            print(f'{folder}: stopped at "{phase}"; the same command goes on')
            return UNFINISHED
        progress.done.append(phase)
        progress.save()
    print(table(json.loads((folder / 'score.json').read_text())))
    return 0


def _phases(progress: Progress, workers: int) -> dict[str, Callable[[float], bool]]:
    """What is done one after the other; each is given a deadline and says whether it came to its end."""
    folder, recipe = progress.folder, progress.recipe
    start, stage1, weights = (folder / f'{name}.safetensors' for name in ('start', 'stage1', 'tiny'))
    begun = None if recipe.weights is None else Path(recipe.weights)

    def common(phase: str) -> dict:
        return {
            'folder': folder / phase, 'pools': (folder / 'pool',), 'images': recipe.images,
            'threads': recipe.threads, 'device': recipe.device,
        }  # fmt: skip

    def scene(deadline: float) -> bool:
        return _trained(
            Scene(**common('scene'), weights=begun, trainer=recipe.trainer('scene', 1.2e-3, 1.0)), deadline
        )

    def human(deadline: float) -> bool:
        run = Human(**common('human'), weights=begun, trainer=recipe.trainer('human', 1.5e-3, 2.0))
        return _trained(run, deadline) and _exported(
            Export(file=start, weights=begun, scene=folder / 'scene', human=run.folder)
        )

    def heads(deadline: float) -> bool:
        run = Heads(**common('heads'), weights=start, trainer=recipe.trainer('heads', 6e-4, 2.0, 'one_cycle'))
        return _trained(run, deadline) and _exported(Export(file=stage1, weights=start, heads=run.folder))

    def pelvis(deadline: float) -> bool:
        run = Pelvis(**common('pelvis'), weights=stage1, trainer=recipe.trainer('pelvis', 5e-4, 2.0, 'one_cycle'))
        return _trained(run, deadline) and _exported(Export(file=weights, weights=stage1, pelvis=run.folder))

    return {
        'render': lambda deadline: _rendered(progress, workers, deadline),
        'scene': scene,
        'human': human,
        'heads': heads,
        'pelvis': pelvis,
        'score': lambda _: _scored(weights, folder / 'score.json', recipe),
    }


def _rendered(progress: Progress, workers: int, deadline: float) -> bool:
    """Render until all rooms are there or their share of the time is over, but at least one batch."""
    recipe, last, pool = progress.recipe, time.monotonic(), progress.folder / 'pool'
    budget = 60 * recipe.minutes * SHARES['render']
    needed, free = recipe.scenes * ROOM / 1e9, shutil.disk_usage(progress.folder).free / 1e9
    if not pool.exists() and free < needed:
        raise UsageError(
            f'{recipe.scenes} rooms take {needed:.1f} GB, {progress.folder} has {free:.1f} GB free: '
            'give fewer --scenes, or another folder'
        )
    with tqdm(total=recipe.scenes, unit='room', desc='render') as bar:
        for added in rendering_pool(pool, recipe.scenes, PoolSettings(seed=recipe.seed), workers):
            bar.update(added)
            now = time.monotonic()
            progress.rendered, last = progress.rendered + now - last, now
            progress.save()
            if progress.rendered > budget:
                return True
            if now > deadline:
                return False
    return True


def _trained(run: Run, deadline: float) -> bool:
    """Train up to the deadline; whether the run came to its end."""
    trainer = run.prepared()
    if trainer.progress < 1:
        trainer.run(deadline=deadline)
    return trainer.progress >= 1


def _exported(export: Export) -> bool:
    export.run()
    return True


def _scored(weights: Path, file: Path, recipe: Recipe) -> bool:
    """Judge the weights on selection rooms, with known and with estimated cameras."""
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', weights, recipe.device, body=body)
    scores: dict[str, dict] = {}
    for extrinsics in ('known', 'estimated'):
        settings = SyntheticSettings(seed=SELECTION, scenes=recipe.judged, extrinsics=extrinsics)
        for _, score in tqdm(evaluate_synthetic(network, body, settings), total=recipe.judged, unit='room'):
            scores[f'{extrinsics} cameras'] = score.summary()
    file.write_text(json.dumps(scores, indent=1))
    return True
