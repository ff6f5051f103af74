"""The frozen objects that pass from package to package.

    ImageSet -> FrameFeatures -> ViewPeople -> Tracklets -> People -> Snapshot

Whoever reads this file knows the system. Conventions that hold everywhere:

* metres, seconds, radians; stamps are integer nanoseconds of ROS time (acquisition, never arrival);
* ``world_from_camera`` maps camera to world coordinates; cameras are optical (x right, y down, z forward);
  the world is z up once gravity is known;
* pixels are continuous: the centre of the first pixel of an image is (0.5, 0.5). A ROS CameraInfo puts it at
  (0, 0); ``chromm_ros.intake.decoding`` adds the half pixel and nothing below it has to think of it again;
* rotations are matrices, axis-angle or quaternions (x y z w) only at the borders of the package;
* V views, T time steps of a window, M detections of one image (padded), K people, J = 55 SMPL-X joints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np

from chromm_ros.conditions import Finding
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.skeleton import HEAD
from chromm_ros.states import HumanState, ViewState, WorldSource

if TYPE_CHECKING:  # the packages above import torch where they use it
    import torch

Array = TypeVar('Array', np.ndarray, 'torch.Tensor')

MAX_PEOPLE = 10
"""People per image that the network decodes (CHROMM appendix A)."""


@dataclass(frozen=True)
class ViewImage:
    """One rectified image and what is known of its camera."""

    pixels: np.ndarray  # (H, W, 3) uint8 RGB
    stamp: int  # acquisition time [ns]
    intrinsics: np.ndarray | None = None  # (3, 3) float64, pixels of this image; None: not calibrated
    world_from_camera: np.ndarray | None = None  # (4, 4) float64 at ``stamp``; None: not known
    depth: np.ndarray | None = None  # (H, W) float32 along the optical axis [m], NaN: unknown; None: no depth camera
    prepared: Any = None  # what the network made of the pixels ahead of its turn


@dataclass(frozen=True)
class ImageSet:
    """What the cameras saw at one time. A camera that gave nothing is missing from ``views``."""

    stamp: int  # reference time of the set [ns]: the stamp that messages made from it carry
    views: Mapping[str, ViewImage]  # in the order of the rig
    out_of_sync: frozenset[str] = frozenset()  # cameras whose stamps are too far from the others' to be of any set


@dataclass(frozen=True)
class FrameFeatures:
    """What the two encoders say about N images. Each row depends on its image alone, so rows may be cached."""

    scene: torch.Tensor  # (N, P, C) patch tokens of the scene encoder
    human: tuple[torch.Tensor | None, ...]
    """Of each row the patch tokens (Q, D) of the human encoder; None: its people are read, they are not needed."""
    image_sizes: tuple[tuple[int, int], ...]  # (height, width) of the original images, whose pixels people are in
    scene_size: tuple[int, int]  # (height, width) that all rows were brought to for the scene encoder

    def __len__(self) -> int:
        return len(self.image_sizes)

    @property
    def human_tokens(self) -> torch.Tensor:
        """(N, Q, D) float32 of rows that all have them."""
        import torch

        return torch.stack(cast('list[torch.Tensor]', self.human)).float()

    def take(self, rows: Sequence[int] | slice) -> FrameFeatures:
        """Some of the rows, in the order asked for."""
        index = list(range(len(self))[rows] if isinstance(rows, slice) else rows)
        human, sizes = tuple(self.human[row] for row in index), tuple(self.image_sizes[row] for row in index)
        return replace(self, scene=self.scene[index], human=human, image_sizes=sizes)

    @staticmethod
    def join(parts: Sequence[FrameFeatures]) -> FrameFeatures:
        """The rows of all parts, one after the other.

        Raises:
            ValueError: there is no part, or the parts were encoded at different sizes and cannot share a window.
        """
        sizes = {part.scene_size for part in parts}
        if len(sizes) != 1:
            raise ValueError(f'features of one window must have one size; these have {sorted(sizes) or "none"}')
        import torch

        return FrameFeatures(
            scene=torch.cat([part.scene for part in parts]),
            human=tuple(row for part in parts for row in part.human),
            image_sizes=tuple(size for part in parts for size in part.image_sizes),
            scene_size=sizes.pop(),
        )


@dataclass(frozen=True, kw_only=True)
class Detections(Generic[Array]):
    """What one image says about each person in it, in the frame of its camera. Leading axes (...) are free.

    Padded rows are not ``valid``: they hold zeros (identity for rotations) and mean nothing.
    """

    valid: Array
    """(...) bool."""
    score: Array
    """(...) head detection score in [0, 1]."""
    token: Array
    """(..., D) head token of the human encoder."""
    head_px: Array
    """(..., 2) head joint, pixels of the camera image."""
    pelvis_px: Array
    """(..., 2) pelvis, pixels of the camera image; may lie outside of it."""
    pose: Array
    """(..., 52, 3, 3) rotations of theta relative to the parent joints."""
    betas: Array
    """(..., 10) shape."""
    root_rotation: Array
    """(..., 3, 3) camera from body."""
    head: Array
    """(..., 3) head joint, camera frame [m]."""
    canonical_joints: Array
    """(..., 55, 3) joints with the root unrotated and the pelvis at the origin [m]."""
    landmarks: Array | None = None
    """(..., 33, 3) x, y [pixels of the camera image] and weight in [0, 1]; None: the network reads none."""

    @property
    def joints(self) -> Array:
        """(..., 55, 3) joints in the camera frame [m]."""
        turned = self.canonical_joints @ self.root_rotation.swapaxes(-1, -2)
        return turned + (self.head - turned[..., HEAD, :])[..., None, :]

    def detections(self) -> dict[str, Array]:
        """The arrays by name, those that are there; of a class that knows more, only those of the detections."""
        arrays = {field.name: getattr(self, field.name) for field in fields(Detections)}
        return {name: array for name, array in arrays.items() if array is not None}

    def each(self, function: Callable[[Array], Array]) -> Detections[Array]:
        """The detections with ``function`` applied to each of their arrays."""
        return Detections(**{name: function(array) for name, array in self.detections().items()})

    def take(self, index: Any) -> Detections[Array]:
        """The detections at ``index`` of the leading axes, as in ``array[index]``."""
        return self.each(lambda array: array[index])

    def moved(self, change: Similarity) -> Detections[Array]:
        """The same where the world is moved by ``change``: depths follow its scale, bodies never."""
        return Detections(**{**self.detections(), 'head': self.head * float(change.scale)})

    def nobody(self: Detections[np.ndarray]) -> Detections[np.ndarray]:
        """As many rows of which none is valid."""
        empty = self.each(np.zeros_like)
        for rotations in (empty.pose, empty.root_rotation):
            rotations[...] = np.eye(3)
        return empty

    @staticmethod
    def stack(parts: Sequence[Detections[np.ndarray]]) -> Detections[np.ndarray]:
        """(N, ...) of N parts of one shape."""
        columns = [part.detections() for part in parts]
        return Detections(**{name: np.stack([column[name] for column in columns]) for name in columns[0]})


@dataclass(frozen=True, kw_only=True)
class ViewPeople(Detections[np.ndarray]):
    """The detections (V, T, M) of a window, with the cameras that made them."""

    intrinsics: np.ndarray
    """(V, T, 3, 3) pixels of the camera image."""
    world_from_camera: np.ndarray
    """(V, T, 4, 4) in one frame for the whole window [m]."""
    given: np.ndarray
    """(V, T) bool: the pose was given (TF), not estimated."""
    seen: np.ndarray
    """(V, T) bool: the view gave an image at this step."""
    times: np.ndarray
    """(T,) seconds."""

    def moved(self, change: Similarity) -> ViewPeople:
        """The window in the world that ``change`` maps this one to: depths and camera poses, never the bodies."""
        head = super().moved(change).head
        return replace(self, head=head, world_from_camera=change.apply_poses(self.world_from_camera))


@dataclass(frozen=True)
class Tracklets:
    """Identity of every detection inside its own view."""

    ids: np.ndarray
    """(V, T, M) int; -1 where there is no detection or it was dropped. Ids are unique within a view only."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Detections that were left out, by reason."""


