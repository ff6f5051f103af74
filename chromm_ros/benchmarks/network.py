"""How long every stage of the network takes, how much work it is, how far that is from the paper and the machine."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from tqdm import tqdm

from chromm_ros.benchmarks.timing import attention_rate, flops, matrix_rate, timed
from chromm_ros.flow import FrameFeatures
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.layers.precision import check_device
from chromm_ros.network.presets import choose

IMAGE = (720, 1280)
"""(height, width) of the camera images."""

LIVE_STEPS = 8
"""Windows of up to this many time steps are measured as steps of a live capture, with cached features."""

PAPER_WINDOW = (4, 25)
PAPER = {
    'scene encoder': 0.85,
    'scene decoder': 8.89,
    'scene heads': 1.72,
    'feature fusion': 2.89,
    'SMPL decoders': 0.67,
}
"""Seconds on an A100 (CHROMM table 11). Association and fusion are measured by ``chromm bench people``."""

GOALS = {1: 0.070, 4: 0.190, 5: 0.250, 8: 0.480, 25: 5.0}
"""Seconds for 4 views by time steps at full size on an H200."""

MEMORY_GOALS = {5: 8, 25: 24}
"""GB of the device for the same windows."""


@dataclass(frozen=True)
class Measurement:
    """One stage of one window."""

    window: str
    stage: str
    seconds: float
    """Median, between CUDA events on a GPU."""
    wall_seconds: float
    tflop: float
    tflops_per_second: float
    share_of_peak: float
    """Of the measured rate of large matrix products in the same precision."""
    peak_memory_gb: float
    """Of the device; on a CPU of the process so far."""
    paper_seconds: float | None
    """A100; only for the full preset and the paper's window."""
    times_faster_than_paper: float | None


@dataclass(frozen=True)
class Inputs:
    """Tensors that the stages of one window start from, on any device."""

    images: torch.Tensor
    letterboxed: torch.Tensor
    tokens: torch.Tensor
    hidden: torch.Tensor
    grid: tuple[int, int]
    rows: list[int]
    """The new rows of the window."""


def bench_network(
    preset: Literal['auto', 'full', 'tiny'] = 'auto',
    views: int = 4,
    steps: tuple[int, ...] = (),
    precision: Literal['auto', 'fp32', 'bf16', 'fp16'] = 'auto',
    repeats: int = 20,
    compiled: bool = False,
    output: Path | None = None,
) -> None:
    """Time the stages of the network with random weights, on the GPU or, with the tiny preset, on the CPU.

    A window of up to 8 time steps is a step of a live capture: only the newest images are encoded and get heads, the
    decoder sees all. Longer windows start from nothing, as in the paper.

    Args:
        preset: auto is full where there is a GPU, else tiny.
        views: cameras.
        steps: time steps of the windows; nothing: 1 4 5 8 25 on a GPU, 1 4 on a CPU.
        precision: auto is bf16 on a GPU, else fp32.
        repeats: passes of which the median counts (a quarter of them for windows from nothing).
        compiled: with torch.compile; on a GPU every window shape becomes CUDA graphs.
        output: write the measurements to this JSON file.
    """
    gpu = torch.cuda.is_available()
    device = torch.device('cuda' if gpu else 'cpu')
    size = ('full' if gpu else 'tiny') if preset == 'auto' else preset
    kind = ('bf16' if gpu else 'fp32') if precision == 'auto' else precision
    check_device(device, kind)
    name = torch.cuda.get_device_name() if gpu else f'{platform.machine()} CPU, {torch.get_num_threads()} threads'
    if not gpu:
        print(f'No GPU: this is the {size} preset on a CPU, which says nothing about the full network on a GPU.')
    report: dict[str, object] = {'device': name, 'preset': size, 'precision': kind, 'compiled': compiled}
    peak = matrix_rate(device, kind)
    print(f'{name}, {size} preset, {kind}: matrix products reach {peak / 1e12:.3g} TFLOP/s')
    report['matrix_tflops'] = peak / 1e12
    if gpu:
        report['attention_tflops'] = attention_rate(device, kind) / 1e12
        print(f'attention of 26 000 tokens: {report["attention_tflops"]:.0f} TFLOP/s (goal on an H200: 450)')
    network = _random_network(size, device)
    network.set_precision(kind)
    if compiled:
        network.compile_stages()
    results: list[Measurement] = []
    for count in tqdm(steps or ((1, 4, 5, 8, 25) if gpu else (1, 4)), desc='windows', disable=None):
        try:
            results += _measured(network, views, count, repeats, peak)
        except torch.OutOfMemoryError:
            print(f'{views}x{count}: out of GPU memory, left out')
    print(table(results))
    for line in totals(results, with_goals=size == 'full'):
        print(line)
    if output is not None:
        output.write_text(json.dumps(report | {'stages': [asdict(result) for result in results]}, indent=1))


def _random_network(preset: str, device: torch.device) -> Chromm:
    with device:
        return Chromm(choose(preset)).to(device).eval().requires_grad_(False)


