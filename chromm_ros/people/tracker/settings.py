"""What may be chosen about people over time; how a network errs is not, it is measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from chromm_ros.people.tracker.kinematics import WalkingModel
from chromm_ros.settings import setting

STABLE_RATE = 3.0
"""Image sets per second from which ids are stable: five people exchange them ten times as often at 2 as at 4
(docs/tracking.md)."""


@dataclass(frozen=True)
class IdentitySettings:
    """Life of a person from the first observation to the last."""

    min_confidence: float = setting(
        0.5,
        'Existence probability from which a person is published. It rises with every camera that sees the person and '
        'falls with every camera that looks at the place and does not. 0: publish every detection.',
        low=0.0,
        high=1.0,
        live=True,
    )
    memory: float = setting(
        60.0,
        'Time since the last observation within which a person who returns can get the same id again.',
        unit='s',
        low=0.0,
        high=3600.0,
        live=True,
    )
    capacity: int = 256
    """Lost people that are remembered; those not seen for the longest time are forgotten first."""
    max_uncertainty: float = 0.5
    """Standard deviation of the place up to which somebody unseen is published [m]."""
    max_unseen: float = 10.0
    """Time for which somebody unseen is published at most [s]."""
    recall_prior: float = 1.0
    """Log odds that a newcomer is somebody remembered, before place, time and shape are compared."""
    walking: WalkingModel = field(default_factory=WalkingModel)
