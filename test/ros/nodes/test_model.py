"""What the node computes with follows its parameters."""

import dataclasses
import inspect

import pytest

from chromm_ros.benchmarks.standin import StandInBackend
from chromm_ros.network.chromm import Chromm
from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.nodes.model import Backend, NetworkBackend


@pytest.mark.parametrize('compiled', [False, True])
def test_the_network_is_compiled_only_on_request(monkeypatch, compiled):
    networks = []
    monkeypatch.setattr(Chromm, 'compile_stages', lambda network: networks.append(network))
    backend = NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='tiny', compiled=compiled))
    assert networks == [backend.network] * compiled
    assert backend.trained


def test_what_cannot_run_is_said_before_anything_is_loaded():
    with pytest.raises(ValueError, match='fp16 needs a GPU'):
        NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='tiny', precision='fp16'))
    with pytest.raises(ValueError, match='chromm weights convert'):
        NetworkBackend(dataclasses.replace(NodeSettings(), device='cpu', preset='full'))


def test_the_stand_in_offers_what_the_real_one_offers():
    names = {name for name, value in vars(Backend).items() if inspect.isfunction(value) and not name.startswith('_')}
    assert names == {'session', 'warm_up', 'memory', 'release'}
    for name in names:
        kinds = (Backend, NetworkBackend, StandInBackend)
        assert len({tuple(inspect.signature(getattr(kind, name)).parameters) for kind in kinds}) == 1, name
