"""Where a token is, as rotations of its queries and keys.

Two encodings share one interface: ``encode`` before and ``decode`` after the attention.
``Rotary2D`` turns queries and keys by the place of the patch in its image. ``PoseRotary`` also tells attention
where the cameras of two tokens are relative to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

BASE = 100.0
"""Wavelengths grow from 2 pi to 2 pi * BASE patches."""


class PositionEncoding(Protocol):
    """What attention needs to know of positions. All tensors are (B, heads, S, D)."""

    def encode(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]: ...

    def decode(self, out: torch.Tensor) -> torch.Tensor: ...


def patch_positions(grid: tuple[int, int], specials: int, device: torch.device) -> torch.Tensor:
    """(specials + P, 2) row and column of every token of a view: special tokens at (0, 0), patches from (1, 1)."""
    rows, columns = (torch.arange(1, n + 1, device=device) for n in grid)
    patches = torch.cartesian_prod(rows, columns)
    return torch.cat([patches.new_zeros(specials, 2), patches])


@dataclass(frozen=True)
class Rotary2D:
    """RoPE2D: the first half of a head turns with the row, the second with the column."""

    cos: torch.Tensor  # (S, D)
    sin: torch.Tensor  # (S, D), negative for the first channel of each pair

    @staticmethod
    def at(positions: torch.Tensor, head_width: int, dtype: torch.dtype = torch.float32) -> Rotary2D:
        """Encoding of tokens at ``positions`` (S, 2) for heads of ``head_width`` channels.

        The angles are rounded to ``dtype`` before cos and sin. That is a quirk of the reference under bf16, but the
        public weights were trained with it.
        """
        count = head_width // 4
        steps = torch.arange(count, device=positions.device, dtype=torch.float32)
        angles = (positions.float()[..., None] * BASE ** (-steps / count)).to(dtype)
        cos, sin = angles.cos(), angles.sin()
        return Rotary2D(torch.stack((cos, cos), -2).flatten(-3), torch.stack((-sin, sin), -2).flatten(-3))

    def repeat(self, views: int) -> Rotary2D:
        """The same positions for every one of ``views`` views, whose tokens follow one another."""
        return Rotary2D(self.cos.repeat(views, 1), self.sin.repeat(views, 1))

    def take(self, tokens: torch.Tensor) -> Rotary2D:
        """Positions of some of the tokens, by their indices."""
        return Rotary2D(self.cos[tokens], self.sin[tokens])

    @staticmethod
    def join(parts: Sequence[Rotary2D]) -> Rotary2D:
        """Positions of the tokens of all parts, which follow one another."""
        return Rotary2D(torch.cat([part.cos for part in parts]), torch.cat([part.sin for part in parts]))

    def rotate(self, tokens: torch.Tensor) -> torch.Tensor:
        """Turn channel i of each half together with channel i + D/4. ``tokens`` (..., S, D)."""
        partners = tokens.unflatten(-1, (2, 2, -1)).flip(-2).flatten(-3)
        return tokens * self.cos.to(tokens.dtype) + partners * self.sin.to(tokens.dtype)

    def encode(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.rotate(q), self.rotate(k), v

    def decode(self, out: torch.Tensor) -> torch.Tensor:
        return out


@dataclass(frozen=True)
class PoseRotary:
    """PRoPE: half of a head is transformed by the camera, a quarter turns with the column, a quarter with the row.

    With E = camera_from_world, a logit between tokens of views i and j sees E_i E_j^-1 only: the relative pose.
    Values are transformed too, and the output is brought back into the frame of its own camera.
    """

    camera_from_world: torch.Tensor  # (B, N, 4, 4)
    world_from_camera: torch.Tensor  # (B, N, 4, 4)
    cos: torch.Tensor  # (P, 2, D / 8): column, then row
    sin: torch.Tensor

    @staticmethod
    def at(
        camera_from_world: torch.Tensor, world_from_camera: torch.Tensor, grid: tuple[int, int], head_width: int
    ) -> PoseRotary:
        """Encoding of the N * P patch tokens of views with poses (B, N, 4, 4), on ``grid`` (rows, columns)."""
        count = head_width // 8
        device = camera_from_world.device
        steps = torch.arange(count, device=device, dtype=torch.float32)
        # Unlike RoPE2D, patches count from 0 and the column comes first.
        positions = patch_positions(grid, 0, device).flip(-1).float() - 1
        angles = positions[..., None] * BASE ** (-steps / count)
        return PoseRotary(camera_from_world, world_from_camera, angles.cos(), angles.sin())

    def encode(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        query = self.camera_from_world.transpose(-1, -2)
        return (
            self._apply(q, query, self.sin),
            self._apply(k, self.world_from_camera, self.sin),
            self._apply(v, self.world_from_camera, self.sin),
        )

    def decode(self, out: torch.Tensor) -> torch.Tensor:
        return self._apply(out, self.camera_from_world, -self.sin)

    def _apply(self, tokens: torch.Tensor, matrices: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        """``matrices`` (B, N, 4, 4) on groups of four channels, rotation by minus the angle on the rest. In fp32."""
        views = matrices.shape[1]
        posed, turned = tokens.float().unflatten(-2, (views, -1)).chunk(2, -1)  # (B, heads, N, P, D / 2)
        posed = torch.einsum('bnij,bhnpgj->bhnpgi', matrices, posed.unflatten(-1, (-1, 4))).flatten(-2)
        a, b = turned.unflatten(-1, (2, 2, -1)).unbind(-2)
        turned = torch.stack((a * self.cos + b * sin, b * self.cos - a * sin), -2).flatten(-3)
        return torch.cat([posed, turned], -1).flatten(2, 3).to(tokens.dtype)
