import os

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
