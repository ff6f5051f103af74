"""Where the time of a window goes."""

from __future__ import annotations

import sys
import time


class StageClock:
    """Seconds spent in each stage. Every moment belongs to one stage, so the stages add up to the whole."""

    def __init__(self, exact: bool = False) -> None:
        """
        Args:
            exact: wait for the GPU at the end of each stage. Else its work is counted in the stage that needs the
                results, and nothing waits for it before.
        """
        self.seconds: dict[str, float] = {}
        self._exact = exact
        self._last = time.perf_counter()

    def end(self, stage: str) -> None:
        """Everything since the previous call belongs to ``stage``."""
        torch = sys.modules.get('torch') if self._exact else None
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now

    def resume(self) -> None:
        """Forget the time since the previous call: it was spent elsewhere."""
        self._last = time.perf_counter()
