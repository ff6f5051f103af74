"""pip build of the extras: three Python packages, and the rosidl interfaces of tf2_msgs and vision_msgs."""

import os
import sys
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'tools'))

import pip_interfaces  # noqa: E402

INTERFACES = ('tf2_msgs', 'vision_msgs')
REAL = {*INTERFACES, 'tf2_ros_py', 'message_filters', 'cv_bridge'}


def refuse_beside_the_real_packages() -> None:
    """Stops where a sourced ROS already has them; the extras exist only for machines without ROS."""
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(':'):
        index = Path(prefix, 'share/ament_index/resource_index/packages')
        present = REAL & {entry.name for entry in index.glob('*')} if prefix and index.is_dir() else set()
        if present and Path(prefix) != Path(sys.prefix):
            raise SystemExit(f'{prefix} has the real {", ".join(sorted(present))}: chromm_ros_extras is not needed.')


data_files = []
if pip_interfaces.wanted():
    refuse_beside_the_real_packages()
    for package in INTERFACES:
        stage = pip_interfaces.build(HERE / package, HERE / 'build' / package)
        data_files += pip_interfaces.data_files(stage, package, HERE)

setup(data_files=data_files, distclass=pip_interfaces.BinaryDistribution)
