"""A capture that computes nothing: what is left is the work of whoever asks it. Used by benchmarks and by tests."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import (
    CameraState,
    Cloud,
    Human,
    HumanState,
    ImageSet,
    Observation,
    Snapshot,
    ViewImage,
    ViewState,
    WorldSource,
)
from chromm_ros.skeleton import HEAD, JOINTS, POSE_ROTATIONS

FACING_X = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""World (z up) from body (y up, z front) of somebody who looks along x."""


def standing(
    identity: int,
    stamp: int,
    views: Iterable[str] = (),
    state: HumanState = HumanState.TRACKED,
    position: Sequence[float] = (0.0, 0.0, 0.0),
) -> Human:
    """Somebody with all joints one above the other over a place on the floor, the head at 1.6 m."""
    joints = np.tile(np.asarray(position, float), (JOINTS, 1))
    joints[:, 2] = np.linspace(0.9, 1.7, JOINTS)
    joints[HEAD] = [position[0], position[1], 1.6]
    seen = np.array([10.0, 20.0]), np.array([11.0, 60.0])
    return Human(
        id=identity,
        state=state,
        confidence=0.9,
        first_observed=max(stamp - 2_000_000_000, 0),
        last_observed=stamp,
        absorbed=(),
        pose=np.tile(np.eye(3), (POSE_ROTATIONS, 1, 1)),
        betas=np.zeros(10),
        root_rotation=FACING_X,
        head=joints[HEAD],
        joints=joints,
        joint_rotations=np.tile(np.eye(3), (JOINTS, 1, 1)),
        velocity=np.array([0.5, 0.0, 0.0]),
        angular_velocity=np.zeros(3),
        covariance=0.01 * np.eye(6),
        velocity_covariance=0.01 * np.eye(6),
        joint_confidence=np.linspace(0, 1, JOINTS),
        joints_observed=np.arange(JOINTS) % 2 == 0,
        observations=tuple(Observation(view, 7, stamp, 0.8, 0.5, True, *seen, (1, 2, 3, 4), 0.02) for view in views),
    )


def gray_cloud(points: int) -> Cloud:
    """Gray points in a row."""
    places = np.zeros((points, 3), np.float32)
    places[:, 0] = np.arange(points)
    return Cloud(places, np.full((points, 3), 128, np.uint8), np.full(points, 0.5, np.float32))


class Answered(NamedTuple):
    """An image set that arrived, without its images."""

    stamp: int  # [ns]
    views: tuple[str, ...]


class StandInBackend:
    """Loads nothing; its knobs may be turned at any time."""

    device = 'cpu'

    def __init__(self, body: Any, people: int = 2, points: int = 3) -> None:
        self.body = body
        self.trained = True
        self.adapts = False
        self.rehearsed: list[tuple[str, tuple[str, ...]]] = []
        """Thread and cameras of every rehearsal."""
        self.people = people
        self.points = points
        """Of the scene."""
        self.seconds = 0.0
        """How long a window takes."""
        self.errors: list[Exception] = []
        """Raised by the next windows, one each."""
        self.sets: list[Answered] = []
        self.sessions: list[StandInCapture] = []

    def session(self, settings: CaptureSettings, views: Sequence[str]) -> StandInCapture:
        """A capture that has seen nothing yet."""
        self.sessions.append(StandInCapture(self, settings, views))
        return self.sessions[-1]

    def warm_up(self, settings: CaptureSettings, views: Sequence[str]) -> None:
        """Nothing is to be warmed up."""

    def rehearse(self, settings: CaptureSettings, images: ImageSet) -> None:
        """Noted."""
        self.rehearsed.append((threading.current_thread().name, tuple(images.views)))

    def memory(self) -> dict[str, float]:
        """No device, no memory."""
        return {}

    def release(self) -> None:
        """Nothing is to be given back."""


class StandInCapture:
    """Answers every image set at once with people who stand in a row."""

    def __init__(self, backend: StandInBackend, settings: CaptureSettings, views: Sequence[str]) -> None:
        self.backend = backend
        self.settings = settings
        self.session = str(uuid.uuid4())
        self.dropped: Mapping[str, int] = {}
        self.views = tuple(views)
        self.views_in_use = self.views
        self.merged: list[tuple[int, tuple[int, ...]]] = []
        self._humans: tuple[Human, ...] = ()
        self._windows = 0
        self._cloud = gray_cloud(backend.points)

    def prepare(self, images: ImageSet) -> ImageSet:
        """As they are."""
        return images

    def add(self, images: ImageSet) -> Snapshot | None:
        """A snapshot of the whole rig."""
        if self.backend.errors:
            raise self.backend.errors.pop(0)
        time.sleep(self.backend.seconds)
        stamp, seen = images.stamp, tuple(images.views)
        self.backend.sets.append(Answered(stamp, seen))
        self._windows += 1
        self._humans = tuple(
            standing(k + 1, stamp, seen, position=(float(k), 0.0, 0.0)) for k in range(self.backend.people)
        )
        return Snapshot(
            stamp=stamp,
            session=self.session,
            window=self._windows,
            humans=self._humans,
            cameras=tuple(_camera(view, images.views.get(view)) for view in self.views),
            scene_update=self._cloud,
            world_source=WorldSource.TF,
            scale=1.0,
            scale_spread=0.1,
            seam_error=math.nan,
            stages={},
            dropped={},
        )

    def predict(self, stamp: int) -> tuple[Human, ...]:
        """Nobody moves."""
        return self._humans

    def static_scene(self) -> Cloud:
        """The points."""
        return self._cloud

    def set_views(self, views: Iterable[str]) -> None:
        """Noted."""
        self.views_in_use = tuple(views)

    def merge(self, keep: int, absorb: Iterable[int]) -> None:
        """Noted; raises ValueError for an id that is not there."""
        if keep > self.backend.people:
            raise ValueError(f'nobody has the id {keep}')
        self.merged.append((keep, tuple(absorb)))

    def reset_identities(self) -> None:
        """Another session."""
        self.session = str(uuid.uuid4())

    def reset_scene(self) -> None:
        """The points stay."""


def _camera(view: str, image: ViewImage | None) -> CameraState:
    if image is None:
        return CameraState(view, ViewState.MISSING, False, 0, None, None, False, math.nan, math.nan)
    pose = image.world_from_camera
    place = np.eye(4) if pose is None else pose
    return CameraState(view, ViewState.OK, True, image.stamp, place, np.eye(3), pose is not None, 0.0, 0.0)
