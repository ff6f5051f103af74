"""The body head of the public Multi-HMR checkpoint: people read the whole image by cross-attention.

Its quirks are part of its weights and are kept: rotations in column order, a camera embedding whose x and y are
exchanged, log depth scaled by the focal length, a start for the hands that is no rotation by itself.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from chromm_ros.network.human.detection import take
from chromm_ros.network.layers.precision import full_precision
from chromm_ros.network.layers.rotation6d import from_6d
from chromm_ros.network.layers.state_dicts import load_checked
from chromm_ros.network.presets import MultiHmrConfig
from chromm_ros.skeleton import POSE_ROTATIONS

BANDS = 16
HIGHEST_BAND = 32.0
FARTHEST = 50.0
"""Depths are cut here [m]."""

PUBLIC_NAMES = (
    (r'^x_attention_head\.', ''),
    (r'^transformer\.transformer\.layers\.(\d+)\.0\.norm', r'layers.\1.self_norm'),
    (r'^transformer\.transformer\.layers\.(\d+)\.0\.fn\.to_qkv', r'layers.\1.self_qkv'),
    (r'^transformer\.transformer\.layers\.(\d+)\.0\.fn\.to_out\.0', r'layers.\1.self_out'),
    (r'^transformer\.transformer\.layers\.(\d+)\.1\.norm', r'layers.\1.cross_norm'),
    (r'^transformer\.transformer\.layers\.(\d+)\.1\.fn\.to_q\.', r'layers.\1.cross_q.'),
    (r'^transformer\.transformer\.layers\.(\d+)\.1\.fn\.to_kv', r'layers.\1.cross_kv'),
    (r'^transformer\.transformer\.layers\.(\d+)\.1\.fn\.to_out\.0', r'layers.\1.cross_out'),
    (r'^transformer\.transformer\.layers\.(\d+)\.2\.norm', r'layers.\1.mlp_norm'),
    (r'^transformer\.transformer\.layers\.(\d+)\.2\.fn\.net\.0', r'layers.\1.mlp.0'),
    (r'^transformer\.transformer\.layers\.(\d+)\.2\.fn\.net\.3', r'layers.\1.mlp.2'),
    (r'^transformer\.(pos_embedding|to_token_embedding)', r'\1'),
)
"""Keys of the public checkpoint -> keys here."""

UNUSED = 'x_attention_head.init_betas_kid'


@dataclass(frozen=True)
class MultiHmrPeople:
    """People of B images, M each, float32."""

    token: torch.Tensor  # (B, M, dim) after the last layer
    pose6d: torch.Tensor
    """(B, M, 318) root and 52 rotations as six numbers each, column order, before orthonormalisation."""
    root_rotation: torch.Tensor  # (B, M, 3, 3) camera from body
    pose: torch.Tensor  # (B, M, 52, 3, 3)
    betas: torch.Tensor  # (B, M, 10)
    expression: torch.Tensor  # (B, M, 10)
    camera: torch.Tensor  # (B, M, 3); the first number is the depth in its logarithmic form
    depth: torch.Tensor  # (B, M) z of the head joint [m]


class _Layer(nn.Module):
    """People attend to each other, then to the image, then an MLP; pre-norm, eight heads of 32."""

    def __init__(self, config: MultiHmrConfig, context: int) -> None:
        super().__init__()
        dim, inner = config.dim, config.heads * config.head_dim
        self.heads = config.heads
        self.self_norm = nn.LayerNorm(dim)
        self.self_qkv = nn.Linear(dim, 3 * inner, bias=False)
        self.self_out = nn.Linear(inner, dim)
        self.cross_norm = nn.LayerNorm(dim)
        self.cross_q = nn.Linear(dim, inner, bias=False)
        self.cross_kv = nn.Linear(context, 2 * inner, bias=False)
        self.cross_out = nn.Linear(inner, dim)
        self.mlp_norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, people: torch.Tensor, context: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
        """People (B, M, dim) and context (B, P, C) -> (B, M, dim); padding is not attended to."""
        q, k, v = self._by_head(self.self_qkv(self.self_norm(people)), 3)
        # An image without people attends to its padding: the result is not used, but must stay a number.
        mask = valid | ~valid.any(1, keepdim=True)
        people = people + self.self_out(_merged(q, k, v, mask[:, None, None]))
        (q,) = self._by_head(self.cross_q(self.cross_norm(people)), 1)
        k, v = self._by_head(self.cross_kv(context), 2)
        people = people + self.cross_out(_merged(q, k, v))
        return people + self.mlp(self.mlp_norm(people))

    def _by_head(self, x: torch.Tensor, parts: int) -> tuple[torch.Tensor, ...]:
        """(B, S, parts * heads * D) -> ``parts`` times (B, heads, S, D)."""
        return x.unflatten(-1, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)


class MultiHmrHead(nn.Module):
    """Detected patches and all patches of an image -> SMPL-X people. Runs in fp32 throughout."""

    FULL_PRECISION = True

    def __init__(self, config: MultiHmrConfig, grid: tuple[int, int]) -> None:
        super().__init__()
        self.config = config
        self.grid = grid
        context = config.token_dim + 3 + 6 * BANDS
        rotations = 6 * (1 + POSE_ROTATIONS)
        # The public tables named x hold the rows.
        self.cross_queries_x = nn.Parameter(torch.zeros(grid[0], context))
        self.cross_queries_y = nn.Parameter(torch.zeros(grid[1], context))
        self.cross_values_x = nn.Parameter(torch.zeros(grid[0], context))
        self.cross_values_y = nn.Parameter(torch.zeros(grid[1], context))
        self.init_body_pose: torch.Tensor
        self.init_betas: torch.Tensor
        self.init_cam: torch.Tensor
        self.register_buffer('init_body_pose', torch.tensor((1.0, 0, 0, 1, 0, 0)).repeat(1, 1 + POSE_ROTATIONS))
        self.register_buffer('init_betas', torch.zeros(1, 10))
        self.register_buffer('init_cam', torch.zeros(1, 3))
        self.register_buffer('init_expression', torch.zeros(1, 10))
        self.to_token_embedding = nn.Linear(context + rotations + 10 + 3, config.dim)
        self.pos_embedding = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.layers = nn.ModuleList(_Layer(config, context) for _ in range(config.layers))
        self.decpose = nn.Linear(config.dim, rotations)
        self.decshape = nn.Linear(config.dim, 10)
        self.deccam = nn.Linear(config.dim, 3)
        self.decexpression = nn.Linear(config.dim, 10)

    def load_public(self, state_dict: Mapping[str, torch.Tensor]) -> None:
        """Take the ``x_attention_head`` of a public Multi-HMR checkpoint.

        Raises:
            ValueError: keys are missing or mis-shaped; they are named.
        """
        own = {public_name(key): value for key, value in state_dict.items() if key.startswith('x_attention_head.')}
        own.pop(public_name(UNUSED), None)
        load_checked(self, own, 'Multi-HMR body head')

    def forward(
        self,
        tokens: torch.Tensor,
        index: torch.Tensor,
        valid: torch.Tensor,
        intrinsics: torch.Tensor,
        part: tuple[slice, slice] | None = None,
    ) -> MultiHmrPeople:
        """Decode M people in each of B images.

        Args:
            tokens: (B, P, token_dim) of the human encoder.
            index: (B, M) patches of the heads.
            valid: (B, M) bool; the others are padding.
            intrinsics: (B, 3, 3) pixels of the encoder's input.
            part: rows and columns of the patches that people look at; None: all.
        """
        with full_precision(tokens.device):
            context = torch.cat([tokens.float(), camera_embedding(intrinsics.float(), self.grid)], -1)
            row, column = index // self.grid[1], index % self.grid[1]
            people = take(context, index) + self.cross_queries_x[row] + self.cross_queries_y[column]
            start = torch.cat([self.init_body_pose, self.init_betas, self.init_cam], -1)
            people = torch.cat([people, start.expand(*index.shape, -1)], -1)
            people = self.to_token_embedding(people) + self.pos_embedding
            added = (self.cross_values_x[row] + self.cross_values_y[column]) * valid[..., None]
            context = context.scatter_add(1, index[..., None].expand_as(added), added)
            if part is not None:
                context = context.unflatten(1, self.grid)[:, part[0], part[1]].flatten(1, 2)
            for layer in self.layers:
                people = layer(people, context, valid)
            return self._decode(people, intrinsics)

    def _decode(self, token: torch.Tensor, intrinsics: torch.Tensor) -> MultiHmrPeople:
        pose6d = self.decpose(token) + self.init_body_pose
        rotations = from_6d(pose6d.unflatten(-1, (-1, 6)), 'columns')
        camera = self.deccam(token) + self.init_cam
        # The logarithm, not the depth, is scaled by the focal length over that of a 60 degree lens.
        side = max(self.grid) * self.config.patch
        focal = intrinsics[:, None, 0, 0] * (2 * math.tan(math.pi / 6) / side)
        depth = (camera[..., 0] * focal).exp().clamp(max=FARTHEST)
        return MultiHmrPeople(
            token=token,
            pose6d=pose6d,
            root_rotation=rotations[..., 0, :, :],
            pose=rotations[..., 1:, :, :],
            betas=self.decshape(token) + self.init_betas,
            expression=self.decexpression(token) + self.init_expression,
            camera=camera,
            depth=depth,
        )


def public_name(key: str) -> str:
    """The key here of a key of the public checkpoint."""
    for pattern, name in PUBLIC_NAMES:
        key = re.sub(pattern, name, key)
    return key


def camera_embedding(intrinsics: torch.Tensor, grid: tuple[int, int], patch: int = 14) -> torch.Tensor:
    """Fourier features of the rays of all patches: (B, 3, 3) -> (B, P, 99) as [ray | sines | cosines].

    The public weights were trained with (row, column) in the place of (x, y); so it is here.
    """
    rows, columns = (torch.arange(n, device=intrinsics.device) * patch + patch // 2 for n in grid)
    centres = torch.cartesian_prod(rows, columns).to(intrinsics.dtype)
    centres = functional.pad(centres, (0, 1), value=1.0)
    # inv_ex: inv waits for the device to check its result.
    rays = centres @ torch.linalg.inv_ex(intrinsics).inverse.mT
    angles = (rays[..., None] * _bands(rays.device)).flatten(-2)
    return torch.cat([rays, angles.sin(), angles.cos()], -1)


@functools.cache
def _bands(device: torch.device) -> torch.Tensor:
    return math.pi * torch.linspace(1.0, HIGHEST_BAND, BANDS, device=device)


def _merged(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Attention of (B, heads, S, D) -> (B, S, heads * D)."""
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
