"""Reading token grids and depth maps where the heads are."""

from __future__ import annotations

import torch

AROUND = 2
"""A depth that is unusable is replaced by the median within this many pixels."""


def patch_at(pixels: torch.Tensor, grid: tuple[int, int], patch: int) -> torch.Tensor:
    """Index (...) of the patch that holds pixels (..., 2); the nearest one for pixels outside."""
    rows, columns = grid
    column, row = (pixels / patch).floor().long().unbind(-1)
    return row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1)


def depth_at(depth: torch.Tensor, pixels: torch.Tensor) -> torch.Tensor:
    """Depth (F, M) of maps (F, h, w) at pixels (F, M, 2): the nearest pixel.

    Interpolation would mix the head with what is behind it. Where the nearest pixel holds no usable depth, the median
    around it counts; where there is none either, 1 m.
    """
    height, width = depth.shape[-2:]
    column, row = pixels.floor().long().unbind(-1)
    steps = torch.arange(-AROUND, AROUND + 1, device=depth.device)
    rows = (row[..., None, None] + steps[:, None]).clamp(0, height - 1)
    columns = (column[..., None, None] + steps).clamp(0, width - 1)
    index = (rows * width + columns).flatten(1)
    around = depth.flatten(1).gather(1, index).unflatten(1, (-1, steps.numel() ** 2))
    around = torch.where(torch.isfinite(around) & (around > 0), around, torch.nan)
    centre = around[..., around.shape[-1] // 2]
    return torch.where(centre.isnan(), around.nanmedian(-1).values.nan_to_num(1.0), centre)
