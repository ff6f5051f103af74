"""pip build of chromm_ros: the modules, and everything else through CMakeLists.txt.

``colcon build`` uses CMakeLists.txt directly and never runs this file.
"""

import sys
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'tools'))

import pip_interfaces  # noqa: E402

data_files = []
if pip_interfaces.wanted():
    stage = pip_interfaces.build(HERE, HERE / 'build' / 'pip', '-DCHROMM_ROS_PIP=ON')
    data_files = pip_interfaces.data_files(stage, 'chromm_ros', HERE)

setup(data_files=data_files, distclass=pip_interfaces.BinaryDistribution)
