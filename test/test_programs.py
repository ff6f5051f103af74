"""Without a part of its environment every program says in one line how to get it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chromm_ros import programs
from chromm_ros.programs import missing

ROOT = Path(__file__).parents[1]
PROGRAMS = ('chromm', 'capture', 'cameras', 'viewer')


@pytest.mark.parametrize('program', PROGRAMS)
@pytest.mark.parametrize(
    ('absent', 'advice'),
    [('rclpy', 'source /opt/ros/jazzy/setup.bash'), ('numpy', f'pip install -r {ROOT / "requirements.txt"}')],
)
def test_a_missing_package_is_one_line_with_the_command_that_brings_it(program, absent, advice):
    words = 'run' if program == 'chromm' else ''
    script = (
        f'import sys; sys.modules[{absent!r}] = None; sys.argv = ["{program}", *"{words}".split()]; '
        f'from chromm_ros import programs; sys.exit(programs.{program}())'
    )
    result = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, check=False)
    said = result.stderr.strip().splitlines()
    assert result.returncode == 1
    assert len(said) == 1, result.stderr
    assert said[0].startswith(program)
    assert advice in said[0]


@pytest.mark.parametrize('name', ['roma', 'torch', 'safetensors.torch', 'cv2'])
def test_what_pip_brings_is_told_from_what_ros_brings(name):
    assert 'pip install -r' in missing(ModuleNotFoundError(name=name))


@pytest.mark.parametrize('name', ['rclpy', 'tf2_ros', 'sensor_msgs.msg', 'chromm_ros.msg'])
def test_what_ros_brings_is_told_from_what_pip_brings(name):
    assert 'setup.bash' in missing(ModuleNotFoundError(name=name))


def test_a_module_of_our_own_that_is_missing_is_no_fault_of_the_user():
    with pytest.raises(ModuleNotFoundError):
        missing(ModuleNotFoundError(name='chromm_ros.typo'))


def test_an_interrupt_while_the_imports_run_is_no_traceback(monkeypatch):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(programs.importlib, 'import_module', interrupted)
    assert programs.chromm() == 130


@pytest.mark.parametrize(
    ('variable', 'chosen', 'expected'),
    [
        ('OMP_WAIT_POLICY', None, 'PASSIVE'),
        ('OMP_WAIT_POLICY', 'ACTIVE', 'ACTIVE'),
        ('OPENBLAS_NUM_THREADS', None, '1'),
        ('OPENBLAS_NUM_THREADS', '4', '4'),
    ],
)
def test_threads_leave_the_cores_to_others_unless_told_otherwise(variable, chosen, expected):
    script = (
        'import os, sys; from chromm_ros import programs; sys.argv = ["chromm"]; programs.chromm(); '
        f'print(os.environ["{variable}"], "torch" in sys.modules, "numpy" in sys.modules)'
    )
    environment = {name: value for name, value in os.environ.items() if name != variable}
    environment |= {} if chosen is None else {variable: chosen}
    shown = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True, env=environment
    )
    assert shown.stdout.splitlines()[-1] == f'{expected} False False'


def test_the_requirements_of_an_installation_are_found(tmp_path):
    (tmp_path / 'lib' / 'python3' / 'chromm_ros').mkdir(parents=True)
    (tmp_path / 'share' / 'chromm_ros').mkdir(parents=True)
    (tmp_path / 'share' / 'chromm_ros' / 'requirements.txt').touch()
    copy = tmp_path / 'lib' / 'python3' / 'chromm_ros' / 'programs.py'
    copy.write_text((ROOT / 'chromm_ros' / 'programs.py').read_text())
    script = 'import programs; print(programs.missing(ModuleNotFoundError(name="roma")))'
    result = subprocess.run(
        [sys.executable, '-c', script],
        env={**os.environ, 'PYTHONPATH': str(copy.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / 'share' / 'chromm_ros' / 'requirements.txt') in result.stdout
