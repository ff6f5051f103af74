"""The ``chromm`` command: one list of the subcommands that the packages offer.

A subcommand is imported when it is called, so that ``chromm --help`` is quick and ``chromm train`` needs no ROS.
"""

from __future__ import annotations

import configparser
import difflib
import importlib
import importlib.metadata
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path

from chromm_ros import __doc__ as ABOUT
from chromm_ros.settings import UsageError

WRONG_USE = 2
"""Exit status when the command line is wrong, as argparse and tyro have it."""


@dataclass(frozen=True)
class Command:
    """Where a subcommand lives: a typed function whose docstring is its help."""

    words: str
    place: str
    help: str
    ros: bool = False
    """The arguments go to ROS as they are (``--ros-args ...``)."""


TRAINING = 'chromm_ros.training.commands'

TRACKING = 'chromm_ros.evaluation.tracking.commands'

PROTOCOLS = 'chromm_ros.evaluation.protocols.commands'

COMMANDS = (
    Command('demo', 'chromm_ros.apps.demo:demo', 'synthetic cameras, capture and viewer, scored against the truth'),
    Command('demo-real', 'chromm_ros.apps.real_demo:real_demo', 'real cameras as live topics, capture and viewer'),
    Command('run', 'chromm_ros.ros.nodes.capture_node:main', 'the capture node, without ros2', ros=True),
    Command('record', 'chromm_ros.apps.record:record', 'write topics into an MCAP bag'),
    Command('replay', 'chromm_ros.apps.replay:replay', 'publish a bag again, with /clock'),
    Command('reconstruct', 'chromm_ros.apps.reconstruct:reconstruct', 'people and scene of recordings'),
    Command('export', 'chromm_ros.apps.export:export', 'people of a reconstruction as BVH or CSV'),
    Command('calibration convert', 'chromm_ros.apps.calibration:convert', "cameras into another program's format"),
    Command('calibrate', 'chromm_ros.apps.calibrate:calibrate', 'where cameras stand, from people who walk through'),
    Command('batch', 'chromm_ros.apps.batch:batch', 'many reconstructions, here or on a Ray cluster'),
    Command(
        'datasets check', 'chromm_ros.datasets.commands:check', 'what folders of data sets hold, and what they lack'
    ),
    Command('train tiny', 'chromm_ros.apps.train_tiny:tiny', 'the tiny preset from nothing, in a given time'),
    Command('train render', f'{TRAINING}:Render', 'a pool of rendered rooms'),
    Command('train scene', f'{TRAINING}:Scene', 'pre-train the scene branch of the tiny preset'),
    Command('train human', f'{TRAINING}:Human', 'pre-train the human branch of the tiny preset'),
    Command('train heads', f'{TRAINING}:Heads', 'stage 1 of CHROMM: the heads on frozen backbones'),
    Command('train pelvis', f'{TRAINING}:Pelvis', 'stage 2 of CHROMM: the pelvis MLPs on single images'),
    Command('train export', f'{TRAINING}:Export', 'one file of weights out of finished runs'),
    Command('evaluate synthetic', 'chromm_ros.evaluation.commands:synthetic', 'scores on held-out synthetic scenes'),
    Command('evaluate scripts', 'chromm_ros.evaluation.commands:scripts', 'who keeps their id, in scripted worlds'),
    Command(
        'evaluate ablation', 'chromm_ros.evaluation.commands:ablation', 'what each part of the people logic is worth'
    ),
    Command(
        'evaluate tracking', f'{TRACKING}:tracking', 'who keeps their id over minutes, and who is published falsely'
    ),
    Command(
        'evaluate planner',
        'chromm_ros.benchmarks.planner:evaluate_planner',
        'what a planner reads: margins, places, floors, and whether they hold',
    ),
    Command('evaluate errors', f'{TRACKING}:errors', 'measure how the detections of a network err, for its preset'),
    Command(
        'evaluate real',
        'chromm_ros.apps.evaluate_real:evaluate_real',
        'people on real cameras: reprojection, ids, rig',
    ),
    Command('evaluate emdb', f'{PROTOCOLS}:emdb', 'EMDB-2: motion before a moving camera (Table 1)'),
    Command('evaluate rich', f'{PROTOCOLS}:rich', 'RICH: motion before one camera or all (Table 1)'),
    Command('evaluate egohumans', f'{PROTOCOLS}:egohumans', 'EgoHumans: people before four cameras (Tables 2, 6)'),
    Command('evaluate egoexo4d', f'{PROTOCOLS}:egoexo4d', 'Ego-Exo4D: a person before its cameras (Table 2)'),
    Command('evaluate prox', f'{PROTOCOLS}:prox', 'PROX: depth of single images (Table 9)'),
    Command('evaluate 3dpw', f'{PROTOCOLS}:threedpw', '3DPW: the pelvis in single images (Table 8)'),
    Command('evaluate table', f'{PROTOCOLS}:table', 'the ablations of Tables 4 to 10 on the data sets'),
    Command('bench people', 'chromm_ros.benchmarks.people:bench_people', 'tracking to fused people on one core'),
    Command('bench live', 'chromm_ros.benchmarks.live:bench_live', 'a live window beside the obvious way, as ratios'),
    Command('bench network', 'chromm_ros.benchmarks.network:bench_network', 'the stages of the network'),
    Command('bench ros', 'chromm_ros.benchmarks.ros:bench_ros', 'receive, decode, synchronise, build, publish'),
    Command('bench resume', 'chromm_ros.benchmarks.resume:bench_resume', 'saving the state of a long reconstruction'),
    Command('bench page', 'chromm_ros.benchmarks.page:bench_page', 'cost of an update of the page, and its memory'),
    Command('bench data', 'chromm_ros.benchmarks.data:bench_data', 'images that the loaders of data sets make ready'),
    Command('weights list', 'chromm_ros.network.commands:weights_list', 'what a weight file holds'),
    Command('weights check', 'chromm_ros.network.commands:weights_check', 'whether a weight file fits'),
    Command('weights convert', 'chromm_ros.network.commands:weights_convert', 'public checkpoints into one file'),
    Command('pictures', 'chromm_ros.synthetic.pictures:write_contact_sheet', 'a look at the synthetic world'),
    Command('body', 'chromm_ros.body.commands:body', 'the free body as an SMPL-X file, or a look at yours'),
)


