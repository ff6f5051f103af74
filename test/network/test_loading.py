import os

import numpy as np
import pytest
import torch

from chromm_ros.network.loading import load_network, threads_of


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.get_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize('preset', ['tiny', 'open'])
def test_small_networks_leave_cores_to_the_rest(preset):
    assert [threads_of(preset, cores) for cores in (1, 2, 4, 8, 16)] == [1, 1, 1, 2, 4]
    assert threads_of('full', 16) is None


def test_the_threads_of_the_preset_count_unless_the_user_chose(monkeypatch, threads):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda process: set(range(12)))
    monkeypatch.setenv('OMP_NUM_THREADS', '2')
    torch.set_num_threads(2)
    load_network('tiny')
    assert threads() == 2
    monkeypatch.delenv('OMP_NUM_THREADS')
    load_network('tiny')
    assert threads() == 3


@pytest.mark.parametrize('preset', ['tiny', 'open'])
def test_as_many_people_are_read_as_are_asked_for(preset):
    network = load_network(preset, max_people=3)
    image = np.zeros((144, 192, 3), np.uint8)
    features = network.encode([image])
    estimates = network.people(features, network.decode(features))
    assert estimates.valid.shape == (1, 3)
    assert estimates.canonical_joints.shape == (1, 3, 55, 3)


def test_keys_are_thinned_where_that_is_asked_for():
    exact, thinned = (load_network('tiny', precision='fp32', key_step=step) for step in (1, 4))
    images = list(np.random.default_rng(0).integers(0, 256, (2, 144, 192, 3), np.uint8))
    geometries = [network.decode(network.encode(images)) for network in (exact, thinned)]
    assert thinned.scene.config is thinned.config.scene
    assert not torch.allclose(*(geometry.local_points for geometry in geometries), atol=1e-3)
