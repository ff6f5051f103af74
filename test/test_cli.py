import importlib
import subprocess
import sys

import pytest

from chromm_ros.cli import COMMANDS


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
