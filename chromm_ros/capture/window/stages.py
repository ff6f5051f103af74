"""Where the time of a window goes."""

from __future__ import annotations

import sys
import time


class StageClock:
    """Seconds spent in each stage. Every moment belongs to one stage, so the stages add up to the whole."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def end(self, stage: str) -> None:
        """Everything since the previous call belongs to ``stage``."""
        torch = sys.modules.get('torch')
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.synchronize()  # or the work of one stage would be counted in the next
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def resume(self) -> None:
        """Forget the time since the previous call: it was spent elsewhere."""
        self._last = time.perf_counter()
