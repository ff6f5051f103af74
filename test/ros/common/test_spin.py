"""A process with one node ends orderly, and outlives what its callbacks raise."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rclpy
from rclpy.node import Node

from chromm_ros.ros.common.spin import PARENT_VARIABLE, run_node

IDLE = """
import rclpy, sys
from chromm_ros.ros.common.spin import leave, run_node
def node():
    made = rclpy.create_node('idle')
    print('ready', flush=True)
    return made
leave(run_node(node, []))
"""


class Clumsy(Node):
    """Raises in its first callbacks and then asks for the end."""

    def __init__(self, end):
        super().__init__('clumsy')
        self.calls = 0
        self.end = end
        self.destroyed = False
        self.create_timer(0.01, self.work)

    def work(self):
        self.calls += 1
        if self.calls < 3:
            raise ValueError('clumsy')
        self.end()

    def destroy_node(self):
        self.destroyed = True
        super().destroy_node()


def interrupted():
    raise KeyboardInterrupt


@pytest.mark.parametrize('end', [interrupted, rclpy.shutdown])
def test_node_outlives_its_callbacks_and_is_destroyed_at_the_end(end):
    nodes = []

    def make():
        nodes.append(Clumsy(end))
        return nodes[0]

    assert run_node(make, []) == 0
    assert nodes[0].calls == 3
    assert nodes[0].destroyed
    assert not rclpy.ok()


def test_exit_code_of_the_node_is_that_of_the_process():
    def make():
        node = Clumsy(rclpy.shutdown)
        node.exit_code = 1
        return node

    assert run_node(make, []) == 1


def test_error_at_the_start_is_one_line(capsys):
    def make():
        raise ValueError('cameras is empty')

    assert run_node(make, []) == 1
    said = capsys.readouterr().err.strip()
    assert said.endswith(': cameras is empty')
    assert len(said.splitlines()) == 1
    assert not rclpy.ok()


def test_bad_arguments_are_one_line_that_says_what_to_write(capfd, tmp_path):
    (tmp_path / 'broken.yaml').write_text('a: [\n')
    cases = {
        ('-p', 'cameras:=[a]'): 'come behind --ros-args',
        ('cameras:=[a]',): 'come behind --ros-args',
        ('--ros-args', '-p', 'cameras:=[x, y]'): 'write them with quotes',
        ('--ros-args', '-p', 'cameras:=[x'): 'cameras:=[x',
        ('--ros-args', '-p', 'cameras'): "'-p cameras'",
        ('--ros-args', '--params-file', str(tmp_path / 'nowhere.yaml')): 'nowhere.yaml',
        ('--ros-args', '--params-file', str(tmp_path / 'broken.yaml')): 'broken.yaml',
        ('--ros-args', '-r', 'a'): "'-r a'",
        ('--ros-args', '-r', '__ns:=a b'): "'-r __ns:=a b'",
        ('--ros-args', '--log-level', 'loud'): 'loud',
        ('--ros-args', '--foo'): '--foo',
    }
    for words, expected in cases.items():
        assert run_node(lambda: pytest.fail('a node was made'), list(words), 'capture') == 1, words
        said = capfd.readouterr().err.strip().splitlines()
        said = [line for line in said if '[WARN]' not in line]  # rcl's own, for a namespace
        assert len(said) == 1, said
        assert said[0].startswith('capture: ')
        assert expected in said[0]
        assert '/project/src' not in said[0]
        assert not rclpy.ok()


def test_help_is_printed_and_nothing_starts(capsys):
    assert run_node(lambda: pytest.fail('a node was made'), ['--help'], 'capture') == 0
    assert capsys.readouterr().out.startswith('usage: capture [--ros-args')


def idle(**environment):
    process = subprocess.Popen(
        [sys.executable, '-c', IDLE], stdout=subprocess.PIPE, env={**os.environ, **environment}, text=True
    )
    assert process.stdout.readline() == 'ready\n'
    return process


def test_a_node_ends_when_the_launch_that_started_it_is_killed():
    launch = subprocess.Popen(['sleep', '1000'])
    node = idle(**{PARENT_VARIABLE: str(launch.pid)})
    assert node.poll() is None
    launch.kill()
    launch.wait()
    assert node.wait(60) == 0


def test_a_node_ends_at_once_when_the_launch_is_gone_already():
    gone = subprocess.Popen(['true'])
    gone.wait()
    assert idle(**{PARENT_VARIABLE: str(gone.pid)}).wait(60) == 0


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_node_leaves_with_its_exit_status_and_without_the_rites_of_the_interpreter(number, tmp_path):
    rite = f'import atexit, pathlib; atexit.register(pathlib.Path({str(tmp_path / "late")!r}).touch)\n'
    process = subprocess.Popen([sys.executable, '-c', rite + IDLE], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'ready\n'
    process.send_signal(number)
    assert process.wait(60) == 0
    assert not Path(tmp_path / 'late').exists()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('moment', ['before', 'in the middle', 'after'])
def test_a_node_that_is_stopped_while_it_is_made_ends_before_it_spins(number, moment, capfd):
    calls = []

    def make():
        if moment == 'before':
            os.kill(os.getpid(), number)
        node = rclpy.create_node('made')
        if moment == 'in the middle':
            os.kill(os.getpid(), number)
        node.create_timer(0.0, lambda: calls.append(1))
        if moment == 'after':
            os.kill(os.getpid(), number)
        return node

    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert run_node(make, []) == 0
    assert not calls
    assert not rclpy.ok()
    assert capfd.readouterr().err == ''
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_fails_while_a_node_starts_is_not_hidden():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_node(broken, [])
