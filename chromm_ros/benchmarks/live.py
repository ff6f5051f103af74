"""``chromm bench live``: a window of the live capture beside the same work done the obvious way, as ratios."""

from __future__ import annotations

import json as json_format
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from chromm_ros.benchmarks.people import one_core
from chromm_ros.benchmarks.timing import flops
from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.evaluation.synthetic import START, image_sets
from chromm_ros.flow import ImageSet
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.layers import preprocessing
from chromm_ros.network.layers.precision import chosen_precision, dtype_of
from chromm_ros.network.pixels import Pixels, scene_size_of
from chromm_ros.synthetic.world import World

ROOM = 1_000_000
"""Seed of the room that is seen; rooms for selection, not those of reported accuracy."""
WARM_UP = 4
"""Image sets that fill the window before anything is measured."""
GROWTH = (1, 2, 4, 8, 16)
"""Image sets per window between which the growth of the decoder is measured."""


class ObviousWay(Chromm):
    """The same weights with Pillow in front, in fp32, with the whole window in the decoder."""

    @classmethod
    def tiny(cls, body: BodyModel) -> ObviousWay:
        """Of the tiny preset."""
        network = cls.from_preset('tiny', precision='fp32', body=body)
        network.config = replace(network.config, decoder_window=None)
        assert isinstance(network, ObviousWay)
        return network

    def prepare(self, images: Sequence[np.ndarray]) -> list[Pixels]:
        """Resized by Pillow, one after the other."""
        sizes = [scene_size_of(image, self.config)[::-1] for image in images]
        pixels = [torch.from_numpy(preprocessing.pillow(image, size)) for image, size in zip(images, sizes)]
        return [Pixels(image.permute(2, 0, 1), None) for image in pixels]


def bench_live(sets: int = 20, views: int = 4, width: int = 1280, height: int = 720, json: Path | None = None) -> int:
    """Processor time of a live window of the tiny preset on one core, by stage, beside the obvious way.

    Both run in turns, image set by image set, so that a busy machine does not favour one of them.

    Args:
        sets: image sets that are measured.
        views: cameras.
        width: of the images [px].
        height: of the images [px].
        json: file for the numbers.
    """
    body = BodyModel.load()
    precision = chosen_precision('auto', 'cpu')
    with one_core():
        networks = {
            'obvious': ObviousWay.tiny(body),
            'here': Chromm.from_preset('tiny', precision=precision, body=body),
        }
        stages = measure(networks, body, room(views, sets + WARM_UP, width, height))
        work = {name: work_of(network, views) for name, network in networks.items()}
        rates = {kind: product_rate(kind) for kind in dict.fromkeys(('fp32', precision))}
        growing = growth(networks['here'], views)
    print(f'{views} cameras {width} x {height}, tiny, one core, processor time: medians of {sets} image sets')
    print(f'obvious: Pillow, fp32, the whole window decoded; here: PyTorch on bytes, {precision}, the newest set')
    print(table(stages))
    for name, kind in (('obvious', 'fp32'), ('here', precision)):
        rate, least = rates[kind] / 1e9, 1e3 * work[name] / rates[kind]
        print(
            f'{name}: the network is {work[name] / 1e9:.1f} GFLOP, at least {least:.0f} ms at the {rate:.0f} GFLOP/s '
            f'that large {kind} products reach here'
        )
    print('decoder over 1, 2, 4, ... image sets: time ~ sets ^ exponent')
    for name, exponent in growing.items():
        print(f'  {name:<12}{exponent:.2f}')
    if json is not None:
        report = {'stages_ms': stages, 'gflop': {k: v / 1e9 for k, v in work.items()}, 'growth': growing}
        json.write_text(json_format.dumps(report, indent=1) + '\n')
    return 0


