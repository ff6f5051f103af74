"""Every setting of the capture. Those made with :func:`~chromm_ros.settings.setting` are parameters of the node."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from chromm_ros.people.settings import PeopleSettings
from chromm_ros.people.tracker import IdentitySettings
from chromm_ros.settings import setting


@dataclass(frozen=True)
class WorldSettings:
    """Frame, scale and gravity of the world."""

    rig_moves: bool = setting(
        False,
        'Cameras without a given pose may move: each window is then tied to the last through the images they share, '
        'which costs the heads of one more image set, instead of through the cameras.',
    )
    scale: str = setting(
        'auto',
        'What sets the metric scale. auto: the baselines of a given rig, else the height of people; people: people '
        'alone; network: the scale that the network predicts.',
        choices=('auto', 'people', 'network'),
    )
    scale_prior: float = 0.1
    """How far off the scale of the network itself may be (standard deviation of its logarithm)."""
    minimum_baseline: float = 0.3
    """Distance between two cameras from which it says something about scale [m]."""
    rig_memory: int = 50
    """Windows over which the estimated poses of standing cameras are averaged."""
    scale_smoothing: float = 0.02
    """How much the true scale may drift from one window to the next (standard deviation of its logarithm)."""
    bump_translation: float = 0.3
    """Position error above which a camera is reported as moved [m]."""
    bump_rotation: float = 0.17
    """Rotation error above which a camera is reported as moved [rad]."""
    bump_windows: int = 10
    """Windows in a row that a camera must be off before it is reported."""
    find_floor: bool = setting(
        True, 'Level the world on the floor (z up, floor at zero) where no camera pose is given.'
    )
    floor_tolerance: float = 0.05
    """Distance from the floor within which a point belongs to it [m]."""


@dataclass(frozen=True)
class SceneSettings:
    """The static scene: a voxel map with age and a cap."""

    voxel: float = setting(0.05, 'Edge of a voxel of the static scene.', unit='m', low=0.005, high=1.0)
    capacity: int = setting(
        200000,
        'Largest number of voxels of the static scene; those not seen for the longest time are dropped first.',
        unit='voxels',
        low=1024,
        high=20000000,
    )
    max_age: float = setting(
        600.0,
        'Time after which a voxel of the static scene that was not seen again is dropped; 0: never.',
        unit='s',
        low=0.0,
        high=1e6,
        live=True,
    )
    min_hits: int = 2
    """Windows that must have seen a voxel before it belongs to the static scene."""
    points_per_window: int = 12000
    """Points of the newest images that enter the map and the update."""
    range: float = setting(
        20.0,
        'Largest distance from its camera of a point that enters the static scene.',
        unit='m',
        low=0.1,
        high=1000.0,
        live=True,
    )
    edge: float = 0.05
    """Bend of the depth against a plane, as a part of the depth, that marks the flying points of an edge."""
    confidence: float = 0.1
    """Least confidence of a point; used where confidence is computed."""
    with_confidence: bool = False
    """Compute the confidence of points (costs a branch of the network)."""
    occlusion_margin: float = 0.35
    """A joint is hidden when the scene is closer to the camera by more than this [m]."""


@dataclass(frozen=True)
class CaptureSettings:
    """All settings of a :class:`~chromm_ros.capture.capture.Capture`."""

    window_size: int = setting(
        4, 'Number of image sets that the network sees together.', unit='image sets', low=1, high=64
    )
    stage_clock: Literal['wall', 'exact', 'cpu'] = 'wall'
    """What the times of stages are: see :class:`~chromm_ros.capture.window.stages.StageClock`. ``exact`` costs
    speed."""
    window_mode: str = setting(
        'exact',
        'exact: the decoder computes the whole window anew; streaming: only the new image set, which sees what the '
        'earlier ones left behind. Faster by the size of the window, not exact; measure the accuracy.',
        choices=('exact', 'streaming'),
    )
    window_stride: int = setting(
        1, 'Number of image sets from one window to the next.', unit='image sets', low=1, high=64, live=True
    )
    max_interval: float = 0.0
    """Processing time that one image set may cost [s]; slower windows raise ``window_stride``. 0: never."""
    max_stride: int = 8
    """Limit of the stride that slow windows raise."""
    max_gap: float = 3.0
    """Images older than this against the newest leave the window [s]."""
    max_out_of_order: float = 0.5
    """Step back in time up to which an image set is late and dropped [s]; a larger one starts a new session."""
    camera_timeout: float = setting(
        1.0,
        'Age of the newest image of a camera, against the newest image set, from which the camera counts as missing.',
        unit='s',
        low=0.01,
        high=600.0,
        live=True,
    )
    max_skew: float = 0.05
    """Difference between the stamp of an image and that of its set from which the camera counts as out of sync
    [s]."""
    extrinsics: str = setting(
        'auto',
        'Where camera poses come from. tf: from TF, cameras without a pose are left out; estimated: from the '
        'network, or from people (preset open); tf_then_refine: from TF, then corrected slowly by the same; auto: '
        'from TF where it has them, else estimated.',
        choices=('auto', 'tf', 'estimated', 'tf_then_refine'),
    )
    use_intrinsics: bool = setting(
        True, 'Use the intrinsics of CameraInfo where there are any; false: the network estimates them.'
    )
    world: WorldSettings = dataclasses.field(default_factory=WorldSettings)
    people: PeopleSettings = dataclasses.field(default_factory=PeopleSettings)
    identity: IdentitySettings = dataclasses.field(default_factory=IdentitySettings)
    scene: SceneSettings = dataclasses.field(default_factory=SceneSettings)
