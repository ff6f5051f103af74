"""What a session left out, and what a person should know about it: collected in one place, told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any


class Notices:
    """Counts by reason and sentences, until the next snapshot takes them along."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """What was left out since the session began, by reason."""
        self._told: Counter[str] = Counter()
        self._sentences: list[str] = []
        self._once: set[str] = set()

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

    def say_once(self, sentence: str) -> None:
        """Something that does not have to be said twice in a session."""
        if sentence not in self._once:
            self._once.add(sentence)
            self.say(sentence)

    def state_dict(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {
            'dropped': dict(self.dropped),
            'told': dict(self._told),
            'sentences': list(self._sentences),
            'once': sorted(self._once),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.dropped, self._told = Counter(state['dropped']), Counter(state['told'])
        self._sentences, self._once = list(state['sentences']), set(state['once'])

    def tell(self) -> tuple[dict[str, int], tuple[str, ...]]:
        """What was left out, and the sentences, since the last call."""
        new, sentences = dict(self.dropped - self._told), tuple(self._sentences)
        self._told, self._sentences = self.dropped.copy(), []
        return new, sentences
