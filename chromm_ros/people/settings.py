"""Every setting of tracking, association, fusion and scale, with the values of the paper or of its sources."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from chromm_ros.settings import setting


@dataclass(frozen=True)
class TrackingSettings:
    """People inside one view (CHROMM 3.3 and algorithm 1, lines 5 to 20)."""

    sinkhorn_iterations: int = setting(20, 'Sinkhorn iterations of the token matching.', low=1, high=1000, live=True)
    dustbin: float = setting(
        -10.0, 'Score of leaving a detection unmatched, against minus the scaled token distance.', high=0.0, live=True
    )
    match_threshold: float = setting(
        0.2, 'Transported mass above which two detections are one person.', low=0.0, high=1.0, live=True
    )
    token_distance: float = setting(
        0.0,
        'L2 distance of head tokens half way between one person and two; 0: taken from each window.',
        low=0.0,
        live=True,
    )
    motion_weight: float = setting(
        6.0,
        'What the way across the image counts, against the scaled token distance; keeps people in uniform apart. '
        '0: tokens alone, as in the paper.',
        low=0.0,
        high=100.0,
        live=True,
    )
    max_age: int = setting(
        30,
        'Steps after which an unseen person is forgotten; 0: only the step before counts.',
        unit='steps',
        low=0,
        live=True,
    )
    max_jump: float = setting(
        0.2,
        'Mean joint displacement between two observations that noise explains.',
        unit='m',
        low=0.0,
        live=True,
    )
    depth_jump: float = setting(
        0.1,
        'Added to it for every metre from the camera: what noise in depth explains.',
        low=0.0,
        live=True,
    )
    max_speed: float = setting(
        6.0,
        'Added to it for every second between them (together 0.5 m at 30 Hz, 1 m from the camera).',
        unit='m/s',
        low=0.0,
        live=True,
    )
    min_split: int = setting(
        3,
        'Implausible observations that agree among themselves become a tracklet of their own from this many on.',
        unit='steps',
        low=2,
        live=True,
    )
    duplicate_distance: float = setting(
        0.15,
        'Mean joint distance below which two detections of one image are one person; 0: never.',
        unit='m',
        low=0.0,
        live=True,
    )


@dataclass(frozen=True)
class AssociationSettings:
    """The same person in several views (CHROMM eq. 4 and algorithm 1, lines 23 to 32)."""

    neighbours: int = setting(3, 'Nearest views that each view is compared with.', low=1, high=64, live=True)
    position_weight: float = setting(
        0.8, 'Weight of the distance between joints in the world.', low=0.0, high=1.0, live=True
    )
    pose_weight: float = setting(
        0.2, 'Weight of the distance between canonical joints.', low=0.0, high=1.0, live=True
    )
    joints: int = setting(
        22, 'Joints compared: 22 the body, 55 with hands and face.', unit='joints', low=1, high=55, live=True
    )
    threshold: float = setting(0.5, 'Cost from which two tracklets are not one person.', unit='m', low=0.0, live=True)
    min_overlap: int = setting(
        3,
        'Steps that two tracklets must share; one that is shorter must be covered whole.',
        unit='steps',
        low=1,
        live=True,
    )
    depth_tolerance: float = setting(
        0.1,
        'Part of its depth by which a person may be moved along the viewing ray before positions are compared '
        '(standard deviation): one view knows a depth badly. 0: positions as estimated, as in the paper.',
        low=0.0,
        high=1.0,
        live=True,
    )
    ray_distance: float = setting(
        0.0,
        'Two views see one person when their rays to the head pass this close to each other, however much the poses '
        'differ. 0: poses decide, as in the paper.',
        unit='m',
        low=0.0,
        high=2.0,
        live=True,
    )


@dataclass(frozen=True)
class FusionSettings:
    """One person from its views (CHROMM 3.2)."""

    position: str = setting(
        'triangulation',
        'Head from the views. triangulation: where the rays meet, as in the paper; weighted: rays and depths by '
        'their covariance; average: mean of the positions.',
        choices=('triangulation', 'weighted', 'average'),
        live=True,
    )
    pose_mean: str = setting(
        'chordal',
        'Mean of rotations. chordal: of matrices; axis_angle: of axis-angle vectors, the paper read literally.',
        choices=('chordal', 'axis_angle'),
        live=True,
    )
    use_scores: bool = setting(False, 'Weight the views by their detection scores.', live=True)
    min_angle: float = setting(
        0.052,
        'Largest angle between rays below which they are not triangulated.',
        unit='rad',
        low=0.0,
        high=1.6,
        live=True,
    )
    max_ray_distance: float = setting(
        0.5,
        'Distance of the head of the other views from the ray of a view above which it is left out.',
        unit='m',
        low=0.0,
        live=True,
    )
    ray_noise: float = setting(
        0.006, 'Standard deviation of the direction of a detected head.', unit='rad', low=1e-5, high=1.0, live=True
    )
    depth_noise: float = setting(
        0.08, 'Standard deviation of an estimated depth as a part of the depth.', low=1e-4, high=10.0, live=True
    )
    camera_noise: float = setting(0.01, 'Standard deviation of a camera position.', unit='m', low=0.0, live=True)


@dataclass(frozen=True)
class ScaleSettings:
    """Metric scale of the scene from the people in it (CHROMM eq. 2 and 3)."""

    estimator: str = setting(
        'mean',
        'How the ratios of all people are combined. mean: as in the paper; median: robust; sums: ratio of the summed '
        'lengths, so that long lengths count more.',
        choices=('mean', 'median', 'sums'),
        live=True,
    )
    passes: int = setting(
        1,
        'Times the ratio is computed again at the adjusted depth (perspective makes it inexact).',
        low=1,
        high=20,
        live=True,
    )
    min_length: float = setting(
        0.025,
        'Head-pelvis length in the image below which a person has no vote, as a part of the image diagonal.',
        low=0.0,
        high=1.0,
        live=True,
    )
    min_ratio: float = setting(0.3, 'Ratios below this have no vote.', low=0.0, high=1.0, live=True)
    max_ratio: float = setting(3.0, 'Ratios above this have no vote.', low=1.0, live=True)


@dataclass(frozen=True)
class PeopleSettings:
    """All settings of the people room."""

    tracking: TrackingSettings = dataclasses.field(default_factory=TrackingSettings)
    association: AssociationSettings = dataclasses.field(default_factory=AssociationSettings)
    fusion: FusionSettings = dataclasses.field(default_factory=FusionSettings)
    scale: ScaleSettings = dataclasses.field(default_factory=ScaleSettings)
