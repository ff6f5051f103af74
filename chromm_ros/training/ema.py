"""Exponential moving average of the weights: the average is what is evaluated and shipped."""

from __future__ import annotations

import torch
from torch import nn


class WeightAverage:
    """Averages the floating-point entries of a module's state; counters follow the newest value."""

    def __init__(self, module: nn.Module, decay: float = 0.998) -> None:
        self.decay = decay
        self.updates = 0
        self.state = {key: value.detach().clone() for key, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the weights after one step. The decay grows from 0, so that the first weights are forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (20 + self.updates))
        newest = module.state_dict()
        averaged = [key for key, value in newest.items() if value.is_floating_point()]
        # a few fused kernels instead of one per tensor
        torch._foreach_lerp_([self.state[key] for key in averaged], [newest[key] for key in averaged], 1 - decay)
        for key in newest.keys() - set(averaged):
            self.state[key].copy_(newest[key])

    def state_dict(self) -> dict[str, object]:
        return {'updates': self.updates, 'state': self.state}

    def load_state_dict(self, saved: dict) -> None:
        self.updates = saved['updates']
        for key, value in saved['state'].items():
            self.state[key].copy_(value)
