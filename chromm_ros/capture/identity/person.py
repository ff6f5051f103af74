"""One person of a session. Changed by :class:`~chromm_ros.capture.identity.identities.Identities` alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chromm_ros.capture.identity.motion_filter import Motion
from chromm_ros.flow import HumanState

HALF = 0.5
"""Existence probability of somebody seen for the first time."""


@dataclass(frozen=True)
class TrackState:
    """One person at one time at which cameras saw it."""

    stamp: int  # [ns]
    person: int
    """Column in the People of the window."""
    motion: Motion
    """Filtered, this observation included."""
    pose: np.ndarray  # (52, 3, 3)
    canonical_joints: np.ndarray  # (55, 3) pelvis at the origin, root unrotated [m]
    joint_rotations: np.ndarray  # (55, 3, 3) of the joints with the root unrotated


@dataclass
class Identity:
    """One person."""

    id: int
    newest: TrackState
    betas: np.ndarray  # (10,) running mean
    token: np.ndarray  # (D,) running mean
    first_observed: int  # [ns]
    seen_now: bool = True
    """At the newest step."""
    hits: int = 1
    confidence: float = HALF
    trusted: bool = False
    """It was once believed in."""
    state: HumanState = HumanState.TENTATIVE
    absorbed: list[int] = field(default_factory=list)
    """Since the last snapshot."""

    @property
    def last_observed(self) -> int:
        """[ns]"""
        return self.newest.stamp