@dataclass(frozen=True)
class People:
    """The people of one window, fused over the views, in the world frame. K people, T steps."""

    identity: np.ndarray
    """(V, T, M) int: which of the K people a detection belongs to; -1: none."""
    valid: np.ndarray
    """(T, K) bool: seen by at least one view at this step."""
    pose: np.ndarray
    """(T, K, 52, 3, 3)."""
    betas: np.ndarray
    """(T, K, 10)."""
    root_rotation: np.ndarray
    """(T, K, 3, 3) world from body."""
    head: np.ndarray
    """(T, K, 3) [m]."""
    head_covariance: np.ndarray
    """(T, K, 3, 3) [m^2]."""
    joints: np.ndarray
    """(T, K, 55, 3) [m]."""
    fused: np.ndarray
    """(V, T, K) bool: the view's head was used (false: absent, or rejected as an outlier)."""
    residual: np.ndarray
    """(V, T, K) distance at which the view's ray to the head passes the fused head [m]; NaN: the view is absent."""
    measured: np.ndarray | None = None
    """(T, K) bool: pose and shape were fitted to the landmarks of several views; None: nobody's were."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Observations that were left out, by reason."""


@dataclass(frozen=True)
class Observation:
    """What one camera contributed to one person at the newest step."""

    view: str
    tracklet: int
    """Identity inside this view; lives as long as the person stays in the window of the view."""
    stamp: int  # [ns]
    score: float
    visible_fraction: float  # of the 22 body joints: inside the image and not hidden by the scene
    fused: bool
    head_px: np.ndarray  # (2,) pixels of the camera image
    pelvis_px: np.ndarray  # (2,)
    roi: tuple[int, int, int, int]  # x, y, width, height: box around the joints inside the image [px]
    residual: float  # distance at which this view's ray to the head passes the fused head [m]