def main() -> int:
    """Run the subcommand named on the command line; the exit status is 0 only on success."""
    words = sys.argv[1:]
    if not words or words[0] in ('-h', '--help', 'help'):
        print(usage())
        return 0
    if words[0] in ('-V', '--version'):
        print(f'chromm_ros {version()}')
        return 0
    if words[0] == 'completion':
        return print_completion(words[1:])
    matches = [command for command in COMMANDS if words[: len(command.words.split())] == command.words.split()]
    if not matches:
        return explain_unknown(words)
    command = max(matches, key=lambda match: len(match.words))
    try:
        return run(command, words[len(command.words.split()) :])
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        # str() of a KeyError puts quotes around its sentence
        reason = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f'chromm {command.words}: {reason}', file=sys.stderr)
        return WRONG_USE if isinstance(error, UsageError) else 1


def run(command: Command, arguments: list[str]) -> int:
    """Call the function of a subcommand, or run its object, with the arguments behind its name; the exit status."""
    module, _, name = command.place.partition(':')
    function = getattr(importlib.import_module(module), name)
    if not command.ros:
        import tyro

        result = tyro.cli(function, prog=f'chromm {command.words}', args=arguments)
        if inspect.isclass(function):
            result = result.run()
        return result if isinstance(result, int) else 0
    if set(arguments) & {'-h', '--help'}:
        print(f'{inspect.getdoc(function)}\n\nusage: chromm {command.words} [--ros-args -p NAME:=VALUE ...]')
        return 0
    return int(function(arguments) or 0)


def explain_unknown(words: list[str]) -> int:
    """A group alone (``chromm bench``) shows its commands; another word gets the nearest command that exists."""
    group = [command for command in COMMANDS if command.words.startswith(f'{words[0]} ')]
    asked = [word for word in words if not word.startswith('-')]
    if group and len(asked) == 1:
        print(usage(group, f'chromm {words[0]} COMMAND [--help] ...'))
        return 0 if len(words) > 1 else WRONG_USE
    typed = ' '.join(asked[: 2 if group else 1])
    names = {command.words for command in COMMANDS} | {command.words.split()[0] for command in COMMANDS}
    close = difflib.get_close_matches(typed, sorted(names), 1)
    hint = f'did you mean "chromm {close[0]}"?' if close else 'chromm --help lists the commands'
    print(f'chromm: unknown command {typed!r}; {hint}', file=sys.stderr)
    return WRONG_USE


def usage(commands: tuple[Command, ...] | list[Command] = COMMANDS, line: str = 'chromm COMMAND [--help] ...') -> str:
    """A list of subcommands."""
    width = max(len(command.words) for command in commands)
    lines = [f'  {command.words:<{width}}  {command.help}' for command in commands]
    if commands is COMMANDS:
        lines += [
            '',
            '--version shows the version; eval "$(chromm completion bash)" completes commands in bash.',
        ]
    return '\n'.join([f'{ABOUT}\n', f'usage: {line}\n', *lines])


def version() -> str:
    """The version of the package, from its metadata or from the source tree that it runs in."""
    try:
        return importlib.metadata.version('chromm_ros')
    except importlib.metadata.PackageNotFoundError:  # a colcon workspace, or a checkout on PYTHONPATH
        setup = configparser.ConfigParser()
        setup.read(Path(__file__).parents[1] / 'setup.cfg')
        return setup.get('metadata', 'version', fallback='of an unknown version')


def print_completion(words: list[str]) -> int:
    """``chromm completion bash|zsh``: a script for the shell that completes the subcommands, then file names."""
    if words not in (['bash'], ['zsh']):
        print('chromm completion: name the shell, bash or zsh', file=sys.stderr)
        return WRONG_USE
    first = sorted({command.words.split()[0] for command in COMMANDS})
    lines = [f'    1:*) names="{" ".join(first)}" ;;']
    for group in first:
        second = [command.words.split()[1] for command in COMMANDS if command.words.startswith(f'{group} ')]
        if second:
            lines.append(f'    2:{group}) names="{" ".join(second)}" ;;')
    script = [
        *(['autoload -U +X bashcompinit && bashcompinit'] if words == ['zsh'] else []),
        '_chromm() {',
        '  local names=""',
        '  case "$COMP_CWORD:${COMP_WORDS[1]}" in',
        *lines,
        '  esac',
        '  COMPREPLY=($(compgen -W "$names" -- "${COMP_WORDS[COMP_CWORD]}"))',
        '}',
        'complete -o default -F _chromm chromm',
    ]
    print('\n'.join(script))
    return 0


if __name__ == '__main__':
    sys.exit(main())
