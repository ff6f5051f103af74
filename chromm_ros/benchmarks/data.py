"""How many images of a data set one core makes ready for training, and how many cores a GPU therefore needs."""

from __future__ import annotations

import os
import time
from json import dumps
from pathlib import Path
from typing import Annotated

import cv2
import torch
import tyro

from chromm_ros.training import data_sets
from chromm_ros.training.sampling import FrameSampler, Sampling, generators


def bench_data(
    data: Annotated[tuple[str, ...], tyro.conf.Positional],
    bodies: Path,
    preset: str = 'full',
    images: int = 96,
    length: int = 8,
    wanted: float = 30.0,
    json: Path | None = None,
) -> int:
    """Time the loaders of data sets on one core, from the files to a batch.

    Args:
        data: KIND:DIR of each set: bedlam, coco, mpii, 3dpw.
        bodies: folder with SMPLX_NEUTRAL.npz.
        preset: whose image size is made.
        images: images per set, after a first batch that does not count.
        length: images of a sequence of BEDLAM; the others give single images.
        wanted: images that a GPU uses per second.
        json: file for the numbers.
    """
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    report = {}
    print(f'{"":<8}{"images/s of CPU":>16}{"per wall second":>17}{f"cores for {wanted:g}/s":>19}{"for 4 GPUs":>12}')
    for argument in data:
        [source] = data_sets.open_data([argument], bodies, preset, data_sets.Bedlam(), tuple(data_sets.SHARES))
        kind = source.dataset.name
        sampler = FrameSampler([source], Sampling(8, (length if kind == 'bedlam' else 1,)))
        sampler.draw(generators(0, 0)[0])
        count, step = 0, 0
        cpu, wall = time.process_time(), time.perf_counter()
        while count < images:
            step += 1
            count += sampler.draw(generators(0, step)[0]).present[..., 0].numel()
        cpu, wall = count / (time.process_time() - cpu), count / (time.perf_counter() - wall)
        report[kind] = {'images_per_cpu_second': round(cpu, 1), 'images_per_second': round(wall, 1)}
        cores = wanted / cpu
        print(f'{kind:<8}{cpu:>16.1f}{wall:>17.1f}{cores:>19.1f}{4 * cores:>12.1f}')
    print(f'this machine has {os.cpu_count()} cores; --trainer.loaders is per process, and each process has one GPU')
    if json is not None:
        json.write_text(dumps(report, indent=1))
    return 0
