"""Builds clean clones of the committed package in every way that users do, and sends messages between processes.

    python tools/check_builds.py                  # all four ways
    python tools/check_builds.py pip editable     # some of them

Each build has an environment of its own. What this one has installed is lent to it, so that only the package itself
is built; ``isolated`` lends nothing and lets pip fetch everything, as a user's first ``pip install .`` does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENDER = Path(sysconfig.get_path('purelib'))
SHARE = ('config', 'docs', 'examples', 'launch', 'rviz', 'security')
COLCON = ('colcon-core==0.21.3', 'colcon-common-extensions==0.3.0')


class Build:
    """A clone and an environment in a folder that goes away, and the means to run things there."""

    def __init__(self, folder: Path, lend: bool = True) -> None:
        self.folder = folder
        self.clone = folder / 'ws' / 'src' / 'chromm_ros'
        self.home = folder / 'home'
        run('git', 'clone', '--quiet', ROOT, self.clone)
        venv.create(self.home, with_pip=not lend)
        self.site = self.home / LENDER.relative_to(sys.prefix)
        if lend:
            (self.site / 'lent.pth').write_text(f'{LENDER}\n')
        self.environment = clean_environment(self.home, lend)

    def pip(self, *words: object) -> None:
        """pip of the lending environment, which installs into this one."""
        run(sys.executable, '-m', 'pip', '--python', self.home / 'bin' / 'python', *words, env=self.environment)


def pip_build(build: Build) -> list[str]:
    build.pip('install', '--quiet', '--no-build-isolation', '--no-deps', build.clone)
    shutil.rmtree(build.clone)
    return []


def editable_build(build: Build) -> list[str]:
    build.pip('install', '--quiet', '--no-build-isolation', '--no-deps', '--editable', build.clone)
    return []


def isolated_build(build: Build) -> list[str]:
    run(build.home / 'bin' / 'pip', 'install', '--quiet', build.clone, env=build.environment)
    shutil.rmtree(build.clone)
    return []


def colcon_build(build: Build, *options: str) -> list[str]:
    tools = build.folder / 'colcon'
    venv.create(tools, with_pip=True)
    run(tools / 'bin' / 'pip', 'install', '--quiet', '--disable-pip-version-check', *COLCON)
    # colcon asks the interpreter that runs it for its own extensions only; CMake takes the first one on the path.
    cmake = ('--cmake-args', f'-DPython3_EXECUTABLE={build.home}/bin/python', f'-DCMAKE_PREFIX_PATH={sys.prefix}')
    workspace = build.clone.parent.parent
    command = (tools / 'bin' / 'colcon', 'build', *options, '--event-handlers', 'console_cohesion-', *cmake)
    run(*command, cwd=workspace, env=build.environment)
    return ['.', str(workspace / 'install' / 'setup.sh'), '&&']


def symlink_build(build: Build) -> list[str]:
    return colcon_build(build, '--symlink-install')


WAYS: dict[str, Callable[[Build], list[str]]] = {
    'pip': pip_build,
    'editable': editable_build,
    'colcon': colcon_build,
    'symlink': symlink_build,
    'isolated': isolated_build,
}


def check(way: str) -> None:
    """Raises RuntimeError, with the reason, when the build or what it installed is not right."""
    with tempfile.TemporaryDirectory(prefix='chromm_builds_') as folder:
        build = Build(Path(folder), lend=way != 'isolated')
        committed = tracked_files(build.clone)
        before = WAYS[way](build)
        check_files(build, before, committed)
        check_command(build, before)
        check_exchange(build, before)


def tracked_files(clone: Path) -> list[str]:
    listed = subprocess.run(['git', 'ls-files'], cwd=clone, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def check_files(build: Build, before: list[str], committed: list[str]) -> None:
    """Every module, data file, shared file and program of the clone must have arrived."""
    where = 'import chromm_ros, pathlib; print(pathlib.Path(chromm_ros.__file__).parent)'
    modules = Path(shell(build, before, 'python', '-c', f'"{where}"').strip())
    if not modules.is_relative_to(build.folder):
        raise RuntimeError(f'chromm_ros was imported from {modules}, not from the build in {build.folder}')
    prefix = build.home if not before else build.clone.parent.parent / 'install' / 'chromm_ros'
    expected = [modules.parent / file for file in committed if file.startswith('chromm_ros/')]
    expected += [prefix / 'share/chromm_ros' / file for file in committed if file.startswith(SHARE)]
    expected += [prefix / 'share/chromm_ros' / name for name in ('package.xml', 'LICENSE', 'NOTICE')]
    expected += [prefix / 'lib/chromm_ros' / name for name in ('chromm', 'capture', 'cameras', 'viewer')]
    missing = [str(file) for file in expected if not file.exists()]
    if missing:
        raise RuntimeError(f'{len(missing)} of {len(expected)} files were not installed: {", ".join(missing[:10])}')


def check_command(build: Build, before: list[str]) -> None:
    """``chromm`` must be on the path, that of this build, and run."""
    found = Path(shell(build, before, 'command', '-v', 'chromm').strip())
    if not found.is_relative_to(build.folder):
        raise RuntimeError(f'chromm on the path is {found}, not that of the build in {build.folder}')
    if 'usage: chromm' not in shell(build, before, 'chromm', '--help'):
        raise RuntimeError('chromm --help does not answer')


def check_exchange(build: Build, before: list[str]) -> None:
    """The interfaces of the build must carry messages and a service call from one process to another."""
    script = build.folder / 'exchange.py'
    shutil.copy(ROOT / 'tools' / 'exchange.py', script)
    words = shell_words(before, 'exec', 'python', str(script), 'send')
    sender = subprocess.Popen(words, env=build.environment, cwd=build.folder)
    try:
        answer = shell(build, before, 'python', str(script), 'receive')
    finally:
        sender.terminate()
        sender.wait(20)
    if 'intact' not in answer:
        raise RuntimeError(f'messages did not cross: {answer}')


def shell_words(before: list[str], *words: str) -> list[str]:
    return ['sh', '-c', ' '.join([*before, *words])]


def shell(build: Build, before: list[str], *words: str) -> str:
    """Output of a command after the build's set-up file was sourced."""
    return run(*shell_words(before, *words), env=build.environment, cwd=build.folder, capture=True)


