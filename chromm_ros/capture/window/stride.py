"""How many image sets go from one window to the next when windows are slow."""

from __future__ import annotations

from chromm_ros.capture.settings import CaptureSettings

CALM = 0.8
"""Share of the allowed time below which the stride may fall: less than 1, or it would rise and fall in turns."""


class Stride:
    """Raises the stride while an image set costs more time than it may, and lowers it again."""

    def __init__(self, settings: CaptureSettings):
        self.settings = settings
        self.now = settings.window_stride

    def adapt(self, seconds: float, image_sets: int) -> str | None:
        """Learn that a window of so many new image sets took ``seconds``; a sentence when that changes the stride."""
        allowed, least = self.settings.max_interval, self.settings.window_stride
        if allowed <= 0 or image_sets < self.now:
            return None
        before = self.now
        if seconds > allowed * self.now:
            self.now = min(self.now + 1, max(self.settings.max_stride, least))
        elif self.now > least and seconds < CALM * allowed * (self.now - 1):
            self.now -= 1
        if self.now == before:
            return None
        return f'A window took {seconds:.2f} s: there is one for every {self.now} image sets now.'
