"""A batch in the pixels that each branch wants: the scene's resized images, the human encoder's letterboxed canvas.

With both at the size of the rendered pictures, as in the tiny preset, nothing is touched.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F

from chromm_ros.geometry.cameras import scale_intrinsics
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.layers.preprocessing import target_size
from chromm_ros.network.presets import SceneConfig
from chromm_ros.training.clips import TRUTH_STRIDE, ClipBatch


def for_scene(batch: ClipBatch, config: SceneConfig) -> ClipBatch:
    """Images in whole patches within the pixel limit of the scene branch; truth maps and intrinsics follow."""
    height, width = batch.image_size
    wide, high = target_size(width, height, config.encoder.patch, config.pixel_limit)
    if (high, wide) == (height, width):
        return batch
    images = batch.images.flatten(0, 1)
    images = F.interpolate(images, size=(high, wide), mode='bilinear', antialias=True, align_corners=False)
    size = (high // TRUTH_STRIDE, wide // TRUTH_STRIDE)
    return replace(
        batch,
        images=images.clamp(0, 1).unflatten(0, batch.images.shape[:2]),
        depth=_nearest(batch.depth, size),
        instance=_nearest(batch.instance, size),
        judged=_nearest(batch.judged, size),
        intrinsics=scale_intrinsics(batch.intrinsics, wide / width, high / height),
        lens=scale_intrinsics(batch.lens, wide / width, high / height),
    )


def for_humans(batch: ClipBatch, canvas: tuple[int, int]) -> tuple[ClipBatch, Letterbox]:
    """The same images on the canvas (height, width) of the human encoder; its border is black, empty and unknown."""
    box = Letterbox(batch.image_size, canvas)
    if batch.image_size == tuple(canvas):
        return batch, box
    images = box.place(batch.images.flatten(0, 1)).unflatten(0, batch.images.shape[:2])
    return replace(
        batch,
        images=images,
        depth=_on_canvas(batch.depth, box),
        instance=_on_canvas(batch.instance, box),
        judged=_on_canvas(batch.judged, box, outside=1),
        intrinsics=box.intrinsics(batch.intrinsics),
        lens=box.intrinsics(batch.lens),
    ), box


def _on_canvas(maps: torch.Tensor, box: Letterbox, outside: int = 0) -> torch.Tensor:
    """Truth maps (B, N, h, w) over the image -> over the canvas, every TRUTH_STRIDE-th pixel of it."""
    rows, columns = (side // TRUTH_STRIDE for side in box.canvas)
    left, top = (int(side / TRUTH_STRIDE) for side in box.offset)
    height, width = (side // TRUTH_STRIDE for side in box.content)
    placed = maps.new_full((*maps.shape[:2], rows, columns), outside)
    placed[:, :, top : top + height, left : left + width] = _nearest(maps, (height, width))
    return placed


def _nearest(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    rows, columns = (
        ((torch.arange(new, device=maps.device) + 0.5) * old / new).long() for new, old in zip(size, maps.shape[2:])
    )
    return maps[:, :, rows[:, None], columns]