def room(views: int, sets: int, width: int, height: int) -> list[ImageSet]:
    """A synthetic room in images of a camera's size."""
    frames = World.sample(ROOM, views).render(START + 0.1 * np.arange(sets))
    return [
        replace(images, views={view: replace(image, pixels=cv2.resize(image.pixels, (width, height)), intrinsics=None)
                               for view, image in images.views.items()})
        for images in image_sets(frames, with_poses=True)
    ]  # fmt: skip


def measure(networks: Mapping[str, Chromm], body: BodyModel, sets: Sequence[ImageSet]) -> dict[str, dict[str, float]]:
    """Median milliseconds of processor time of each stage of a window, by network."""
    captures = {
        name: Capture(network, body, CaptureSettings(stage_clock='cpu')) for name, network in networks.items()
    }
    seconds: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in networks}
    for k, images in enumerate(sets):
        for name, capture in captures.items():
            begun = time.process_time()
            prepared = capture.prepare(images)
            resized = time.process_time() - begun
            snapshot = capture.add(prepared)
            if k >= WARM_UP and snapshot is not None:
                for stage, value in {'resize': resized, **snapshot.stages}.items():
                    seconds[name][stage].append(value)
    return {
        name: {stage: 1e3 * float(np.median(values)) for stage, values in own.items()}
        for name, own in seconds.items()
    }


def work_of(network: Chromm, views: int) -> float:
    """FLOP of encoders, decoder and scene heads in a window of four image sets whose newest is new."""
    config = network.config
    with torch.device('meta'):
        shadow = Chromm(config, network.body).eval().requires_grad_(False)
        rows = views * (config.decoder_window or CaptureSettings().window_size)
        size = (144, 192)
        grid = shadow.scene.encoder.grid(*size)
        tokens = torch.empty(1, rows, grid[0] * grid[1], config.scene.encoder.width)

        def window() -> None:
            shadow.scene.encode(torch.empty(views, 3, *size))
            shadow.human_encoder.encode(torch.empty(views, 3, *config.human.image_size))
            shadow.scene.heads(shadow.scene.decode(tokens, grid), grid, rows=list(range(views)))

        return flops(window)


def growth(network: Chromm, views: int) -> dict[str, float]:
    """Exponent of the decoder's time in the number of image sets, below and above four of them."""
    grid = network.scene.encoder.grid(144, 192)
    times = [_decoding(network, views * sets, grid) for sets in GROWTH]
    middle = GROWTH.index(4)
    return {
        f'{GROWTH[first]} to {GROWTH[last]}': float(
            np.polyfit(np.log(GROWTH[first : last + 1]), np.log(times[first : last + 1]), 1)[0]
        )
        for first, last in ((0, middle), (middle, len(GROWTH) - 1))
    }


@torch.inference_mode()
def _decoding(network: Chromm, rows: int, grid: tuple[int, int]) -> float:
    tokens = torch.randn(1, rows, grid[0] * grid[1], network.config.scene.encoder.width)
    return processor_time(lambda: network.scene.decode(tokens, grid))


def product_rate(precision: str, side: int = 1024) -> float:
    """FLOP/s of large matrix products on one core."""
    a, b = torch.randn(2, side, side, dtype=dtype_of(precision))
    return 2 * side**3 / processor_time(lambda: a @ b, 9)


def processor_time(run: Callable[[], object], repeats: int = 3) -> float:
    """Least seconds of processor time of ``run``, warm."""
    run()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        run()
        times.append(time.process_time() - begun)
    return min(times)


def table(stages: Mapping[str, Mapping[str, float]]) -> str:
    """Milliseconds of both ways, and how many times faster this package is."""
    return '\n'.join(_lines(stages))


def _lines(stages: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    yield f'{"stage [ms]":<14}{"obvious":>10}{"here":>10}{"ratio":>8}'
    obvious, here = stages['obvious'], stages['here']
    rows = {stage: (obvious[stage], here[stage]) for stage in here}
    rows['all'] = sum(obvious.values()), sum(here.values())
    for stage, (before, now) in rows.items():
        yield f'{stage:<14}{before:>10.1f}{now:>10.1f}{before / now:>8.2f}'
