"""What the human encoder sees in an image: heads, silhouettes, pelvises (Multi-HMR, CHROMM 3.1)."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from torch import nn

from chromm_ros.flow import MAX_PEOPLE
from chromm_ros.network.human.detection import Heads, find_heads, find_separate_heads
from chromm_ros.network.human.letterbox import Letterbox
from chromm_ros.network.human.pelvis_head import PelvisHead
from chromm_ros.network.layers.pixel_shuffle_head import PixelShuffleHead
from chromm_ros.network.layers.precision import autocast, dtype_of, full_precision, store_weights
from chromm_ros.network.layers.preprocessing import check_batch
from chromm_ros.network.layers.state_dicts import load_checked, renamed
from chromm_ros.network.layers.vit import ViT
from chromm_ros.network.presets import FULL_HUMAN, TINY_HUMAN, HumanEncoderConfig

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)

NOBODY = -1e4
"""Logit of a patch in which nobody can be."""

PUBLIC_PREFIXES = {'backbone.encoder.': 'backbone.', 'mlp_classif.': 'detection.', 'mlp_offset.': 'offset.'}
"""Keys of a public Multi-HMR checkpoint -> keys here."""


class TokenMlp(nn.Sequential):
    """Linear - ReLU - Linear on tokens (..., width), always in fp32."""

    FULL_PRECISION = True

    def __init__(self, width: int, outputs: int, bias: float = 0.0) -> None:
        last = nn.Linear(width, outputs)
        nn.init.constant_(last.bias, bias)
        super().__init__(nn.Linear(width, width), nn.ReLU(), last)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        with full_precision(tokens.device):
            return super().forward(tokens.float())


class HumanEncoder(nn.Module):
    """ViT with an MLP per token for heads and their offsets; CHROMM adds the masks and the pelvises.

    Images are (B, 3, height, width) in [0, 1] of exactly ``config.image_size``; :class:`Letterbox` makes them so.
    """

    def __init__(self, config: HumanEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.precision = 'fp32'
        width, patch = config.vit.width, config.vit.patch
        self.backbone = ViT(config.vit)
        self.grid = self.backbone.grid(*config.image_size)
        # One patch in a hundred or fewer holds a head: start from that rate.
        self.detection = TokenMlp(width, 1, bias=-4.0)
        self.offset = TokenMlp(width, 2)
        if config.chromm_heads:
            self.mask = PixelShuffleHead(width, (1,), patch, config.mask_cells)
            self.pelvis = PelvisHead(width, width, patch, config.image_size)

    @classmethod
    def full(cls, image_size: int | tuple[int, int] = 896, chromm_heads: bool = True) -> HumanEncoder:
        """Multi-HMR ViT-L/14 (multiHMR_896_L). ``image_size``: a side, or (height, width), in whole patches."""
        return cls(FULL_HUMAN.resized(image_size, chromm_heads))

    @classmethod
    def tiny(cls) -> HumanEncoder:
        """The encoder that this package trains on its synthetic rooms."""
        return cls(TINY_HUMAN)

    def load_public(self, state_dict: Mapping[str, torch.Tensor]) -> None:
        """Take the backbone, detection and offset weights of a public Multi-HMR checkpoint.

        Raises:
            ValueError: keys are missing or mis-shaped; they are named. Other keys (its body head) are not used here.
        """
        own = renamed(state_dict, PUBLIC_PREFIXES)
        own.pop('backbone.mask_token', None)  # DINOv2 trains with it; nothing reads it
        load_checked(self, own, 'Multi-HMR', without=('mask.', 'pelvis.'))

    def set_precision(self, precision: str) -> HumanEncoder:
        """Compute the backbone in 'fp32', 'bf16' or 'fp16' and keep its weights so; the heads stay fp32."""
        dtype_of(precision)
        self.precision = precision
        store_weights(self, precision)
        return self

    def tokens(self, images: torch.Tensor) -> torch.Tensor:
        """Images (B, 3, height, width) in [0, 1] -> patch tokens (B, P, width), row by row, float32.

        Raises:
            ValueError: shapes or values do not fit; the message says what was expected.
        """
        if images.ndim != 4 or not len(images):
            raise ValueError(
                f'images have shape {tuple(images.shape)}; expected (B, 3, H, W) with at least one image'
            )
        check_batch(images[None])
        if tuple(images.shape[-2:]) != tuple(self.config.image_size):
            raise ValueError(
                f'the human encoder takes images of {self.config.image_size} (height, width), '
                f'got {tuple(images.shape[-2:])}; bring them there with Letterbox.place'
            )
        return self.encode(images)

    def encode(self, images: torch.Tensor, letterbox: Letterbox | None = None) -> torch.Tensor:
        """:meth:`tokens` of images that are known to fit: looking at their values would wait for the device.

        Args:
            letterbox: how the images lie in them. Where the configuration leaves margins out, their tokens are zero.
        """
        mean, std = _image_statistics(images.device)
        part = self.part(letterbox)
        with autocast(images.device, self.precision):
            if part is None:
                return self.backbone((images - mean) / std)
            inside = self.backbone((images - mean) / std, part)
        tokens = inside.new_zeros(len(images), *self.grid, inside.shape[-1])
        tokens[:, part[0], part[1]] = inside.unflatten(1, tokens[0, part[0], part[1]].shape[:2])
        return tokens.flatten(1, 2)

    def part(self, letterbox: Letterbox | None) -> tuple[slice, slice] | None:
        """Rows and columns of the patches that are encoded; None: all are."""
        if self.config.margins or letterbox is None or letterbox.content == letterbox.canvas:
            return None
        return letterbox.patches(self.config.vit.patch)

    def detection_logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (..., width) -> logits (...) that the patch holds a head joint."""
        logits = self.detection(tokens)[..., 0]
        return logits if self.config.margins else logits.masked_fill((tokens == 0).all(-1), NOBODY)

    def offsets(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (..., width) -> (..., 2) x and y of the head from the centre of its patch, in patches."""
        return self.offset(tokens)

    def mask_logits(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, P, width) -> logits (B, height, width) that a pixel shows a person."""
        return self.mask(tokens, self.grid)[0][:, 0]

    def heads(self, tokens: torch.Tensor, threshold: float = 0.3, people: int = MAX_PEOPLE) -> Heads:
        """The patches of tokens (B, P, width) that hold heads, at most ``people`` in each image."""
        logits, separation = self.detection_logits(tokens), self.config.separation
        if separation is None:
            return find_heads(logits, self.grid, threshold, people=people)
        patches = torch.arange(tokens.shape[1], device=tokens.device).expand(len(tokens), -1)
        places = self.head_pixels(patches, self.offsets(tokens))
        return find_separate_heads(logits, places, threshold, separation * self.config.vit.patch, people)

    def head_pixels(self, index: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Patch index (...) and offsets (..., 2) -> pixels (..., 2) of the encoder's input."""
        columns = self.grid[1]
        patch = torch.stack([index % columns, index // columns], -1)
        return (patch + 0.5 + offsets) * self.config.vit.patch


@functools.cache
def _image_statistics(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Kept per device: a constant that is made anew in every pass stalls a GPU and cannot be captured in a graph."""
    with torch.inference_mode(False):  # a constant made in inference mode could not be used in training later
        mean, std = torch.tensor([IMAGE_MEAN, IMAGE_STD], device=device)[..., None, None]
    return mean, std
