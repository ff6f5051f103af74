"""Every setting of the capture. The leaves of :class:`CaptureSettings` are the parameters of the node."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from chromm_ros.people.settings import AssociationSettings, PeopleSettings
from chromm_ros.settings import setting


@dataclass(frozen=True)
class WorldSettings:
    """Frame, scale and gravity of the world."""

    rig_moves: bool = setting(
        False,
        'Cameras without a known pose may move: windows are then tied through the images they share, which costs '
        'the heads of one more image set, instead of through the cameras.',
    )
    scale: str = setting(
        'auto',
        'What sets the scale. auto: the baselines of a given rig, else people; people: only them; network: neither.',
        choices=('auto', 'people', 'network'),
    )
    scale_prior: float = setting(
        0.1,
        'How far off the scale of the network itself may be (standard deviation of its logarithm).',
        low=0.001,
        high=2.0,
        live=True,
    )
    minimum_baseline: float = setting(
        0.3, 'Distance between two cameras from which it says something about scale.', unit='m', low=0.01, high=10.0
    )
    rig_memory: int = setting(
        50,
        'Windows over which the estimated poses of standing cameras are averaged.',
        unit='windows',
        low=1,
        high=10000,
    )
    camera_noise: float = setting(
        0.0,
        'Standard deviation of the position of an estimated camera, by which heads are then weighted instead of '
        'triangulated; 0: what the preset is known to have.',
        unit='m',
        low=0.0,
        high=10.0,
        live=True,
    )
    scale_smoothing: float = setting(
        0.02,
        'How much the true scale may drift from one window to the next (standard deviation of its logarithm).',
        low=0.0,
        high=1.0,
        live=True,
    )
    bump_translation: float = setting(
        0.3,
        'A camera is reported as bumped when it stays farther from its pose.',
        unit='m',
        low=0.01,
        high=10.0,
        live=True,
    )
    bump_rotation: float = setting(
        0.17, 'A camera is reported as bumped when it stays turned more.', unit='rad', low=0.01, high=3.14, live=True
    )
    bump_windows: int = setting(
        10,
        'Windows in a row that a camera must be off before it is reported.',
        unit='windows',
        low=1,
        high=1000,
        live=True,
    )
    find_floor: bool = setting(True, 'Level the world on the floor (z up, floor at zero) where the rig does not say.')
    floor_tolerance: float = setting(
        0.05, 'Distance from the floor within which a point belongs to it.', unit='m', low=0.005, high=0.5
    )


@dataclass(frozen=True)
class IdentitySettings:
    """Life of a person from the first observation to the last."""

    min_hits: int = setting(
        2, 'Observed windows before a person is no longer tentative.', unit='windows', low=1, high=100, live=True
    )
    timeout: float = setting(
        5.0, 'Time without an observation after which a person is lost.', unit='s', low=0.1, high=600.0, live=True
    )
    tentative_timeout: float = setting(
        1.0, 'The same for a tentative person.', unit='s', low=0.0, high=60.0, live=True
    )
    memory: float = setting(
        60.0,
        'Time after the last observation within which a person can get the same id again.',
        unit='s',
        low=0.0,
        high=3600.0,
        live=True,
    )
    capacity: int = setting(
        256, 'Lost people that are remembered; the oldest are forgotten first.', low=0, high=100000
    )
    reach: float = setting(
        0.6,
        'Distance between predicted and observed head within which they are the same person without other evidence.',
        unit='m',
        low=0.05,
        high=5.0,
        live=True,
    )
    walking_speed: float = setting(
        2.0,
        'Speed at which the place where an unseen person may come back grows.',
        unit='m/s',
        low=0.0,
        high=12.0,
        live=True,
    )
    reconnect_distance: float = setting(4.0, 'Limit of that growth.', unit='m', low=0.0, high=100.0, live=True)
    reconnect_cost: float = setting(
        1.0,
        'Largest cost of place, shape and token at which an unseen person is recognised again.',
        low=0.0,
        high=10.0,
        live=True,
    )
    shape_distance: float = setting(
        2.0,
        'Difference of shape (L2 norm of betas) that counts as much as the full distance.',
        low=0.01,
        high=100.0,
        live=True,
    )
    token_distance: float = setting(
        1.0,
        'Difference of head tokens, relative to that of different people, that counts as much as the full distance.',
        low=0.01,
        high=100.0,
        live=True,
    )
    merge_distance: float = setting(
        0.25,
        'Two people whose heads stay closer than this and are never seen by one camera at once are one.',
        unit='m',
        low=0.0,
        high=2.0,
        live=True,
    )
    merge_windows: int = setting(
        5, 'Windows in a row of evidence before two people become one.', unit='windows', low=1, high=1000, live=True
    )
    min_confidence: float = setting(
        0.4,
        'Existence probability below which a person is doubted and not reported: fewer cameras see it than should. '
        '0: report everybody.',
        low=0.0,
        high=1.0,
        live=True,
    )
    acceleration: float = setting(
        3.0, 'Standard deviation of the acceleration of a head.', unit='m/s^2', low=0.01, high=100.0, live=True
    )
    angular_acceleration: float = setting(
        6.0,
        'Standard deviation of the angular acceleration of a body.',
        unit='rad/s^2',
        low=0.01,
        high=300.0,
        live=True,
    )
    head_noise: float = setting(
        0.03, 'Least standard deviation of an observed head.', unit='m', low=0.001, high=1.0, live=True
    )
    rotation_noise: float = setting(
        0.12, 'Standard deviation of an observed root rotation.', unit='rad', low=0.001, high=3.14, live=True
    )
    prediction_horizon: float = setting(
        1.0,
        'Longest time over which a motion is extrapolated; after it the person stands still and grows uncertain.',
        unit='s',
        low=0.0,
        high=10.0,
        live=True,
    )


@dataclass(frozen=True)
class SceneSettings:
    """The static scene: a voxel map with age and a cap."""

    voxel: float = setting(0.05, 'Edge of a voxel.', unit='m', low=0.005, high=1.0)
    capacity: int = setting(
        200000, 'Voxels that are kept; the longest unseen give way.', unit='voxels', low=1024, high=20000000
    )
    max_age: float = setting(
        600.0,
        'A voxel that was not seen for this long is forgotten; 0: never.',
        unit='s',
        low=0.0,
        high=1e6,
        live=True,
    )
    min_hits: int = setting(
        2,
        'Windows that must have seen a voxel before it belongs to the static scene.',
        unit='windows',
        low=1,
        high=100,
        live=True,
    )
    points_per_window: int = setting(
        12000,
        'Points of the newest images that enter the map and the update.',
        unit='points',
        low=100,
        high=5000000,
        live=True,
    )
    range: float = setting(
        20.0, 'Points farther from their camera than this are left out.', unit='m', low=0.1, high=1000.0, live=True
    )
    edge: float = setting(
        0.05,
        'Bend of the depth against a plane, as a part of the depth, that marks the flying points of an edge.',
        low=0.001,
        high=1.0,
        live=True,
    )
    confidence: float = setting(
        0.1, 'Least confidence of a point; used where confidence is computed.', low=0.0, high=1.0, live=True
    )
    with_confidence: bool = setting(False, 'Compute the confidence of points (costs a branch of the network).')
    occlusion_margin: float = setting(
        0.35,
        'A joint is hidden when the scene is closer to the camera by more than this.',
        unit='m',
        low=0.0,
        high=5.0,
        live=True,
    )


def live_people() -> PeopleSettings:
    """The people room's defaults are the paper's, for 25 steps and a large network. Live windows have few steps, and
    a small network has rough depths: there, fewer pairs of tracklets would be found and people would be doubled."""
    return PeopleSettings(association=AssociationSettings(min_overlap=1, depth_tolerance=0.15, ray_distance=0.25))


@dataclass(frozen=True)
class CaptureSettings:
    """All settings of a :class:`~chromm_ros.capture.capture.Capture`."""

    window_size: int = setting(4, 'Image sets that the network sees together.', unit='image sets', low=1, high=64)
    people_window: int = setting(
        4,
        'Newest image sets in which people are tracked and matched between cameras, however long the window is.',
        unit='image sets',
        low=1,
        high=64,
    )
    window_stride: int = setting(
        1, 'Image sets from one window to the next.', unit='image sets', low=1, high=64, live=True
    )
    max_interval: float = setting(
        0.0,
        'Processing time that one image set may cost. Slower windows raise the stride, until there is time again; 0: '
        'never.',
        unit='s',
        low=0.0,
        high=60.0,
        live=True,
    )
    max_stride: int = setting(
        8, 'Limit of the stride that slow windows raise.', unit='image sets', low=1, high=64, live=True
    )
    max_gap: float = setting(
        3.0, 'Images older than this against the newest leave the window.', unit='s', low=0.01, high=3600.0, live=True
    )
    max_out_of_order: float = setting(
        0.5,
        'An image set that is late by at most this is dropped; a larger step back in time starts a new session.',
        unit='s',
        low=0.0,
        high=60.0,
        live=True,
    )
    camera_timeout: float = setting(
        1.0,
        'A camera is missing when its newest image is older than this against the newest set; before, it is stale.',
        unit='s',
        low=0.01,
        high=600.0,
        live=True,
    )
    max_skew: float = setting(
        0.05,
        'Difference between the stamp of an image and that of its set from which the camera counts as out of sync.',
        unit='s',
        low=0.0,
        high=10.0,
        live=True,
    )
    extrinsics: str = setting(
        'auto',
        'Where camera poses come from. tf: only what is given, cameras without a pose are left out; estimated: the '
        'network; tf_then_refine: given, then corrected slowly by the network; auto: given where known, else '
        'estimated.',
        choices=('auto', 'tf', 'estimated', 'tf_then_refine'),
    )
    use_intrinsics: bool = setting(True, 'Use the calibration of CameraInfo where there is one.')
    world: WorldSettings = dataclasses.field(default_factory=WorldSettings)
    people: PeopleSettings = dataclasses.field(default_factory=live_people)
    identity: IdentitySettings = dataclasses.field(default_factory=IdentitySettings)
    scene: SceneSettings = dataclasses.field(default_factory=SceneSettings)
