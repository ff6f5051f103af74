"""What the node computes with follows its parameters."""

import dataclasses

import pytest

from chromm_ros.network.chromm import Chromm
from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.nodes.model import Backend


@pytest.mark.parametrize('compiled', [False, True])
def test_the_network_is_compiled_only_on_request(monkeypatch, compiled):
    networks = []
    monkeypatch.setattr(Chromm, 'compile_stages', lambda network: networks.append(network))
    backend = Backend(dataclasses.replace(NodeSettings(), device='cpu', compiled=compiled))
    assert networks == [backend.network] * compiled
    assert backend.trained


def test_what_cannot_run_is_said_before_anything_is_loaded():
    with pytest.raises(ValueError, match='fp16 needs a GPU'):
        Backend(dataclasses.replace(NodeSettings(), device='cpu', precision='fp16'))
    with pytest.raises(ValueError, match='chromm weights convert'):
        Backend(dataclasses.replace(NodeSettings(), device='cpu', preset='full'))
