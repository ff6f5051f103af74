"""The ``chromm`` command: one list of the subcommands that the rooms offer.

A subcommand is imported when it is called, so that ``chromm --help`` is quick and ``chromm train`` needs no ROS.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from dataclasses import dataclass

import tyro

from chromm_ros import __doc__ as ABOUT


@dataclass(frozen=True)
class Command:
    """Where a subcommand lives: a typed function whose docstring is its help."""

    words: str
    place: str
    help: str
    ros: bool = False
    """The arguments go to ROS as they are (``--ros-args ...``)."""


COMMANDS = (
    Command('demo', 'chromm_ros.apps.demo:demo', 'synthetic cameras, capture and viewer, scored against the truth'),
    Command('run', 'chromm_ros.ros.nodes.capture_node:main', 'the capture node, without ros2', ros=True),
    Command('record', 'chromm_ros.apps.record:record', 'write topics into an MCAP bag'),
    Command('replay', 'chromm_ros.apps.replay:replay', 'publish a bag again, with /clock'),
    Command('reconstruct', 'chromm_ros.apps.reconstruct:reconstruct', 'people and scene of recordings'),
    Command('batch', 'chromm_ros.apps.batch:batch', 'many reconstructions, here or on a Ray cluster'),
    Command('train', 'chromm_ros.training.commands:train', 'the two stages of CHROMM, and the tiny preset'),
    Command('evaluate synthetic', 'chromm_ros.evaluation.commands:synthetic', 'scores on held-out synthetic scenes'),
    Command('evaluate scripts', 'chromm_ros.evaluation.commands:scripts', 'who keeps the own id, in scripted worlds'),
    Command(
        'evaluate ablation', 'chromm_ros.evaluation.commands:ablation', 'what each part of the people logic is worth'
    ),
    Command('bench people', 'chromm_ros.benchmarks.people:bench_people', 'tracking to fused people on one core'),
    Command('bench network', 'chromm_ros.benchmarks.network:bench_network', 'the stages of the network'),
    Command('bench ros', 'chromm_ros.benchmarks.ros:bench_ros', 'receive, decode, synchronise, build, publish'),
    Command('bench page', 'chromm_ros.benchmarks.page:bench_page', 'cost of an update of the page, and its memory'),
    Command('weights list', 'chromm_ros.network.commands:weights_list', 'what a weight file holds'),
    Command('weights check', 'chromm_ros.network.commands:weights_check', 'whether a weight file fits'),
    Command('weights convert', 'chromm_ros.network.commands:weights_convert', 'public checkpoints into one file'),
    Command('pictures', 'chromm_ros.synthetic.pictures:write_contact_sheet', 'a look at the synthetic world'),
    Command('body', 'chromm_ros.body.commands:body', 'the free body as an SMPL-X file, or a look at yours'),
)


def main() -> int:
    """Run the subcommand named on the command line; the exit status is 0 only on success."""
    words = sys.argv[1:]
    if not words or words[0] in ('-h', '--help'):
        print(usage())
        return 0 if words else 2
    matches = [command for command in COMMANDS if words[: len(command.words.split())] == command.words.split()]
    if not matches:
        print(f'chromm: unknown command {" ".join(words[:2])!r}\n\n{usage()}', file=sys.stderr)
        return 2
    command = max(matches, key=lambda match: len(match.words))
    module, _, name = command.place.partition(':')
    function = getattr(importlib.import_module(module), name)
    arguments = words[len(command.words.split()) :]
    if command.ros and set(arguments) & {'-h', '--help'}:
        print(f'{inspect.getdoc(function)}\n\nusage: chromm {command.words} [--ros-args -p NAME:=VALUE ...]')
        return 0
    try:
        if command.ros:
            return int(function(arguments) or 0)
        result = tyro.cli(function, prog=f'chromm {command.words}', args=arguments)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        # str() of a KeyError puts quotes around its sentence
        reason = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f'chromm {command.words}: {reason}', file=sys.stderr)
        return 1
    return result if isinstance(result, int) else 0


def usage() -> str:
    """The list of subcommands."""
    width = max(len(command.words) for command in COMMANDS)
    lines = [f'  {command.words:<{width}}  {command.help}' for command in COMMANDS]
    return '\n'.join([f'{ABOUT}\n', 'usage: chromm COMMAND [--help] ...\n', *lines])


if __name__ == '__main__':
    sys.exit(main())
