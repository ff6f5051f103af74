"""Settings of the middleware that images of several cameras need.

Fast DDS as it comes loses most of four 720p cameras between processes: its buffers hold less than one image.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

PROFILE = 'fastdds.xml'
PROFILE_VARIABLE = 'FASTRTPS_DEFAULT_PROFILES_FILE'
CHOSEN_BY_USER = (PROFILE_VARIABLE, 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTDDS_BUILTIN_TRANSPORTS')


def dds_environment(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Environment variables to add for every process of the package; nothing where the user has chosen already."""
    if any(environment.get(name) for name in CHOSEN_BY_USER):
        return {}
    if environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp') != 'rmw_fastrtps_cpp':
        return {}
    return {PROFILE_VARIABLE: str(profile_path())}


def profile_path() -> Path:
    """config/fastdds.xml, in the source tree or where the package is installed.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    return shared_file('config', PROFILE)


def shared_file(*parts: str) -> Path:
    """A file of the package's share folder (launch, config, rviz), in the source tree or installed."""
    source = Path(__file__).resolve().parents[3].joinpath(*parts)
    if source.is_file():
        return source
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    # PackageNotFoundError is a KeyError; without AMENT_PREFIX_PATH, as with ROS from PyPI, it is an OSError.
    try:
        installed = Path(get_package_share_directory('chromm_ros'), *parts)
    except (PackageNotFoundError, OSError):
        installed = Path(sys.prefix, 'share', 'chromm_ros', *parts)
    if not installed.is_file():
        raise FileNotFoundError(f'{"/".join(parts)} is missing from the installation of chromm_ros: {installed}')
    return installed
