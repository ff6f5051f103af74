"""Images as the two encoders take them. Nothing here looks at the window: it can be done ahead, in another thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.layers.preprocessing import batch, resize, target_size
from chromm_ros.network.presets import ChrommConfig


@dataclass(frozen=True)
class Pixels:
    """One image, in whole bytes on the device of the network."""

    scene: torch.Tensor
    """(3, h, w) uint8 for the scene encoder."""
    human: torch.Tensor | None
    """(3, h', w') uint8 for the human encoder, without its margins; None: it looks at ``scene``."""

    @property
    def scene_size(self) -> tuple[int, int]:
        """(h, w)."""
        return self.scene.shape[1], self.scene.shape[2]


def scene_size_of(image: np.ndarray, config: ChrommConfig) -> tuple[int, int]:
    """(height, width) that an image (H, W, 3) asks for."""
    height, width = image.shape[:2]
    return target_size(width, height, config.scene.encoder.patch, config.scene.pixel_limit)[::-1]


def prepare(
    images: Sequence[np.ndarray],
    config: ChrommConfig,
    device: torch.device,
    scene_size: tuple[int, int] | None = None,
) -> list[Pixels]:
    """Resize images (H, W, 3) uint8 on the device.

    Args:
        scene_size: (height, width); None: as each image asks for itself.
    """
    by_size: dict[tuple[int, int], list[int]] = {}
    for index, image in enumerate(images):
        by_size.setdefault(scene_size or scene_size_of(image, config), []).append(index)
    made: dict[int, Pixels] = {}
    for size, rows in by_size.items():
        chosen = [images[row] for row in rows]
        human: Sequence[torch.Tensor | None] = [None] * len(rows)
        if config.human.pixels == 'image':
            # Where the scene's frame would lie, so that both encoders mean the same by a pixel.
            content = Letterbox(size, config.human.image_size).content
            human = resize(chosen, content[::-1], device, 'bicubic')
        scene = resize(chosen, size[::-1], device)
        made.update(zip(rows, map(Pixels, scene, human)))
    return [made[index] for index in range(len(images))]


def completed(
    prepared: Sequence[Pixels | None] | None,
    images: Sequence[np.ndarray],
    config: ChrommConfig,
    device: torch.device,
    scene_size: tuple[int, int],
) -> list[Pixels]:
    """``prepared``, with what is missing in it, or of another scene size, made of the images."""
    found: list[Pixels | None] = list(prepared or [None] * len(images))
    missing = [n for n, one in enumerate(found) if one is None or one.scene_size != scene_size]
    for n, one in zip(missing, prepare([images[n] for n in missing], config, device, scene_size)):
        found[n] = one
    return [one for one in found if one is not None]


def encoder_inputs(pixels: Sequence[Pixels], letterbox: Letterbox) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 3, h, w) for the scene encoder and (N, 3, rows, columns) for the human encoder, in [0, 1].

    Args:
        pixels: N images of one scene size.
        letterbox: of that size into the input of the human encoder.
    """
    scene = batch([one.scene for one in pixels])
    human = [one.human for one in pixels if one.human is not None]
    return scene, functional.pad(batch(human), letterbox.margins) if human else letterbox.place(scene)
