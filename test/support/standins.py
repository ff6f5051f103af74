"""A network, a body and a capture that compute nothing, for tests of the nodes around them."""

from __future__ import annotations

import uuid

import numpy as np
import torch

from chromm_ros.benchmarks import standin
from chromm_ros.benchmarks.standin import gray_cloud, standing
from chromm_ros.body.shapes import Capsules
from chromm_ros.flow import (
    CameraState,
    Cloud,
    Human,
    HumanState,
    Snapshot,
    ViewState,
    WorldSource,
)

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


def human(identity: int, stamp: int, views=(), state=HumanState.TRACKED, position=(0.0, 0.0, 0.0)) -> Human:
    """Somebody standing at a place."""
    return standing(identity, stamp, views, state, position)


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
    return gray_cloud(count)


class StandInBackend(standin.StandInBackend):
    """The stand-in of the benchmarks, with a body that needs no file."""

    def __init__(self) -> None:
        super().__init__(StandInBody())
