"""tools/prepare.py: does its steps once, again when their sources change, and explains what only a person can fix."""

import importlib.util
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / 'tools' / 'prepare.py'


@pytest.fixture
def prepare(tmp_path, monkeypatch):
    """The program over an empty repository, with a record of what it would have run."""
    spec = importlib.util.spec_from_file_location('prepare_under_test', PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ROOT = tmp_path
    module.ENVIRONMENT = tmp_path / '.venv'
    module.PYTHON = tmp_path / '.venv' / 'bin' / 'python'
    module.commands = []

    def run(*command):
        module.commands.append([str(word) for word in command])
        module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        module.PYTHON.touch()

    module.run = run
    (tmp_path / 'msg').mkdir()
    (tmp_path / 'msg' / 'Human.msg').write_text('uint32 id\n')
    (tmp_path / 'requirements-dev.txt').write_text('pytest==9.2.0\n')
    monkeypatch.setattr(sys, 'argv', ['prepare.py', 'development'])
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    return module


def installed(prepare) -> list[str]:
    """The last word of every pip command: what was installed."""
    return [command[-1] for command in prepare.commands if 'install' in command]


def test_everything_is_installed_once(prepare):
    assert prepare.main() == 0
    assert prepare.commands[0][1:3] == ['-m', 'venv']
    assert installed(prepare) == ['requirements.txt', 'requirements-dev.txt', './ros_extras', '.']
    prepare.commands.clear()
    assert prepare.main() == 0
    assert prepare.commands == []


def test_only_what_changed_is_installed_again(prepare, tmp_path):
    prepare.main()
    prepare.commands.clear()
    (tmp_path / 'msg' / 'Human.msg').write_text('uint64 id\n')
    prepare.main()
    assert installed(prepare) == ['.']
    prepare.commands.clear()
    (tmp_path / 'requirements-dev.txt').write_text('pytest==9.3.0\n')
    prepare.main()
    assert installed(prepare) == ['requirements-dev.txt']


def test_a_failed_step_is_tried_again(prepare, capsys):
    working = prepare.run

    def failing(*command):
        if './ros_extras' in command:
            raise prepare.Problem('failed with status 1: pip install ./ros_extras')
        working(*command)

    prepare.run = failing
    assert prepare.main() == 1
    assert capsys.readouterr().err == 'prepare: failed with status 1: pip install ./ros_extras\n'
    prepare.commands.clear()
    prepare.run = working
    assert prepare.main() == 0
    assert installed(prepare) == ['./ros_extras', '.']


def test_programs_need_no_development_tools(prepare, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['prepare.py', 'run'])
    prepare.main()
    assert 'requirements-dev.txt' not in installed(prepare)


def test_a_sourced_ros_is_used_instead_of_wheels_and_extras(prepare, tmp_path, monkeypatch):
    packages = tmp_path / 'ros' / 'share/ament_index/resource_index/packages'
    packages.mkdir(parents=True)
    (packages / 'rclpy').touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'ros'))
    prepare.main()
    assert '--system-site-packages' in prepare.commands[0]
    assert './ros_extras' not in installed(prepare)
    assert not any('requirements-ros.txt' in command for command in prepare.commands)


@pytest.mark.parametrize('version', [(3, 9, 1), (3, 13, 0)])
def test_an_unsupported_python_is_named(prepare, monkeypatch, capsys, version):
    monkeypatch.setattr(sys, 'version_info', version)
    assert prepare.main() == 1
    message = capsys.readouterr().err
    assert f'Python {version[0]}.{version[1]} is not supported' in message
    assert 'make PYTHON=' in message
    assert prepare.commands == []


def test_a_missing_compiler_is_named(prepare, monkeypatch, capsys):
    monkeypatch.setattr(prepare.shutil, 'which', lambda name: None)
    assert prepare.main() == 1
    assert 'apt install g++' in capsys.readouterr().err
