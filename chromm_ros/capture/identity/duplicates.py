"""Two identities that are one person: the signs, and how long they have been there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chromm_ros.capture.identity.motion_filter import predict_head
from chromm_ros.capture.identity.person import Identity
from chromm_ros.capture.settings import IdentitySettings
from chromm_ros.capture.window.window_people import WindowPeople
from chromm_ros.flow import HumanState

FUSED_VOTE = 0.25
"""Share of the votes for somebody unseen that hints at two identities of one person."""

Pair = tuple[int, int]
"""Two ids, the older one first."""


class Duplicates:
    """How many windows in a row each pair of identities has looked like one person."""

    def __init__(self) -> None:
        self._evidence: dict[Pair, int] = {}

    def update(
        self,
        window: WindowPeople,
        live: Mapping[int, Identity],
        ids: Mapping[int, int],
        votes: Mapping[int, Mapping[int, float]],
        settings: IdentitySettings,
    ) -> list[Pair]:
        """Pairs that were one person for ``merge_windows`` windows.

        Args:
            live: identities by id.
            ids: person of the window -> id.
            votes: person -> id -> share of its votes.
        """
        pairs = _close_pairs(window, live, settings) | self._swallowed_pairs(window, live, ids, votes, settings)
        self._evidence = {pair: self._evidence.get(pair, 0) + 1 for pair in pairs}
        return [pair for pair, windows in self._evidence.items() if windows >= settings.merge_windows]

    def forget(self, identity: int) -> None:
        """An identity is gone."""
        self._evidence = {pair: count for pair, count in self._evidence.items() if identity not in pair}

    def _swallowed_pairs(
        self,
        window: WindowPeople,
        live: Mapping[int, Identity],
        ids: Mapping[int, int],
        votes: Mapping[int, Mapping[int, float]],
        settings: IdentitySettings,
    ) -> set[Pair]:
        """Pairs of which one is unseen since its detections went to the other, and would be where the other is."""
        pairs = set()
        for other in live.values():
            if other.seen_now or other.state is HumanState.LOST:
                continue
            place = predict_head(other.newest.motion, window.stamps[-1], settings)
            for person, identity in ids.items():
                pair = (min(identity, other.id), max(identity, other.id))
                hinted = pair in self._evidence or votes[person].get(other.id, 0.0) >= FUSED_VOTE
                if hinted and np.linalg.norm(place - live[identity].newest.motion.head) < settings.reach:
                    pairs.add(pair)
        return pairs


def _close_pairs(window: WindowPeople, live: Mapping[int, Identity], settings: IdentitySettings) -> set[Pair]:
    """Pairs observed now within ``merge_distance`` that no camera sees both of."""
    now = [identity for identity in live.values() if identity.last_observed == window.stamps[-1]]
    seen = window.people.identity[:, -1]  # (V, M)
    pairs = set()
    for n, a in enumerate(now):
        for b in now[n + 1 :]:
            apart = np.linalg.norm(a.newest.motion.head - b.newest.motion.head) > settings.merge_distance
            together = ((seen == a.newest.person).any(1) & (seen == b.newest.person).any(1)).any()
            if not apart and not together:
                pairs.add((min(a.id, b.id), max(a.id, b.id)))
    return pairs