@torch.inference_mode()
def _measured(network: Chromm, views: int, steps: int, repeats: int, peak: float) -> Iterator[Measurement]:
    """Every stage of one window in turn."""
    cached = 1 < steps <= LIVE_STEPS
    repeats = max(1, repeats // 4) if steps > LIVE_STEPS else repeats
    features = network.encode([np.zeros((*IMAGE, 3), np.uint8)]).take([0] * views * steps)
    stages = _stages(network, _inputs(network, features, views if cached else len(features), network.device))
    work = _work(network, features, views if cached else len(features))
    newest = features.take(range(len(features) - views, len(features)) if cached else range(len(features)))
    geometry = network.decode(newest)
    stages['SMPL decoders'] = lambda: network.people(newest, geometry)
    work['SMPL decoders'] = flops(stages['SMPL decoders'])
    published = PAPER if network.config.name == 'full' and (views, steps) == PAPER_WINDOW else {}
    for stage, run in stages.items():
        timing = timed(run, network.device, repeats)
        paper = published.get(stage)
        yield Measurement(
            window=f'{views}x{steps}' + (' cached' if cached else ''),
            stage=stage,
            seconds=timing.seconds,
            wall_seconds=timing.wall_seconds,
            tflop=work[stage] / 1e12,
            tflops_per_second=work[stage] / 1e12 / timing.seconds,
            share_of_peak=work[stage] / timing.seconds / peak,
            peak_memory_gb=timing.peak_memory / 2**30,
            paper_seconds=paper,
            times_faster_than_paper=None if paper is None else paper / timing.seconds,
        )


def _inputs(network: Chromm, features: FrameFeatures, new: int, device: torch.device) -> Inputs:
    """Random inputs for a window like ``features`` whose last ``new`` rows are new."""
    frames, config = len(features), network.config
    rows, columns = grid = network.scene.encoder.grid(*features.scene_size)
    return Inputs(
        images=torch.rand(new, 3, *features.scene_size, device=device),
        letterboxed=torch.rand(new, 3, *config.human.image_size, device=device),
        tokens=torch.randn(1, *features.scene.shape, device=device),
        hidden=torch.randn(
            1, frames, config.scene.registers + rows * columns, config.scene.hidden_width, device=device
        ),
        grid=grid,
        rows=list(range(frames - new, frames)),
    )


def _stages(network: Chromm, inputs: Inputs) -> dict[str, Callable[[], object]]:
    """Stages of the paper's table 11 that need no detections."""
    scene, human = network.scene, network.human_encoder

    def fusion() -> None:
        tokens = human.encode(inputs.letterboxed)
        human.offsets(tokens)
        human.detection_logits(tokens)
        human.mask_logits(tokens)

    return {
        'scene encoder': lambda: scene.encode(inputs.images),
        'scene decoder': lambda: scene.decode(inputs.tokens, inputs.grid),
        'scene heads': lambda: scene.heads(inputs.hidden, inputs.grid, rows=inputs.rows),
        'feature fusion': fusion,
    }


def _work(network: Chromm, features: FrameFeatures, new: int) -> dict[str, float]:
    """FLOP by stage, counted on the meta device."""
    meta = torch.device('meta')
    with meta:
        shadow = Chromm(network.config, network.body).eval().requires_grad_(False)
    return {stage: flops(run) for stage, run in _stages(shadow, _inputs(shadow, features, new, meta)).items()}


def table(results: list[Measurement]) -> str:
    """The measurements for a person."""
    lines = [
        f'{"window":12} {"stage":14} {"time":>10} {"wall":>10} {"TFLOP":>8} {"TFLOP/s":>8} {"of peak":>7} '
        f'{"memory":>8} {"paper":>7} {"faster":>7}'
    ]
    for row in results:
        paper = '' if row.paper_seconds is None else f'{row.paper_seconds:.2f} s'
        faster = '' if row.times_faster_than_paper is None else f'{row.times_faster_than_paper:.1f} x'
        lines.append(
            f'{row.window:12} {row.stage:14} {1e3 * row.seconds:7.1f} ms {1e3 * row.wall_seconds:7.1f} ms '
            f'{row.tflop:8.3g} {row.tflops_per_second:8.3g} {100 * row.share_of_peak:5.0f} % '
            f'{row.peak_memory_gb:5.1f} GB {paper:>7} {faster:>7}'
        )
    return '\n'.join(lines)


def totals(results: list[Measurement], with_goals: bool) -> Iterator[str]:
    """One line per window: the sum of its stages and their largest memory, and the goals where there are any."""
    for window in dict.fromkeys(row.window for row in results):
        rows = [row for row in results if row.window == window]
        milliseconds, memory = 1e3 * sum(row.seconds for row in rows), max(row.peak_memory_gb for row in rows)
        views, steps = window.removesuffix(' cached').split('x')
        goals = with_goals and views == '4'
        time_goal = GOALS.get(int(steps)) if goals else None
        memory_goal = MEMORY_GOALS.get(int(steps)) if goals else None
        in_time = '' if time_goal is None else f' (goal on an H200: {1e3 * time_goal:.0f} ms)'
        in_memory = '' if memory_goal is None else f' (goal: {memory_goal} GB)'
        yield f'{window}: {milliseconds:.1f} ms in all{in_time}, {memory:.1f} GB at most{in_memory}'
