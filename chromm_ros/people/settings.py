"""Every setting of tracking, association, fusion and scale, with the values of the paper or of its sources."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class TrackingSettings:
    """People inside one view (CHROMM 3.3 and algorithm 1, lines 5 to 20)."""

    sinkhorn_iterations: int = 20
    """Sinkhorn iterations of the token matching."""
    dustbin: float = -10.0
    """Score of leaving a detection unmatched, against minus the scaled token distance."""
    match_threshold: float = 0.2
    """Transported mass above which two detections are one person."""
    token_distance: float = 0.0
    """L2 distance of head tokens half way between one person and two; 0: taken from each window."""
    motion_weight: float = 6.0
    """Weight of motion across the image against the scaled token distance; keeps people in uniform apart. 0: tokens
    alone, as in the paper."""
    max_age: int = 30
    """Steps after which an unseen person is forgotten; 0: only the step before counts."""
    max_speed: float = 6.0
    """Fastest movement of a person between two observations, beyond what errors of the estimates explain [m/s]."""
    min_split: int = 3
    """Implausible observations that agree among themselves become a tracklet of their own from this many on."""
    duplicate_distance: float = 0.15
    """Mean joint distance below which two detections of one image are one person; 0: never [m]."""


@dataclass(frozen=True)
class AssociationSettings:
    """The same person in several views (CHROMM eq. 4 and algorithm 1, lines 23 to 32)."""

    neighbours: int = 3
    """Nearest views that each view is compared with."""
    position_weight: float = 0.8
    """Weight of the distance between joints in the world."""
    pose_weight: float = 0.2
    """Weight of the distance between canonical joints."""
    joints: int = 22
    """Joints compared: 22 the body, 55 with hands and face."""
    threshold: float = 0.5
    """Cost from which two tracklets are not one person [m]."""
    min_overlap: int = 3
    """Steps that two tracklets must share; one that is shorter must be covered whole."""
    along_rays: bool = True
    """Move people along their viewing rays, as far as errors of depth explain, before positions are compared. False:
    positions as estimated, as in the paper."""
    ray_distance: float = 0.0
    """Two views see one person when their rays to the head pass this close to each other, however much the poses
    differ. 0: poses decide, as in the paper [m]."""


@dataclass(frozen=True)
class FusionSettings:
    """One person from its views (CHROMM 3.2)."""

    position: str = 'auto'
    """Head from the views. triangulation: where the rays meet, as in the paper; weighted: rays and depths by their
    covariance; average: mean of the positions; auto: triangulation, and weighted where a camera was estimated by a
    network that is known to misplace them."""
    pose_mean: str = 'chordal'
    """Mean of rotations. chordal: of matrices; axis_angle: of axis-angle vectors, the paper read literally."""
    use_scores: bool = False
    """Weight the views by their detection scores."""
    min_angle: float = 0.052
    """Largest angle between rays below which they are not triangulated [rad]."""
    max_ray_distance: float = 0.5
    """Distance of the head of the other views from the ray of a view above which it is left out [m]."""


@dataclass(frozen=True)
class ScaleSettings:
    """Metric scale of the scene from the people in it (CHROMM eq. 2 and 3)."""

    estimator: str = 'mean'
    """How the ratios of all people are combined. mean: as in the paper; median: robust; sums: ratio of the summed
    lengths, so that long lengths count more."""
    passes: int = 1
    """Times the ratio is computed again at the adjusted depth (perspective makes it inexact)."""
    min_length: float = 0.025
    """Head-pelvis length in the image below which a person has no vote, as a part of the image diagonal."""
    min_ratio: float = 0.3
    """Ratios below this have no vote."""
    max_ratio: float = 3.0
    """Ratios above this have no vote."""


@dataclass(frozen=True)
class PeopleSettings:
    """All settings of tracking, association, fusion and scale."""

    tracking: TrackingSettings = dataclasses.field(default_factory=TrackingSettings)
    association: AssociationSettings = dataclasses.field(default_factory=AssociationSettings)
    fusion: FusionSettings = dataclasses.field(default_factory=FusionSettings)
    scale: ScaleSettings = dataclasses.field(default_factory=ScaleSettings)