@dataclass(frozen=True)
class Human:
    """One identity at the time of a snapshot, in the world frame."""

    id: int  # never reused within a session
    state: HumanState
    confidence: float  # existence probability
    first_observed: int  # [ns]
    last_observed: int  # [ns]
    absorbed: tuple[int, ...]  # ids merged into this one since the previous snapshot
    pose: np.ndarray  # (52, 3, 3)
    betas: np.ndarray  # (10,)
    root_rotation: np.ndarray  # (3, 3) world from body, filtered
    head: np.ndarray  # (3,) [m], filtered
    joints: np.ndarray  # (55, 3) [m]
    joint_rotations: np.ndarray  # (55, 3, 3) world from joint
    velocity: np.ndarray  # (3,) [m/s] of the pelvis
    angular_velocity: np.ndarray  # (3,) [rad/s], world frame
    covariance: np.ndarray  # (6, 6) of pelvis position [m^2] and orientation [rad^2], world frame
    velocity_covariance: np.ndarray  # (6, 6)
    joint_confidence: np.ndarray  # (55,) in [0, 1]; 0: the value is the prior
    joints_observed: np.ndarray  # (55,) bool: inside an image and not hidden in at least one view
    observations: tuple[Observation, ...]


@dataclass(frozen=True)
class CameraState:
    """One camera of the rig at the time of a snapshot."""

    view: str
    state: ViewState
    used: bool  # it contributed to this window
    stamp: int  # [ns] of its newest image; 0: none yet
    world_from_camera: np.ndarray | None  # (4, 4); None: not estimated yet
    intrinsics: np.ndarray | None  # (3, 3) pixels of the camera image
    given: bool  # the pose was given (TF), not estimated
    translation_error: float  # [m] against the given pose; NaN: none was given
    rotation_error: float  # [rad]
    bumped: bool = False
    """It stays farther away from its given pose than the network errs by itself."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with its images, or with the pose that came with them."""


@dataclass(frozen=True)
class Cloud:
    """Coloured points in the world frame."""

    points: np.ndarray  # (N, 3) float32 [m]
    colors: np.ndarray  # (N, 3) uint8 RGB
    confidence: np.ndarray  # (N,) float32 in [0, 1]

    @staticmethod
    def empty() -> Cloud:
        """No points."""
        return Cloud(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Step:
    """The people at one time of a window."""

    stamp: int  # [ns]
    humans: tuple[Human, ...]
    """Those that were observed at this time."""
    cameras: tuple[CameraState, ...]


@dataclass(frozen=True)
class Snapshot:
    """The world as the capture knows it after one window. Everything a message needs."""

    stamp: int  # [ns] of the newest image set used
    session: str  # UUID; changes whenever ids restart
    window: int  # counts processed windows within the session
    humans: tuple[Human, ...]
    cameras: tuple[CameraState, ...]  # all of the rig, in its order
    scene_update: Cloud  # static points of the newest images, people removed
    world_source: WorldSource
    scale: float
    """Metric scale applied to the output of the network (CHROMM s*)."""
    scale_spread: float
    """Standard deviation over the people that voted; NaN when nobody did."""
    seam_error: float
    """RMS distance of camera centres in the overlap with the previous window [m]; NaN: no overlap."""
    stages: Mapping[str, float]
    """Seconds spent in each stage of this window."""
    dropped: Mapping[str, int]
    """What this window left out, by reason."""
    messages: tuple[str, ...] = ()
    """Sentences for a person: a fallback was taken, a camera was bumped, memory ran out."""
    doubted: tuple[Human, ...] = ()
    """Not reported among ``humans``: some images see them, but more images that should do not."""
    steps: tuple[Step, ...] = ()
    """What happened since the previous snapshot, oldest first; the last step is at ``stamp``. More than one where the
    stride is larger than 1."""
    floor: float = math.nan
    """Height of the floor in the world frame [m]; NaN: nothing tells, or the world is not level."""
    findings: tuple[Finding, ...] = ()
    """What is wrong as long as it is, beside what concerns a single camera."""
