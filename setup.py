"""pip builds of chromm_ros: the modules, plus the interfaces of msg/.

`colcon build` uses CMakeLists.txt directly and never runs this file.
Under pip the same CMakeLists.txt is run with the ROS tool chain that is found
(wheels of the build environment or of the virtual environment, or a sourced
/opt/ros), installed into a staging folder, and the result is packed.
"""
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Distribution, setup

HERE = Path(__file__).resolve().parent
NAME = 'chromm_ros'
STAGE = HERE / 'build' / 'pip-stage'


def ros_prefixes():
    """Prefixes that hold a ROS tool chain, the build environment's first."""
    found = [Path(p).parents[2] for p in sys.path if p.endswith('site-packages')]
    found += [Path(p) for p in os.environ.get('AMENT_PREFIX_PATH', '').split(':') if p]
    found.append(Path(sys.prefix))
    return [str(p) for p in dict.fromkeys(found) if (p / 'share/ament_cmake').is_dir()]


def build_interfaces():
    prefixes = ros_prefixes()
    if not prefixes:
        raise SystemExit('chromm_ros: no ROS 2 interface generators found; '
                         'install requirements or source /opt/ros/jazzy/setup.bash')
    build = HERE / 'build' / 'pip-cmake'
    for d in (build, STAGE):
        shutil.rmtree(d, ignore_errors=True)
    env = dict(os.environ)
    env['AMENT_PREFIX_PATH'] = ':'.join(prefixes)
    env['PYTHONPATH'] = ':'.join(p for p in sys.path if p.endswith('site-packages'))
    env['PATH'] = ':'.join([p + '/bin' for p in prefixes] + [env['PATH']])
    run = lambda *a: subprocess.run([str(x) for x in a], check=True, env=env)
    run('cmake', '-S', HERE, '-B', build, '-DCMAKE_BUILD_TYPE=Release',
        '-DBUILD_TESTING=OFF', '-DCHROMM_ROS_INTERFACES_ONLY=ON',
        '-DCMAKE_INSTALL_PREFIX=' + str(STAGE),
        '-DCMAKE_PREFIX_PATH=' + ';'.join(prefixes),
        '-DPython3_EXECUTABLE=' + sys.executable,
        '-DPython3_FIND_VIRTUALENV=ONLY' if sys.prefix != sys.base_prefix else '-DCHROMM_=')
    run('cmake', '--build', build, '-j', os.cpu_count() or 2)
    run('cmake', '--install', build)


def staged_data_files():
    """The staged files as setuptools data files (paths relative to the prefix).

    The Python side (chromm_ros/msg and the type support) goes to site-packages
    this way too, so that an editable installation gets it as well.
    """
    site = os.path.relpath(sysconfig.get_path('platlib'), sys.prefix)
    out = {}
    for f in sorted(STAGE.rglob('*')):
        rel = f.relative_to(STAGE)
        if f.is_dir() or len(rel.parts) == 1 or rel.parts[0] == 'include':
            continue
        folder = str(rel.parent)
        if 'site-packages' in rel.parts:
            inner = Path(*rel.parts[rel.parts.index('site-packages') + 1:])
            if inner == Path(NAME, '__init__.py') or inner.suffix in ('.c', '.pyc') \
                    or inner.parts[0] != NAME:
                continue
            folder = os.path.join(site, str(inner.parent))
        out.setdefault(folder, []).append(os.path.relpath(f, HERE))
    return sorted(out.items())


def programs():
    """lib/chromm_ros/<name>: what `ros2 run` starts, one per console entry point."""
    import configparser
    cfg = configparser.ConfigParser()
    cfg.read(HERE / 'setup.cfg')
    made = []
    for line in cfg['options.entry_points']['console_scripts'].split('\n'):
        if '=' in line:
            name, _, target = (s.strip() for s in line.partition('='))
            module, _, func = target.partition(':')
            f = STAGE / 'lib' / NAME / name
            f.parent.mkdir(parents=True, exist_ok=True)
            f.write_text(f'#!/usr/bin/env python3\nimport sys\n'
                         f'from {module} import {func}\nsys.exit({func}())\n')
            f.chmod(0o755)
            made.append(f)


class BinaryDistribution(Distribution):
    def has_ext_modules(self):
        return True

    def has_data(self):
        return bool(self.data_files)  # editable wheels ask this before install_data


WANTS_BUILD = {'bdist_wheel', 'editable_wheel', 'build', 'build_py', 'install', 'develop'}
data_files = []
if WANTS_BUILD & set(sys.argv):
    build_interfaces()
    programs()
    data_files = staged_data_files()
    for folder in ('launch', 'config', 'rviz'):
        data_files.append((f'share/{NAME}/{folder}',
                           [os.path.join(folder, f.name) for f in (HERE / folder).iterdir()]))

setup(data_files=data_files, distclass=BinaryDistribution)
