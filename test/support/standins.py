"""A network, a body and a capture that compute nothing, for tests of the nodes around them."""

from __future__ import annotations

import time
import uuid
from collections import Counter

import numpy as np
import torch

from chromm_ros.body.shapes import Capsules
from chromm_ros.flow import (
    CameraState,
    Cloud,
    Human,
    HumanState,
    Observation,
    Snapshot,
    ViewState,
    WorldSource,
)
from chromm_ros.skeleton import HEAD

PARENTS = (-1, *range(54))
"""A body like a worm: every joint hangs on the one before."""


class StandInBody:
    """Four triangles and no shape."""

    name = 'stand-in'
    parents = PARENTS
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]])

    def capsules(self, betas):
        bones = ((0, 3), (3, 6), (6, 15))
        return Capsules(torch.full((len(betas), len(bones)), 0.1), bones)

    def height(self, betas):
        return torch.full((len(betas),), 1.7)

    def rest_joints(self, betas):
        return torch.zeros(len(betas), 55, 3)

    def vertices(self, betas, pose, root_rotation):
        return torch.eye(4, 3).expand(len(betas), 4, 3)


def upright_joints(position) -> np.ndarray:
    """(55, 3) joints one above the other over a place on the floor, the head at 1.6 m."""
    joints = np.zeros((55, 3))
    joints[:] = position
    joints[:, 2] = np.linspace(0.9, 1.7, 55)
    joints[HEAD] = [position[0], position[1], 1.6]
    return joints


def human(identity: int, stamp: int, views=(), state=HumanState.TRACKED, position=(0.0, 0.0, 0.0)) -> Human:
    """Somebody standing at a place."""
    joints = upright_joints(position)
    return Human(
        id=identity,
        state=state,
        confidence=0.9,
        first_observed=max(stamp - 2_000_000_000, 0),
        last_observed=stamp,
        absorbed=(),
        pose=np.tile(np.eye(3), (52, 1, 1)),
        betas=np.zeros(10),
        root_rotation=np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        head=joints[HEAD],
        joints=joints,
        joint_rotations=np.tile(np.eye(3), (55, 1, 1)),
        velocity=np.array([0.5, 0.0, 0.0]),
        angular_velocity=np.zeros(3),
        covariance=0.01 * np.eye(6),
        velocity_covariance=0.01 * np.eye(6),
        joint_confidence=np.linspace(0, 1, 55),
        joints_observed=np.arange(55) % 2 == 0,
        observations=tuple(
            Observation(
                view, 7, stamp, 0.8, 0.5, True, np.array([10.0, 20.0]), np.array([11.0, 60.0]), (1, 2, 3, 4), 0.02
            )
            for view in views
        ),
    )


def snapshot(stamp=1_500_000_000, views=('a', 'b'), humans=None, **changes) -> Snapshot:
    """A snapshot of two people and all cameras, with whatever else replaced."""
    fields = {
        'stamp': stamp,
        'session': str(uuid.UUID(int=5)),
        'window': 3,
        'humans': tuple([human(1, stamp, views), human(2, stamp)] if humans is None else humans),
        'cameras': tuple(camera(view, stamp) for view in views),
        'scene_update': cloud(),
        'world_source': WorldSource.TF,
        'scale': 1.0,
        'scale_spread': 0.1,
        'seam_error': float('nan'),
        'stages': {'encode': 0.01, 'decode': 0.02},
        'dropped': {},
    }
    return Snapshot(**{**fields, **changes})


def camera(view, stamp, pose=None, given=True, used=True) -> CameraState:
    """A camera that is well."""
    return CameraState(
        view, ViewState.OK, used, stamp, np.eye(4) if pose is None else pose, np.eye(3), given, 0.0, 0.0
    )


def cloud(count=3) -> Cloud:
    """A few gray points in a row."""
    points = np.zeros((count, 3), np.float32)
    points[:, 0] = np.arange(count)
    return Cloud(points, np.full((count, 3), 128, np.uint8), np.full(count, 0.5, np.float32))


class StandInCapture:
    """Answers every image set at once with ``people`` people who stand in a row."""

    def __init__(self, backend, settings, views):
        self.backend = backend
        self.settings = settings
        self.views = tuple(views)
        self.session = str(uuid.uuid4())
        self.dropped = Counter()
        self.windows = 0
        self.merged = []
        self.humans = ()
        self.sizes = {}

    def add(self, images):
        if self.backend.errors:
            raise self.backend.errors.pop(0)
        time.sleep(self.backend.seconds)
        self.windows += 1
        self.backend.sets.append(images)
        stamp = images.stamp
        self.humans = tuple(
            human(k + 1, stamp, tuple(images.views), position=(float(k), 0.0, 0.0))
            for k in range(self.backend.people)
        )
        cameras = tuple(self._camera(view, images.views.get(view), stamp) for view in self.views)
        return snapshot(stamp, humans=self.humans, cameras=cameras, session=self.session, window=self.windows)

    @staticmethod
    def _camera(view, image, stamp):
        if image is None:
            return CameraState(view, ViewState.MISSING, False, 0, None, None, False, float('nan'), float('nan'))
        known = image.world_from_camera is not None
        return camera(view, image.stamp, image.world_from_camera if known else np.eye(4), known)

    def predict(self, stamp):
        return self.humans

    def static_scene(self):
        return cloud()

    def set_views(self, names):
        self.views_in_use = tuple(names)

    def merge(self, keep, absorb):
        if keep > self.backend.people:
            raise KeyError(f'nobody has the id {keep}')
        self.merged.append((keep, tuple(absorb)))

    def reset_identities(self):
        self.session = str(uuid.uuid4())

    def reset_scene(self):
        pass


class StandInBackend:
    """Loads nothing; tests turn its knobs."""

    device = 'cpu'
    trained = True

    def __init__(self, settings=None):
        self.body = StandInBody()
        self.people = 2
        self.seconds = 0.0
        """How long a window takes."""
        self.errors = []
        """Raised by the next windows, one each."""
        self.sets = []
        """Image sets that arrived."""
        self.sessions = []

    def session(self, settings, views):
        self.sessions.append(StandInCapture(self, settings, views))
        return self.sessions[-1]

    def warm_up(self, settings, views):
        pass

    def memory(self):
        return {}

    def release(self):
        pass
