import sys
import time
from types import SimpleNamespace

from chromm_ros.capture.window.stages import StageClock


def gpu(waited):
    cuda = SimpleNamespace(is_initialized=lambda: True, synchronize=lambda: waited.append(1))
    return SimpleNamespace(cuda=cuda)


def test_stages_wait_for_the_gpu_only_where_their_own_times_are_asked_for(monkeypatch):
    waited = []
    monkeypatch.setitem(sys.modules, 'torch', gpu(waited))
    for kind in ('wall', 'cpu'):
        StageClock(kind).end('decode')
    assert not waited
    StageClock('exact').end('decode')
    assert waited == [1]


def test_processor_time_leaves_out_what_others_do():
    wall, own = StageClock('wall'), StageClock('cpu')
    time.sleep(0.05)
    for clock in (wall, own):
        clock.end('asleep')
    assert own.seconds['asleep'] < wall.seconds['asleep']
