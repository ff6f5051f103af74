import importlib
import shutil
import subprocess
import sys

import pytest
import rclpy
from standins import StandInBackend

from chromm_ros.cli import COMMANDS, main, version
from chromm_ros.network.files.weight_file import packaged
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


@pytest.fixture
def call(monkeypatch, capsys):
    """``chromm WORDS...`` inside of this process: exit status, stdout, stderr."""

    def run(*words):
        monkeypatch.setattr(sys, 'argv', ['chromm', *map(str, words)])
        try:
            status = main()
        except SystemExit as end:  # tyro, for --help and for arguments that it does not know
            status = end.code
        return status, *capsys.readouterr()

    return run


def test_the_program_runs_as_a_process_of_its_own():
    shown = chromm('--help')
    assert shown.returncode == 0
    assert all(command.words in shown.stdout for command in COMMANDS)


@pytest.mark.parametrize('words', [(), ('-h',), ('--help',), ('help',)])
def test_help_is_what_one_gets_without_a_command(call, words):
    status, out, _ = call(*words)
    assert status == 0
    assert all(command.words in out for command in COMMANDS)


@pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.words)
def test_every_command_shows_its_help_through_main(call, command):
    status, out, _ = call(*command.words.split(), '--help')
    assert status == 0
    assert command.words in out


@pytest.mark.parametrize('command', [c for c in COMMANDS if not c.ros], ids=lambda command: command.words)
def test_every_command_refuses_an_option_that_it_does_not_have(call, command):
    status, _, err = call(*command.words.split(), '--no-such-option')
    assert status == 2
    assert 'no-such-option' in err or 'Missing' in err  # tyro speaks of what is missing first


@pytest.mark.parametrize(
    ('typed', 'meant'),
    [
        ('reconstuct', 'reconstruct'),
        ('recrod', 'record'),
        ('evalute', 'evaluate'),
        ('weight', 'weights'),
        ('bench peple', 'bench people'),
        ('evaluate syntetic --seed 3', 'evaluate synthetic'),
    ],
)
def test_a_misspelt_command_names_the_one_that_was_meant(call, typed, meant):
    status, out, err = call(*typed.split())
    assert (status, out) == (2, '')
    assert f'did you mean "chromm {meant}"?' in err
    assert err.count('\n') == 1


def test_a_word_that_is_like_no_command_points_to_the_help(call):
    assert call('qqq') == (2, '', "chromm: unknown command 'qqq'; chromm --help lists the commands\n")


@pytest.mark.parametrize('group', sorted({c.words.split()[0] for c in COMMANDS if ' ' in c.words}))
def test_a_group_alone_lists_its_own_commands(call, group):
    status, out, _ = call(group)
    listed = [line.split('  ')[1] for line in out.splitlines() if line.startswith('  ')]
    assert listed == [command.words for command in COMMANDS if command.words.startswith(f'{group} ')]
    assert status == 2
    assert call(group, '--help')[0] == 0


def test_reconstruct_alone_names_everything_that_it_needs(call):
    status, _, err = call('reconstruct')
    assert status == 2
    assert 'INPUT' in err
    assert '--out' in err


def test_the_version_is_that_of_the_package(call):
    assert call('--version') == (0, f'chromm_ros {version()}\n', '')
    assert call('-V')[1] == call('--version')[1]


@pytest.mark.parametrize('shell', ['bash', 'zsh'])
def test_the_shell_completes_commands_and_their_second_word(call, shell):
    status, script, _ = call('completion', shell)
    assert status == 0
    if shutil.which(shell) is None:
        shell = 'bash'
        script = script.replace('autoload -U +X bashcompinit && bashcompinit', '')
    ask = 'COMP_WORDS=(chromm {}); COMP_CWORD={}; _chromm; echo "${{COMPREPLY[@]}}"'
    for typed, position, offered in (('rec', 1, 'reconstruct record'), ('weights ch', 2, 'check'), ('demo x', 2, '')):
        answer = subprocess.run(
            ['bash', '-c', script + ask.format(typed, position)], capture_output=True, text=True, check=True
        )
        assert answer.stdout.strip() == offered


def test_a_completion_for_another_shell_is_refused(call):
    assert call('completion', 'dos')[0] == 2
    assert call('completion')[0] == 2


@pytest.mark.parametrize('port', [0, -1, 65536, 70000])
def test_a_port_that_does_not_exist_is_one_line_and_wrong_use(call, port):
    status, _, err = call('demo', '--port', port)
    assert status == 2
    assert err == f'chromm demo: port is {port}; it must be between 1 and 65535\n'


def test_a_missing_file_is_one_clear_line_and_a_failure(call):
    status, _, err = call('weights', 'list', '/nowhere/pi3x.safetensors')
    assert status == 1
    assert '/nowhere/pi3x.safetensors' in err
    assert err.count('\n') == 1


def test_small_commands_do_their_work_through_main(call, tmp_path):
    assert call('body', '--write', tmp_path / 'body.npz')[0] == 0
    assert call('body', '--path', tmp_path / 'body.npz')[0] == 0
    assert call('weights', 'check', packaged('tiny'), '--preset', 'tiny')[0] == 0
    assert 'human' in call('weights', 'list', packaged('tiny'))[1]
    assert call('pictures', '--path', tmp_path / 'worlds.png', '--worlds', 1, '--views', 1, '--times', 1.0)[0] == 0
    assert (tmp_path / 'worlds.png').stat().st_size > 1000
    assert (
        call('evaluate', 'ablation', '--output', tmp_path / 'a.md', '--scenes', 1, '--steps', 3, '--people', 2)[0]
        == 0
    )
    assert (tmp_path / 'a.md').exists()


@pytest.mark.slow
def test_evaluations_do_their_work_through_main(call, tmp_path):
    one = ('--seed', 1_000_100, '--json')
    assert call('evaluate', 'synthetic', *one, tmp_path / 's.json', '--scenes', 1, '--steps', 2)[0] == 0
    assert call('evaluate', 'scripts', *one, tmp_path / 'r.json', '--runs', 1, '--script', 'hidden')[0] == 0
    assert all((tmp_path / name).stat().st_size > 10 for name in ('s.json', 'r.json'))


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
