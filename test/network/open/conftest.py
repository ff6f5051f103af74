"""Frames of real cameras, and the network that reads them."""

import pytest
from real_frames import read, real_cameras, real_sets

from chromm_ros.network.open.network import OpenNetwork


@pytest.fixture(scope='session')
def network():
    return OpenNetwork.load()


@pytest.fixture(scope='session')
def cameras():
    return real_cameras()


@pytest.fixture(scope='session')
def image_sets():
    return real_sets()


@pytest.fixture(scope='session')
def crop():
    """(256, 256, 3) uint8: one person."""
    return read('crop.png')
