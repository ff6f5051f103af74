"""Every command of README and docs is one that works: each is executed as far as that starts and installs nothing.

Launch lines run against the double of ros2 launch, ``ros2 run`` lines declare their parameters in a node, ``chromm``
lines are parsed by the command line, make targets are run dry. What is left are programs of others, by name.
"""

import functools
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import rclpy
from launch_double import PROGRAMS, ros2_launch
from optional import need_program

from chromm_ros import cli
from chromm_ros.ros.common.parameters import declare
from chromm_ros.ros.common.settings import CamerasSettings, Parameters, ViewerSettings
from chromm_ros.ros.nodes.services import SERVICES
from chromm_ros.ros.outputs.publishers import TOPICS

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md')))
SETTINGS = {'capture': Parameters, 'cameras': CamerasSettings, 'viewer': ViewerSettings}
OTHERS = {
    *('apt', 'cd', 'colcon', 'cp', 'echo', 'export', 'git', 'kill', 'ls', 'mkdir', 'pip', 'rosdep', 'sh', 'source'),
    *('sysctl', 'torchrun', 'touch', 'unzip', 'wget', '.venv/bin/pip'),
}
"""Programs that are not ours; what they are told is not looked at."""
NAV2 = ('nav2_collision_monitor/collision_monitor', 'nav2_lifecycle_manager/lifecycle_manager')
PLACEHOLDER = re.compile(r'\.\.\.|<[a-z ]+>|\[[a-z ]+\]|\||…')
"""A line that shows a form, and no command to copy."""


def documented():
    for page in PAGES:
        for block in re.findall(r'^```(?:bash|sh|console)\n(.*?)^```', page.read_text(), re.MULTILINE | re.DOTALL):
            for line in block.replace('\\\n', ' ').splitlines():
                without_comment = re.split(r'(?:^|\s)#', line)[0]
                for command in map(str.strip, re.split(r'\s&&\s|;\s', without_comment)):
                    if command and not PLACEHOLDER.search(command.replace("'{camera}", '')):
                        yield pytest.param(command, id=f'{page.name}: {command[:60]}')


@pytest.mark.parametrize('command', list(documented()))
def test_a_documented_command_works(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    words = [word for word in shlex.split(command) if word != 'sudo']
    while words and re.fullmatch(r'[A-Z_]+=.*', words[0]):
        words = words[1:]
    if not words or words[0] in OTHERS:
        return
    program, arguments = Path(words[0]).name, words[1:]
    if program == 'ros2':
        ros2(shlex.join(words), arguments)
    elif program == 'chromm':
        chromm(arguments, monkeypatch)
    elif program == 'make':
        make = need_program('make', advice='sudo apt install make')
        subprocess.run([make, '-n', *arguments], check=True, capture_output=True)
    elif program.startswith('python'):
        assert arguments[:2] == ['-m', 'venv'] or ours_exist(arguments), command
    elif program == 'pytest':
        assert ours_exist(arguments)
    else:
        pytest.fail(f'{program}: is that a program of ours, or of others?')


def ours_exist(arguments):
    """Scripts and folders of the source tree that are named, at least one."""
    ours = [word for word in arguments if word.endswith('.py') or word.startswith(('test', 'ros_extras', 'tools'))]
    return bool(ours) and all((ROOT / word).exists() for word in ours)


def ros2(line, arguments):
    verb = arguments[0]
    if arguments == ['launch', 'rig/static_transforms.launch.py']:
        return  # written by ``chromm calibrate``; test_people_calibration launches one
    if verb == 'launch':
        assert ros2_launch(line, (*PROGRAMS, *NAV2)).nodes
    elif arguments[:2] == ['run', 'chromm_ros']:
        ros_parameters(arguments[2], arguments[3:])
    elif verb in ('topic', 'service', 'param', 'lifecycle'):
        names = [word.removeprefix('/chromm').strip('/') for word in arguments if word.startswith('/chromm')]
        assert all(not name or name in TOPICS or name in SERVICES for name in names), line
    else:
        assert verb in ('bag', 'security', 'pkg', 'run', 'doctor'), line


def ros_parameters(program, arguments):
    """A node with these arguments must be able to declare its parameters."""
    rclpy.init(args=arguments)
    node = rclpy.create_node(program)
    try:
        declare(node, SETTINGS[program]())
    finally:
        node.destroy_node()
        rclpy.shutdown()


def chromm(arguments, monkeypatch):
    """The command line must take the arguments; what it would call is not called."""
    words = {command.words: command for command in cli.COMMANDS}
    found = max((name for name in words if arguments[: len(name.split())] == name.split()), key=len, default='')
    if not found:
        assert arguments[:1] == [] or arguments[0] in ('--help', '--version', '--completion', 'completion'), arguments
        return
    if words[found].ros:
        ros_parameters('capture', arguments[len(found.split()) :])
        return
    module, _, name = words[found].place.partition(':')
    function = getattr(importlib.import_module(module), name)
    called = []

    @functools.wraps(function)
    def recorder(*args, **values):
        called.append(values)

    monkeypatch.setattr(importlib.import_module(module), name, recorder)
    monkeypatch.setattr(sys, 'argv', ['chromm', *arguments])
    if '--help' in arguments:
        with pytest.raises(SystemExit, match='0'):
            cli.main()
        return
    assert cli.main() == 0
    assert called


@pytest.mark.parametrize(
    'command',
    [
        'ros2 launch chromm_ros multicam.launch.py camera:=front',
        'ros2 run chromm_ros capture --ros-args -p camera:=front',
        'ros2 topic echo /chromm/people',
        'chromm demo --peple 3',
        'make fly',
        'python examples/nowhere.py',
        'flyctl deploy',
    ],
)
def test_a_command_that_does_not_work_would_be_found(command, monkeypatch):
    with pytest.raises((Exception, SystemExit, pytest.fail.Exception)):
        test_a_documented_command_works(command, monkeypatch)
