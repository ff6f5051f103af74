"""Keeps test processes apart: each has its own ROS domain on this machine only, and one thread for arithmetic."""

import os
from contextlib import ExitStack

import pytest

# Before anything imports torch or numpy: two workers with two OpenMP threads each are slower than with one.
os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ.setdefault('NUMBA_NUM_THREADS', '1')

_held = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Reserves a ROS domain for this process; the reservation ends with it, so parallel workers never share one."""
    try:
        from domain_coordinator import domain_id
    except ImportError:
        return  # no ROS here: the rooms below nodes/ can be tested without it
    os.environ['ROS_DOMAIN_ID'] = str(_held.enter_context(domain_id()))
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'


def pytest_unconfigure(config: pytest.Config) -> None:
    _held.close()
