"""What the node computes with follows its parameters."""

import dataclasses
import inspect

import numpy as np
import pytest

from chromm_ros.benchmarks.standin import StandInBackend
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.network.chromm import Chromm
from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.nodes.model import Backend, NetworkBackend


@pytest.mark.parametrize('compiled', [False, True])
def test_the_network_is_compiled_only_on_request(monkeypatch, compiled):
    networks = []
    monkeypatch.setattr(Chromm, 'compile_stages', lambda network: networks.append(network))
    backend = NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='tiny', compiled=compiled))
    assert backend.trained
    assert backend.adapts is compiled
    for _ in range(2):
        backend.warm_up(CaptureSettings(), ('a',))
        assert networks == [backend.network] * compiled  # after the first pass, once


def test_a_rehearsal_fills_the_longest_window_with_the_cameras_own_images(monkeypatch):
    backend = NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='tiny'))
    images = ImageSet(7, {name: ViewImage(np.zeros((90, 160, 3), np.uint8), 7) for name in 'ab'})
    sessions = []
    monkeypatch.setattr(backend, 'session', lambda settings, views: sessions.append(Recorder(views)) or sessions[-1])
    backend.rehearse(CaptureSettings(window_size=3), images)
    (capture,) = sessions
    assert [one.views['a'].pixels.shape for one in capture.sets] == [(90, 160, 3)] * 3
    assert [one.stamp for one in capture.sets] == sorted({one.stamp for one in capture.sets})
    assert all(image.stamp == one.stamp for one in capture.sets for image in one.views.values())


class Recorder:
    """A capture that keeps what it is given."""

    def __init__(self, views):
        self.views, self.sets = views, []

    def add(self, images):
        self.sets.append(images)


def test_what_cannot_run_is_said_before_anything_is_loaded():
    with pytest.raises(ValueError, match='fp16 needs a GPU'):
        NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='tiny', precision='fp16'))
    with pytest.raises(ValueError, match='chromm weights convert'):
        NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='full'))


def test_the_stand_in_offers_what_the_real_one_offers():
    names = {name for name, value in vars(Backend).items() if inspect.isfunction(value) and not name.startswith('_')}
    assert names == {'session', 'warm_up', 'rehearse', 'memory', 'release'}
    for name in names:
        kinds = (Backend, NetworkBackend, StandInBackend)
        assert len({tuple(inspect.signature(getattr(kind, name)).parameters) for kind in kinds}) == 1, name
