"""Builds ROS interfaces under pip, with the CMakeLists.txt that colcon uses, and lists what a wheel must carry.

``setup.py`` of chromm_ros and of ros_extras import this. The ROS tool chain is the one that is found: wheels of the
build environment or of the virtual environment, or a sourced ``/opt/ros/<distribution>/setup.bash``.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Distribution

BUILD_COMMANDS = {'bdist_wheel', 'editable_wheel', 'build', 'build_py', 'install', 'develop'}


def wanted() -> bool:
    """Whether this run of setup.py makes something to install; metadata alone needs no interfaces."""
    return bool(BUILD_COMMANDS & set(sys.argv))


def ros_prefixes() -> list[str]:
    """Prefixes that hold a ROS tool chain, the build environment's first."""
    found = [Path(path).parents[2] for path in sys.path if path.endswith('site-packages')]
    found += [Path(path) for path in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if path]
    found.append(Path(sys.prefix))
    return [str(prefix) for prefix in dict.fromkeys(found) if (prefix / 'share/ament_cmake').is_dir()]


def build(source: Path, work: Path, *options: str) -> Path:
    """Runs CMake over ``source`` and installs into a fresh staging folder below ``work``, which is returned.

    Compiled objects are kept for the next build by the same Python and ROS.
    """
    prefixes = ros_prefixes()
    if not prefixes:
        raise SystemExit(
            f'{source.name}: no ROS 2 interface generators found. Install requirements-ros.txt, '
            'or source /opt/ros/jazzy/setup.bash and build with --no-build-isolation.'
        )
    objects, stage = work / 'cmake', work / 'stage'
    shutil.rmtree(stage, ignore_errors=True)
    tools, made_by = '\n'.join([sys.executable, *prefixes]), objects / 'made_by.txt'
    if not made_by.exists() or made_by.read_text() != tools:
        shutil.rmtree(objects, ignore_errors=True)
    environment = os.environ | {
        'AMENT_PREFIX_PATH': ':'.join(prefixes),
        'PYTHONPATH': ':'.join(path for path in sys.path if path.endswith(('site-packages', 'dist-packages'))),
        'PATH': ':'.join([f'{prefix}/bin' for prefix in prefixes] + [os.environ['PATH']]),
    }

    def run(*command: object) -> None:
        subprocess.run([str(word) for word in command], check=True, env=environment)

    virtual = ('-DPython3_FIND_VIRTUALENV=ONLY',) if sys.prefix != sys.base_prefix else ()
    run(
        *('cmake', '-S', source, '-B', objects, '-DCMAKE_BUILD_TYPE=Release', '-DBUILD_TESTING=OFF'),
        *(f'-DCMAKE_INSTALL_PREFIX={stage}', f'-DCMAKE_PREFIX_PATH={";".join(prefixes)}'),
        *(f'-DPython3_EXECUTABLE={sys.executable}', *virtual, *options),
    )
    made_by.write_text(tools)
    run('cmake', '--build', objects, '-j', os.cpu_count() or 2)
    run('cmake', '--install', objects)
    return stage


def data_files(stage: Path, package: str, root: Path) -> list[tuple[str, list[str]]]:
    """The staged files as setuptools data files: folders relative to the prefix, sources relative to ``root``.

    The generated Python side (``<package>/msg`` and the type support) reaches site-packages this way too, so that
    an editable installation gets it as well. The package's own ``__init__.py``, when ``root`` has one, is not
    among them: the generated one is empty.
    """
    site = os.path.relpath(sysconfig.get_path('platlib'), sys.prefix)
    own_init = (root / package / '__init__.py').exists()
    folders: dict[str, list[str]] = {}
    for file in sorted(stage.rglob('*')):
        path = file.relative_to(stage)
        if file.is_dir() or len(path.parts) == 1 or path.parts[0] == 'include' or file.suffix in ('.c', '.pyc'):
            continue
        folder = str(path.parent)
        python = next((i for i, part in enumerate(path.parts) if part in ('site-packages', 'dist-packages')), None)
        if python is not None:
            inner = Path(*path.parts[python + 1 :])
            if inner.parts[0] != package or (own_init and inner == Path(package, '__init__.py')):
                continue
            folder = os.path.join(site, str(inner.parent))
        folders.setdefault(folder, []).append(os.path.relpath(file, root))
    return sorted(folders.items())


class BinaryDistribution(Distribution):
    """A distribution whose wheels are bound to this platform, although setuptools compiles nothing itself."""

    def has_ext_modules(self) -> bool:
        return True

    def has_data(self) -> bool:
        # Editable wheels ask this before install_data.
        return bool(self.data_files)
