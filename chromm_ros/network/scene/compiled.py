"""Compiled stages: one graph for all numbers of images, so that nothing is compiled anew when cameras come and go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from chromm_ros.network.scene.conditions import Conditions

KINDS_OF_WINDOWS = 64
"""Graphs of one stage: of sizes of images, and of what is known of the cameras. PyTorch would stop at 8 and run
slowly without a word."""


def compiled(
    stage: Callable[..., Any], device: torch.device, backend: str = 'inductor', axis: int = 0
) -> Callable[..., Any]:
    """A stage whose first argument holds images along ``axis``, further ones along the second.

    On a GPU a graph becomes CUDA graphs, one for each number of images; recording one takes moments, where compiling
    takes minutes.
    """
    mode = 'reduce-overhead' if backend == 'inductor' and device.type == 'cuda' else None
    options: Any = {'backend': backend, 'mode': mode, 'recompile_limit': KINDS_OF_WINDOWS}
    made = torch.compile(stage, **options)

    def run(tensor: torch.Tensor, *arguments: Any) -> Any:
        _mark(tensor, axis)
        for argument in arguments:
            if isinstance(argument, torch.Tensor):
                _mark(argument, 1)
            elif isinstance(argument, Conditions):
                _mark_conditions(argument)
        return made(tensor, *arguments)

    return run


def _mark_conditions(conditions: Conditions) -> None:
    for values in (conditions.rays, conditions.depth, conditions.world_from_camera):
        if values is not None:
            _mark(values, 1)
    for use in (conditions.use_rays, conditions.use_depth, conditions.use_poses):
        if use is not None:
            for index in (*use.where, *use.views):
                if index is not None:
                    _mark(index, 0)


def _mark(tensor: torch.Tensor, axis: int) -> None:
    """Let the size of an axis vary. One is another kind of size to PyTorch than many."""
    if tensor.shape[axis] > 1:
        torch._dynamo.maybe_mark_dynamic(tensor, axis)
