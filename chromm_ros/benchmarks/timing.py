"""How fast the device is, and how long something takes on it."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from chromm_ros.network.layers.precision import autocast, dtype_of

WARM_UP = 2


@dataclass(frozen=True)
class Timing:
    """Medians of several passes."""

    seconds: float
    """Between CUDA events on a GPU; else the wall time."""
    wall_seconds: float
    """Until the host knows that it is done."""
    peak_memory: float
    """[bytes] of the device; on a CPU of the process so far."""


def timed(run: Callable[[], object], device: torch.device, repeats: int) -> Timing:
    """Time ``run`` warm on ``device``."""
    for _ in range(WARM_UP):
        run()
    return _timed_on_gpu(run, repeats) if device.type == 'cuda' else _timed_on_cpu(run, repeats)


def _timed_on_cpu(run: Callable[[], object], repeats: int) -> Timing:
    wall = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        wall.append(time.perf_counter() - begin)
    median = statistics.median(wall)
    return Timing(median, median, 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _timed_on_gpu(run: Callable[[], object], repeats: int) -> Timing:
    busy, wall = [], []
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin = time.perf_counter()
        start.record()
        run()
        end.record()
        torch.cuda.synchronize()
        wall.append(time.perf_counter() - begin)
        busy.append(start.elapsed_time(end) / 1e3)
    return Timing(statistics.median(busy), statistics.median(wall), float(torch.cuda.max_memory_allocated()))


def flops(run: Callable[[], object]) -> float:
    """Floating point operations of ``run``, 2 per multiplication and addition.

    Give it a network and inputs on the meta device: nothing is computed, and the attention kernel of CPUs, which the
    counter does not know, is not used.
    """
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def matrix_rate(device: torch.device, precision: str) -> float:
    """FLOP/s of large matrix products."""
    side = 8192 if device.type == 'cuda' else 1024
    a, b = torch.randn(2, side, side, device=device, dtype=dtype_of(precision))
    return 2 * side**3 / timed(lambda: a @ b, device, 10).seconds


def attention_rate(device: torch.device, precision: str, tokens: int = 26_000) -> float:
    """FLOP/s of attention alone at the shape of a global block: 16 heads of 64."""
    q = torch.randn(1, 16, tokens, 64, device=device, dtype=dtype_of(precision))
    with autocast(device, precision):
        timing = timed(lambda: functional.scaled_dot_product_attention(q, q, q), device, 10)
    return 4 * 16 * tokens**2 * 64 / timing.seconds