def clean_environment(home: Path, lend: bool) -> dict[str, str]:
    """This process's environment without any trace of its virtual environment, and with that of ``home``."""
    dropped = ('AMENT_PREFIX_PATH', 'PYTHONPATH', 'LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE')
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    environment |= {'VIRTUAL_ENV': str(home), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    paths = [str(home / 'bin'), *([str(Path(sys.prefix, 'bin'))] if lend else []), os.environ['PATH']]
    environment['PATH'] = ':'.join(paths)
    if lend:
        # The wheels of ROS find their libraries only below the prefix of the running Python.
        libraries = [home / 'lib', Path(sys.prefix, 'lib'), *LENDER.glob('ros_*.libs')]
        environment['LD_LIBRARY_PATH'] = ':'.join(map(str, libraries))
        environment['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] = '1'
    return environment


def run(*command: object, capture: bool = False, **options) -> str:
    words = [str(word) for word in command]
    result = subprocess.run(words, text=True, stdout=subprocess.PIPE if capture else None, check=False, **options)
    if result.returncode:
        raise RuntimeError(f'failed with status {result.returncode}: {" ".join(words)}\n{result.stdout or ""}')
    return result.stdout or ''


def main() -> int:
    ways = sys.argv[1:] or ['pip', 'editable', 'colcon', 'symlink']
    unknown = [way for way in ways if way not in WAYS]
    if unknown:
        print(f'unknown: {", ".join(unknown)}; known are {", ".join(WAYS)}', file=sys.stderr)
        return 2
    for way in ways:
        print(f'{way}: building a clean clone', flush=True)
        check(way)
        print(f'{way}: built, complete, messages cross', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
