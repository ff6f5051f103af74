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
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)

    def state_dict(self) -> dict[str, object]:
        return {'updates': self.updates, 'state': self.state}

    def load_state_dict(self, saved: dict) -> None:
        self.updates = saved['updates']
        for key, value in saved['state'].items():
            self.state[key].copy_(value)
