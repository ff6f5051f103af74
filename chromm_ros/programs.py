"""The programs of an installation: what ``ros2 run chromm_ros ...`` and the ``chromm`` on the path begin with.

Nothing but the standard library is imported here before a program is chosen, so that an incomplete environment is
one sentence that says what to do, and no traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

SHARED_CORES = {'OMP_WAIT_POLICY': 'PASSIVE', 'OPENBLAS_NUM_THREADS': '1'}
"""Environment of all processes, read when PyTorch and NumPy are loaded. Threads that wait spin by default, and where
cameras and page need the cores, a window then takes several times as long; NumPy's matrices here are too small to
share, and its threads cost a live window 25 ms of processor time."""

OF_ROS = ('rclpy', 'rcl_interfaces', 'tf2_ros', 'message_filters', 'ament_index_python', 'launch', 'launch_ros')
"""Packages that only a ROS installation brings, beside all whose name ends in ``_msgs``."""


def chromm() -> int:
    """The command line."""
    return _run('chromm_ros.cli', 'chromm')


def capture() -> int:
    """The capture node."""
    return _run_node('chromm_ros.ros.nodes.capture_node', 'capture')


def cameras() -> int:
    """The synthetic cameras."""
    return _run_node('chromm_ros.ros.nodes.cameras_node', 'cameras')


def viewer() -> int:
    """The page."""
    return _run_node('chromm_ros.ros.nodes.viewer_node', 'viewer')


def missing(error: ModuleNotFoundError) -> str:
    """What to do about a package that is not there, as one sentence.

    Raises:
        ModuleNotFoundError: ``error`` itself, when what is missing is a module of our own.
    """
    name = (error.name or '').partition('.')[0]
    if name in OF_ROS or name.endswith('_msgs') or error.name in ('chromm_ros.msg', 'chromm_ros.srv'):
        return (
            f'{error.name} of ROS 2 is missing: run `source /opt/ros/jazzy/setup.bash` and `source '
            'install/setup.bash` of the workspace, and once `rosdep install --from-paths src --ignore-src -y`, '
            'or, on a machine without ROS, `make environment` and the programs in .venv/bin'
        )
    if name in ('', 'chromm_ros'):
        raise error
    return (
        f'the Python package {name!r} is missing: run `source .venv/bin/activate` in the workspace; the environment '
        'is prepared once by `python3 -m venv --system-site-packages .venv && '
        f'.venv/bin/pip install -r {_requirements()}`'
    )


def _requirements() -> Path:
    """requirements.txt, in the source tree or in the share folder of the installation."""
    here = Path(__file__).absolute()
    places = [here.parents[1] / 'requirements.txt']
    places += [parent / 'share' / 'chromm_ros' / 'requirements.txt' for parent in here.parents]
    return next((place for place in places if place.is_file()), Path('src/chromm_ros/requirements.txt'))


def _run(module: str, program: str) -> int:
    for name, value in SHARED_CORES.items():
        os.environ.setdefault(name, value)
    try:
        return int(importlib.import_module(module).main() or 0)
    except ModuleNotFoundError as error:
        print(f'{program}: {missing(error)}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while the imports run
        return 130


def _run_node(module: str, program: str) -> int:
    status = _run(module, program)
    if 'chromm_ros.ros.common.spin' in sys.modules:
        sys.modules['chromm_ros.ros.common.spin'].leave(status)
    return status
