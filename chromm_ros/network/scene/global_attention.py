"""How the tokens of all views see each other in the global blocks of the decoder: exactly, or for less work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch

from chromm_ros.network.layers.attention import Block, attend
from chromm_ros.network.layers.rotary import Rotary2D


class GlobalAttention(Protocol):
    """Runs one global block."""

    def __call__(self, block: Block, x: torch.Tensor, frame: Rotary2D, specials: int) -> torch.Tensor:
        """The block on ``x`` (B, N, T, C); ``frame``: positions of the T tokens, ``specials`` of them before the
        patches."""


def everybody(block: Block, x: torch.Tensor, frame: Rotary2D, specials: int) -> torch.Tensor:
    """Every token sees all tokens of all views."""
    return block(x.flatten(1, 2), frame.repeat(x.shape[1])).view_as(x)


@dataclass(frozen=True)
class EveryNth:
    """A token sees all of its own view, and of the others the special tokens and every ``step``-th patch.

    Nothing has to be trained for it: neighbouring patches say nearly the same. Work and time of long windows fall
    almost by the step.
    """

    step: int

    def __call__(self, block: Block, x: torch.Tensor, frame: Rotary2D, specials: int) -> torch.Tensor:
        views, tokens = x.shape[1:3]
        q, k, v = (each.unflatten(2, (views, tokens)) for each in block.attn.project(block.norm1(x.flatten(1, 2))))
        of_all = torch.zeros(tokens, dtype=torch.bool)
        of_all[:specials] = of_all[specials :: self.step] = True
        seen, rest = (mask.nonzero().flatten().to(x.device) for mask in (of_all, ~of_all))
        key_position = Rotary2D.join([frame.take(seen).repeat(views), frame.take(rest)])
        shared_k, shared_v = (each[:, :, :, seen].flatten(2, 3) for each in (k, v))
        attended = []
        for n in range(views):
            keys = torch.cat([shared_k, k[:, :, n, rest]], 2)
            values = torch.cat([shared_v, v[:, :, n, rest]], 2)
            attended.append(attend(q[:, :, n], keys, values, frame, key_position))
        return block.finish(x.flatten(1, 2), torch.cat(attended, 1)).view_as(x)


@dataclass
class Recall:
    """New views see each other and what earlier views left behind; those are not computed again.

    An earlier view keeps what it knew when it was new. In the exact window it would learn from later ones, too.
    """

    memory: torch.Tensor | None
    """(B, M, L, 2, heads, T, D) keys and values of M earlier views in the L global blocks; None: there are none."""
    left: list[torch.Tensor] = field(default_factory=list)
    """(B, N, 2, heads, T, D) of the new views, for each global block so far."""

    def __call__(self, block: Block, x: torch.Tensor, frame: Rotary2D, specials: int) -> torch.Tensor:
        views, tokens = x.shape[1:3]
        q, k, v = block.attn.project(block.norm1(x.flatten(1, 2)))
        new = torch.stack([k, v], 1).unflatten(3, (views, tokens)).movedim(3, 1)
        memory = [] if self.memory is None else [self.memory[:, :, len(self.left)].to(new.dtype)]
        self.left.append(new)
        known = torch.cat([*memory, new], 1)
        k, v = known.movedim(1, 3).flatten(3, 4).unbind(1)
        attended = attend(q, k, v, frame.repeat(views), frame.repeat(known.shape[1]))
        return block.finish(x.flatten(1, 2), attended).view_as(x)
