"""Frames of real cameras, and the network that reads them. ``footage/README.md`` says where they come from."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.network.open.network import OpenNetwork
from chromm_ros.recording.calibration_formats import read_cameras

FOOTAGE = Path(__file__).parent / 'footage'
FRAMES = (0, 12, 24)
RATE = 60


def read(path):
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


@pytest.fixture(scope='session')
def network():
    return OpenNetwork.load()


@pytest.fixture(scope='session')
def cameras():
    return read_cameras(FOOTAGE / 'cameras.json')


@pytest.fixture(scope='session')
def image_sets(cameras):
    """Three instants, 0.2 s apart, of four calibrated cameras. Three people walk about."""
    sets = []
    for frame in FRAMES:
        stamp = round(frame / RATE * 1e9)
        views = {
            name: ViewImage(
                read(FOOTAGE / f'{name}_{frame:02}.jpg'), stamp, camera.intrinsics, camera.world_from_camera
            )
            for name, camera in cameras.items()
        }
        sets.append(ImageSet(stamp, views))
    return sets


@pytest.fixture(scope='session')
def crop():
    """(256, 256, 3) uint8: one person."""
    return read(FOOTAGE / 'crop.png')
