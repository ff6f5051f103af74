"""Whoever stands in for a network, a body, a capture or a backend offers what they offer, with the same arguments."""

from __future__ import annotations

import inspect

import pytest
from standins import StandInBackend
from truthful_studio import Studio, TruthfulNetwork

from chromm_ros.benchmarks.standin import StandInCapture
from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.identity.identities import Identities
from chromm_ros.capture.notices import Notices
from chromm_ros.capture.protocols import Body, LiveCapture, Network, Owner
from chromm_ros.capture.scene.scene_map import SceneMap
from chromm_ros.capture.window.network_pass import NetworkPasses
from chromm_ros.capture.world.cameras import Cameras
from chromm_ros.capture.world.gauge import WorldGauge
from chromm_ros.network.chromm import Chromm
from chromm_ros.network.open.network import OpenNetwork

CLASSES = [
    (Network, Chromm),
    (Network, OpenNetwork),
    (Network, TruthfulNetwork),
    (Body, BodyModel),
    (LiveCapture, Capture),
    (LiveCapture, StandInCapture),
    *((Owner, owner) for owner in (Cameras, Identities, NetworkPasses, Notices, SceneMap, WorldGauge)),
]


def methods(protocol):
    return {
        name: value
        for name, value in vars(protocol).items()
        if inspect.isfunction(value) and (not name.startswith('_') or name == '__call__')
    }


def parameters(function):
    return [(name, each.default) for name, each in inspect.signature(function).parameters.items()]


@pytest.mark.parametrize(('protocol', 'cls'), CLASSES)
def test_methods_take_the_same_arguments(protocol, cls):
    expected = methods(protocol)
    assert expected
    for name, function in expected.items():
        assert parameters(getattr(cls, name)) == parameters(function), f'{cls.__name__}.{name}'


@pytest.mark.parametrize(
    ('protocol', 'made'),
    [
        (Network, TruthfulNetwork(Studio([]))),
        (LiveCapture, StandInBackend().session(None, ('a',))),
        (LiveCapture, Capture(TruthfulNetwork(Studio([])), BodyModel.load())),
    ],
)
def test_what_is_read_is_there(protocol, made):
    names = {name for name, value in vars(protocol).items() if isinstance(value, property)}
    assert all(hasattr(made, name) for name in names | protocol.__annotations__.keys())
