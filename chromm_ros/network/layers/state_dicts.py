"""Putting somebody else's weights into our modules: every disagreement is named, nothing is skipped in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

NAMED = 8
"""Keys that a message lists before it only counts."""


@dataclass(frozen=True)
class Mismatch:
    """How a state dict differs from what a module expects."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]
    """``key: (found) instead of (expected)``."""

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.misshaped)

    def describe(self) -> str:
        """One line per kind of mismatch, the first keys by name."""
        kinds = (('missing', self.missing), ('unexpected', self.unexpected), ('wrong shape', self.misshaped))
        return '\n'.join(f'  {kind} ({len(keys)}): {listed(keys)}' for kind, keys in kinds if keys)


def listed(keys: Iterable[str]) -> str:
    """The first keys, and how many more there are."""
    keys = tuple(keys)
    more = f', ... and {len(keys) - NAMED} more' if len(keys) > NAMED else ''
    return ', '.join(keys[:NAMED]) + more


def compare(found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> Mismatch:
    """Compare shapes by key."""
    common = [key for key in expected if key in found]
    return Mismatch(
        missing=tuple(key for key in expected if key not in found),
        unexpected=tuple(key for key in found if key not in expected),
        misshaped=tuple(
            f'{key}: {tuple(found[key])} instead of {tuple(expected[key])}'
            for key in common
            if tuple(found[key]) != tuple(expected[key])
        ),
    )


def shapes(state_dict: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Key -> shape."""
    return {key: tuple(tensor.shape) for key, tensor in state_dict.items()}


def renamed(state_dict: Mapping[str, torch.Tensor], prefixes: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """The entries that begin with one of ``prefixes``, with that beginning replaced."""
    return {
        new + key[len(old) :]: tensor
        for key, tensor in state_dict.items()
        for old, new in prefixes.items()
        if key.startswith(old)
    }


def load_checked(
    module: nn.Module, state_dict: Mapping[str, torch.Tensor], source: str, without: tuple[str, ...] = ()
) -> None:
    """Load ``state_dict`` into all of ``module`` except the parts that begin with ``without``.

    A module on the meta device takes the tensors themselves, so that nothing is held twice.

    Raises:
        ValueError: the keys or shapes differ; they are named.
    """
    own = module.state_dict()
    expected = {key: tensor for key, tensor in own.items() if not key.startswith(without)} if without else own
    mismatch = compare(shapes(state_dict), shapes(expected))
    if mismatch:
        raise ValueError(f'these are not {source} weights for this {type(module).__name__}:\n{mismatch.describe()}')
    on_meta = any(tensor.is_meta for tensor in expected.values())
    module.load_state_dict(dict(state_dict), strict=False, assign=on_meta)
