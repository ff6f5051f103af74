"""Where the time of a window goes."""

from __future__ import annotations

import sys
import time
from typing import Literal

Kind = Literal['wall', 'exact', 'cpu']


class StageClock:
    """Seconds spent in each stage. Every moment belongs to one stage, so the stages add up to the whole.

    Args:
        kind: ``wall``: work of a GPU is counted in the stage that needs the results; nothing waits for it before.
            ``exact``: the same after waiting for the GPU at the end of each stage. ``cpu``: processor time of this
            process, which means the same on a busy machine.
    """

    def __init__(self, kind: Kind = 'wall') -> None:
        self.seconds: dict[str, float] = {}
        self._waits = kind == 'exact'
        self._now = time.process_time if kind == 'cpu' else time.perf_counter
        self._last = self._now()

    def end(self, stage: str) -> None:
        """Everything since the previous call belongs to ``stage``."""
        torch = sys.modules.get('torch') if self._waits else None
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        now = self._now()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def resume(self) -> None:
        """Forget the time since the previous call: it was spent elsewhere."""
        self._last = self._now()
