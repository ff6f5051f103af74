"""What a session left out, and what a person should know about it: collected in one place, told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


class Notices:
    """Counts by reason and sentences, until the next snapshot takes them along."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """What was left out since the session began, by reason."""
        self._told: Counter[str] = Counter()
        self._sentences: list[str] = []

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Something could not be used."""
        if count:
            self.dropped[reason] += count

    def leave_out_all(self, counts: Mapping[str, int]) -> None:
        """Counts by reason that somebody else made."""
        self.dropped.update(counts)

    def say(self, sentence: str | None) -> None:
        """Something that a person should know; None: nothing."""
        if sentence:
            self._sentences.append(sentence)

    def tell(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """What was left out, and the sentences, since the last call."""
        new, sentences = dict(self.dropped - self._told), tuple(self._sentences)
        self._told, self._sentences = self.dropped.copy(), []
        return new, sentences
