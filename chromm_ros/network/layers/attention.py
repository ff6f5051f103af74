"""The one attention block. Encoders, decoder, head transformers and pose injection are configurations of it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from chromm_ros.network.layers.precision import full_precision
from chromm_ros.network.layers.rotary import PositionEncoding, Rotary2D

BLOCK_EPS = 1e-6
"""Of the layer norms of blocks. Those of queries and keys have PyTorch's 1e-5; public weights know the difference."""


LONGEST_EXPLICIT = 256
"""Tokens up to which two products beat the fused kernel when training on a CPU (the tiny preset's frame has 113)."""


class LayerScale(nn.Module):
    """One learned factor per channel on the branch of a residual."""

    def __init__(self, width: int, initial: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), initial))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gamma


class Mlp(nn.Module):
    """Linear, GELU (erf), linear."""

    def __init__(self, width: int, hidden: int, out: int | None = None) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width if out is None else out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    position: PositionEncoding | None = None,
    key_position: Rotary2D | None = None,
) -> torch.Tensor:
    """softmax(q k^T / sqrt(D)) v with an optional position encoding; (B, heads, S, D) -> (B, S, heads * D).

    Keys may be others than the queries; ``key_position`` is then where they are.

    There are no masks: whoever is not to be seen is not passed in, so inference never holds an S x S tensor.
    """
    dtype = v.dtype
    half_on_cpu = q.device.type == 'cpu' and dtype is not torch.float32
    explicit = half_on_cpu and torch.is_grad_enabled() and q.shape[-2] <= LONGEST_EXPLICIT
    if half_on_cpu and not explicit:
        q, k, v = q.float(), k.float(), v.float()
    with full_precision(q.device):
        if key_position is not None:
            k = key_position.rotate(k)
            q = q if position is None else position.encode(q, q, v)[0]
        elif position is not None:
            q, k, v = position.encode(q, k, v)
        out = _explicit(q, k, v) if explicit else functional.scaled_dot_product_attention(q, k, v)
        if position is not None:
            out = position.decode(out)
    return out.transpose(1, 2).flatten(2).to(dtype)


def _explicit(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attention as two products, for training on short sequences on CPUs in half precision.

    There the fused kernel and its gradient take 1.7 (fp32) to 5 (bf16) times as long.
    """
    return (q @ (k * q.shape[-1] ** -0.5).transpose(-1, -2)).softmax(-1) @ v


class Attention(nn.Module):
    """Multi-head self-attention; rows of ``qkv`` are [q | k | v], each by head."""

    def __init__(self, width: int, heads: int, qk_norm: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.q_norm = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()
        self.k_norm = nn.LayerNorm(width // heads) if qk_norm else nn.Identity()

    def forward(self, x: torch.Tensor, position: PositionEncoding | None = None) -> torch.Tensor:
        """(B, S, C) -> (B, S, C)."""
        return self.proj(attend(*self.project(x), position))

    def project(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Queries, keys and values (B, heads, S, D) of tokens (B, S, C), before their positions are in them."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # Autocast promotes norms to fp32; the kernel wants one dtype.
        return self.q_norm(q).to(v.dtype), self.k_norm(k).to(v.dtype), v


class Block(nn.Module):
    """Pre-norm transformer block: attention, then MLP, each with a residual and an optional LayerScale.

    Args:
        width: channels of the tokens.
        heads: attention heads.
        qk_norm: layer norm on the queries and keys of every head.
        layer_scale: initial factor of both branches; None: no LayerScale.
        ratio: hidden width of the MLP over ``width``.
    """

    def __init__(
        self, width: int, heads: int, *, qk_norm: bool = False, layer_scale: float | None = None, ratio: int = 4
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.attn = Attention(width, heads, qk_norm)
        self.ls1 = nn.Identity() if layer_scale is None else LayerScale(width, layer_scale)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.mlp = Mlp(width, ratio * width)
        self.ls2 = nn.Identity() if layer_scale is None else LayerScale(width, layer_scale)

    def forward(self, x: torch.Tensor, position: PositionEncoding | None = None) -> torch.Tensor:
        """(B, S, C) -> (B, S, C). The residual stream keeps the dtype of ``x``: give it fp32."""
        return self.finish(x, attend(*self.attn.project(self.norm1(x)), position))

    def finish(self, x: torch.Tensor, attended: torch.Tensor) -> torch.Tensor:
        """The rest of the block, given what the tokens ``x`` attended to (B, S, C)."""
        x = x + self.ls1(self.attn.proj(attended))
        return x + self.ls2(self.mlp(self.norm2(x)))


class CrossAttention(nn.Module):
    """Few queries read many tokens. Queries sit at (0, 0), where the rotary encoding is the identity."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, context: torch.Tensor, position: Rotary2D) -> torch.Tensor:
        """``x`` (B, Q, C) reads ``context`` (B, S, C), whose tokens are at ``position``."""
        q, k, v = (
            project(tokens).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project, tokens in ((self.q_proj, x), (self.k_proj, context), (self.v_proj, context))
        )
        return self.proj(attend(q, position.rotate(k), v))


class CrossBlock(nn.Module):
    """Cross-attention, then MLP. The numbering of the norms is that of the public weights."""

    def __init__(self, width: int, heads: int, ratio: int = 4) -> None:
        super().__init__()
        self.norm_y = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.cross_attn = CrossAttention(width, heads)
        self.norm3 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.mlp = Mlp(width, ratio * width)

    def forward(self, x: torch.Tensor, context: torch.Tensor, position: Rotary2D) -> torch.Tensor:
        x = x + self.cross_attn(self.norm2(x), self.norm_y(context), position)
        return x + self.mlp(self.norm3(x))
