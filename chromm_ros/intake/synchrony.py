"""How well the cameras of a rig are synchronised, in words: what keeps images from making sets."""

from __future__ import annotations

import math
from collections import Counter

from chromm_ros import conditions
from chromm_ros.conditions import Finding
from chromm_ros.intake.dating import NANO
from chromm_ros.intake.rig_buffer import RigBuffer

LOST_SHARE = 0.5
"""Of the image sets, from which the synchronisation is not well."""

SLOP_MARGIN = 1.1
"""The ``sync_slop`` that is recommended, over the distance that was measured."""


def sync_findings(buffer: RigBuffer, lost: float | None = None) -> list[Finding]:
    """Why image sets are lost; empty while most are not.

    Args:
        buffer: of the rig.
        lost: share of the image sets; None: of the newest ones.
    """
    lost = buffer.lost_share() if lost is None else lost
    if lost <= LOST_SHARE:
        return []
    slop, spread = buffer.limits.slop, buffer.spread()
    if spread is not None and spread > slop:
        distance, enough = spread / NANO, math.ceil(1e3 * SLOP_MARGIN * spread / NANO) / 1e3
        return [conditions.FREE_RUNNING.found(distance=distance, slop=slop / NANO, enough=enough, share=lost)]
    reasons = Counter(reason for queue in buffer.queues.values() for reason in queue.outcomes.copy() if reason)
    words = ', '.join(f'{count} {reason}' for reason, count in reasons.most_common(3))
    return [conditions.UNPAIRED.found(reasons=words, min_views=buffer.limits.min_views)]
