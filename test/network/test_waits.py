"""A GPU is given all the work of a window before anybody asks for a result."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from chromm_ros.network import Calibration, Chromm
from chromm_ros.network.presets import TINY
from chromm_ros.network.scene.calibration import conditions

INTRINSICS = np.array([[160.0, 0, 96], [0, 160.0, 72], [0, 0, 1]])


class LooksAtValues(TorchDispatchMode):
    """Counts what would wait for a GPU: numbers brought to the host, and shapes that depend on values."""

    WAITS = ('_local_scalar_dense', 'nonzero', 'masked_select', 'is_nonzero', 'equal', 'unique')

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__.strip('_')
        boolean = name == 'index' and any(each is not None and each.dtype is torch.bool for each in args[1])
        if boolean or any(name == wait.strip('_') for wait in self.WAITS):
            self.waits.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize('known', [(True, True, True, True), (True, False, True, False)])
def test_nothing_waits_for_the_device_between_the_images_and_the_people(known, monkeypatch):
    def of_the_host(*arguments, **options):  # numbers of the calibration, which never were on the device
        with _disable_current_modes():
            return conditions(*arguments, **options)

    monkeypatch.setattr('chromm_ros.network.chromm.conditions', of_the_host)
    torch.manual_seed(0)
    network = Chromm(replace(TINY, detection_threshold=0.001)).eval()
    images = list(np.random.default_rng(0).integers(0, 256, (4, 144, 192, 3), np.uint8))
    calibration = Calibration(np.stack([INTRINSICS] * 4), np.array(known))
    with LooksAtValues() as looks:
        features = network.encode(images)
        geometry = network.decode(features, calibration, heads_on=[2, 3])
        network.people(features.take([2, 3]), geometry)
    assert looks.waits == []
