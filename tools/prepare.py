"""Prepares the virtual environment that the Makefile's targets run in; does nothing when it is up to date.

    python3 tools/prepare.py run            # what the programs need
    python3 tools/prepare.py development    # and what tests and lint need

Only the standard library is used: nothing is installed yet when this runs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / '.venv'
PYTHON = ENVIRONMENT / 'bin' / 'python'
SUPPORTED = ((3, 10), (3, 12))

REQUIREMENTS = ('requirements-ros.txt', 'requirements.txt')
DEVELOPMENT = 'requirements-dev.txt'
CONSTRAINTS = 'constraints.txt'
"""Versions of what the requirements bring along."""
INSTALLED_FROM = (
    *('CMakeLists.txt', 'package.xml', 'pyproject.toml', 'setup.py', 'setup.cfg', 'requirements.txt'),
    *('cmake/*', 'tools/pip_interfaces.py', 'msg/*', 'srv/*'),
    *('config/**/*', 'launch/**/*', 'rviz/**/*', 'security/**/*'),
)
"""What an editable installation copies or compiles; the modules themselves are used where they are."""
EXTRAS_FROM = (
    *('cmake/*', 'tools/pip_interfaces.py', 'ros_extras/pyproject.toml', 'ros_extras/setup.py'),
    *(f'ros_extras/{part}/**/*' for part in ('tf2_msgs', 'vision_msgs', 'tf2_ros', 'message_filters', 'cv_bridge')),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('purpose', choices=('run', 'development'))
    purpose = parser.parse_args().purpose
    try:
        create_environment()
        install_requirements(purpose)
        with_ros = ros_is_sourced()
        if not with_ros:
            once('extras', EXTRAS_FROM, './ros_extras')
        once('package', INSTALLED_FROM, '--editable', '.')
    except Problem as problem:
        print(f'prepare: {problem}', file=sys.stderr)
        return 1
    return 0


class Problem(Exception):
    """Something that only the person at the keyboard can put right."""


def create_environment() -> None:
    if PYTHON.exists():
        return
    low, high = SUPPORTED
    if not low <= sys.version_info[:2] <= high:
        raise Problem(
            f'Python {sys.version_info[0]}.{sys.version_info[1]} is not supported; use one from {low[0]}.{low[1]} to '
            f'{high[0]}.{high[1]}, for example: make PYTHON=python3.12 demo'
        )
    if not any(shutil.which(compiler) for compiler in (os.environ.get('CXX', 'c++'), 'g++', 'clang++')):
        raise Problem('no C++ compiler, which the ROS interfaces need; on Debian or Ubuntu: apt install g++')
    print(f'prepare: creating {ENVIRONMENT.name} (a few minutes, once)', flush=True)
    options = ['--system-site-packages'] if ros_is_sourced() else []
    run(sys.executable, '-m', 'venv', *options, ENVIRONMENT)


def install_requirements(purpose: str) -> None:
    files = [name for name in REQUIREMENTS if name == 'requirements.txt' or not ros_is_sourced()]
    once('requirements', [*files, CONSTRAINTS], *[word for name in files for word in ('-r', name)])
    if purpose == 'development':
        once('development', [DEVELOPMENT, CONSTRAINTS], '-r', DEVELOPMENT)


def ros_is_sourced() -> bool:
    """Whether this shell has ROS from apt or from source: then nothing of ROS is installed from PyPI."""
    prefixes = [Path(path) for path in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if path]
    return any((prefix / 'share/ament_index/resource_index/packages/rclpy').exists() for prefix in prefixes)


def once(step: str, sources: list[str] | tuple[str, ...], *what: str) -> None:
    """Installs ``what`` with pip, unless that was done from the same sources already."""
    stamp = ENVIRONMENT / f'prepared-{step}'
    digest = digest_of(sources)
    if stamp.exists() and stamp.read_text() == digest:
        return
    stamp.unlink(missing_ok=True)
    print(f'prepare: {step}', flush=True)
    own = ('--no-build-isolation', '--no-deps') if step in ('extras', 'package') else ('-c', CONSTRAINTS)
    run(PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', *own, *what)
    stamp.write_text(digest)


def digest_of(patterns: list[str] | tuple[str, ...]) -> str:
    """A hash of the names and the contents of all files that match."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for file in sorted(ROOT.glob(pattern)):
            if file.is_file() and '__pycache__' not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + b'\0' + file.read_bytes() + b'\0')
    return digest.hexdigest()


def run(*command: object) -> None:
    words = [str(word) for word in command]
    environment = os.environ | {'PATH': f'{PYTHON.parent}:{os.environ["PATH"]}'}
    status = subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode
    if status:
        raise Problem(f'failed with status {status}: {" ".join(words)}')


if __name__ == '__main__':
    sys.exit(main())
