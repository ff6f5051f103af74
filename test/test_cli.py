import importlib
import subprocess
import sys

import pytest
import rclpy
from standins import StandInBackend

from chromm_ros.cli import COMMANDS, main
from chromm_ros.ros.nodes import capture_node


@pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.words)
def test_every_command_exists_and_explains_itself(command):
    module, _, name = command.place.partition(':')
    function = getattr(importlib.import_module(module), name)
    assert function.__doc__


def chromm(*words):
    return subprocess.run(
        [sys.executable, '-m', 'chromm_ros.cli', *words], capture_output=True, text=True, timeout=120, check=False
    )


def test_help_lists_all_commands():
    shown = chromm('--help')
    assert shown.returncode == 0
    assert all(command.words in shown.stdout for command in COMMANDS)


def test_an_unknown_command_is_refused():
    refused = chromm('fly')
    assert refused.returncode == 2
    assert "unknown command 'fly'" in refused.stderr


def test_a_missing_file_is_one_clear_line_and_a_failure():
    refused = chromm('weights', 'list', '/nowhere/pi3x.safetensors')
    assert refused.returncode == 1
    assert '/nowhere/pi3x.safetensors' in refused.stderr
    assert 'Traceback' not in refused.stderr


NODES = [command for command in COMMANDS if command.ros]


@pytest.mark.parametrize('command', NODES, ids=lambda command: command.words)
def test_every_command_of_ros_takes_its_arguments_from_main(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['chromm', *command.words.split(), '--ros-args', '-p', 'no_such_parameter:=1'])
    assert main() == 1
    assert capsys.readouterr().err.strip().endswith('unknown parameter no_such_parameter')
    monkeypatch.setattr(sys, 'argv', ['chromm', *command.words.split(), 'cameras:=[a]'])
    assert main() == 1
    assert 'come behind --ros-args' in capsys.readouterr().err


def test_run_is_a_capture_until_it_is_told_to_stop(monkeypatch):
    made = []

    class Stopped(capture_node.CaptureNode):
        def __init__(self, **options):
            super().__init__(lambda settings: StandInBackend(), **options)
            made.append(self)
            self.create_timer(0.01, lambda: self.state == 'active' and rclpy.shutdown())

    monkeypatch.setattr(capture_node, 'CaptureNode', Stopped)
    monkeypatch.setattr(sys, 'argv', ['chromm', 'run', '--ros-args', '-p', 'cameras:=[front, left]'])
    assert main() == 0
    assert made[0].parameters.node.cameras == ('front', 'left')
