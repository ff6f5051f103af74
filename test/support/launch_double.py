"""A recording double of the ``launch`` and ``launch_ros`` packages: it executes launch files and starts nothing.

Only what the launch files of this package use, with upstream's names, and with the rules of upstream that a launch
file can stumble over: arguments that nobody declared pass in silence; a node action looks for its program only when
its turn comes, while what stands before it runs already; a parameter file that does not exist is a warning; a
substitution among the parameters is read as YAML.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml
from ament_index_python.packages import get_package_prefix

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = ROOT / 'launch'


@dataclass
class LaunchContext:
    """Values of the arguments, and what was recorded."""

    launch_configurations: dict[str, str] = field(default_factory=dict)
    argv: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    environment: dict[str, str] = field(default_factory=dict)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    included: list[str] = field(default_factory=list)


class LaunchDescriptionEntity:
    def visit(self, context: LaunchContext) -> None:
        raise NotImplementedError


class LaunchDescription(LaunchDescriptionEntity):
    def __init__(self, entities=()):
        self.entities = list(entities)

    def visit(self, context):
        for entity in self.entities:
            entity.visit(context)


class LaunchConfiguration:
    def __init__(self, name: str):
        self.name = name

    def perform(self, context: LaunchContext) -> str:
        if self.name not in context.launch_configurations:
            raise KeyError(f"launch configuration '{self.name}' does not exist")
        context.used.add(self.name)
        return context.launch_configurations[self.name]


class DeclareLaunchArgument(LaunchDescriptionEntity):
    def __init__(self, name: str, *, default_value: str, description: str, choices=None):
        assert description, f'the argument {name} has no description'
        if choices is not None and default_value not in choices:
            raise RuntimeError(f'Provided default_value "{default_value}" is not in provided choices "{choices}".')
        self.name, self.default_value, self.choices = name, default_value, choices

    def visit(self, context):
        context.declared[self.name] = self.default_value
        value = context.launch_configurations.setdefault(self.name, self.default_value)
        if self.choices is not None and value not in self.choices:
            raise RuntimeError(
                f'Argument "{self.name}" provided value "{value}" is not valid. Valid options are: {self.choices}'
            )


class SetEnvironmentVariable(LaunchDescriptionEntity):
    def __init__(self, name: str, value: str):
        self.name, self.value = name, value

    def visit(self, context):
        context.environment[self.name] = performed(self.value, context)


class OpaqueFunction(LaunchDescriptionEntity):
    def __init__(self, *, function):
        self.function = function

    def visit(self, context):
        for entity in self.function(context) or ():
            entity.visit(context)


class Shutdown(LaunchDescriptionEntity):
    def __init__(self, *, reason: str):
        self.reason = reason


class PythonLaunchDescriptionSource:
    def __init__(self, path: str):
        self.path = path


class IncludeLaunchDescription(LaunchDescriptionEntity):
    def __init__(self, source: PythonLaunchDescriptionSource, *, launch_arguments=()):
        self.source, self.launch_arguments = source, list(launch_arguments)

    def visit(self, context):
        context.included.append(self.source.path)
        given = {name: performed(value, context) for name, value in self.launch_arguments}
        outer, context.declared = context.declared, {}
        context.launch_configurations.update(given)
        load(Path(self.source.path)).visit(context)
        unknown = given.keys() - context.declared.keys()
        assert not unknown, f'{self.source.path} does not declare {sorted(unknown)}'
        context.declared = outer


class Node(LaunchDescriptionEntity):
    def __init__(
        self, *, package, executable, name=None, namespace=None, parameters=(), remappings=(), arguments=(), **options
    ):
        unknown = options.keys() - {'output', 'additional_env', 'on_exit'}
        assert not unknown, f'a node action has no {sorted(unknown)}'
        self.described = {
            'package': package,
            'executable': executable,
            'name': name,
            'namespace': namespace,
            'parameters': list(parameters),
            'remappings': list(remappings),
            'arguments': list(arguments),
            'environment': options.get('additional_env', {}),
            'on_exit': options.get('on_exit'),
        }

    def visit(self, context):
        described = {name: performed(value, context) for name, value in self.described.items()}
        program = Path(get_package_prefix(described['package']), 'lib', described['package'], described['executable'])
        if not program.is_file():
            raise RuntimeError(f"executable '{program.name}' not found on the libexec directory '{program.parent}'")
        described['environment'] = {**context.environment, **described['environment']}
        context.nodes.append(described)


def performed(value: Any, context: LaunchContext) -> Any:
    """Substitutions replaced by their values, and parameters read as launch_ros reads them."""
    if isinstance(value, LaunchConfiguration):
        return value.perform(context)
    if isinstance(value, dict):
        return {name: parameter(item, context) for name, item in value.items()}
    if isinstance(value, list):
        return [performed(item, context) for item in value]
    return value


def parameter(value: Any, context: LaunchContext) -> Any:
    return yaml.safe_load(performed(value, context)) if isinstance(value, LaunchConfiguration) else value


MODULES = {
    'launch': (LaunchContext, LaunchDescription, LaunchDescriptionEntity),
    'launch.actions': (
        DeclareLaunchArgument,
        IncludeLaunchDescription,
        OpaqueFunction,
        SetEnvironmentVariable,
        Shutdown,
    ),
    'launch.launch_description_sources': (PythonLaunchDescriptionSource,),
    'launch.substitutions': (LaunchConfiguration,),
    'launch_ros': (),
    'launch_ros.actions': (Node,),
}


@contextmanager
def installed() -> Iterator[None]:
    """The double in place of the real packages, whichever are there."""
    modules = {name: types.ModuleType(name) for name in MODULES}
    for name, members in MODULES.items():
        for member in members:
            setattr(modules[name], member.__name__, member)
    with mock.patch.dict(sys.modules, modules):
        yield


@contextmanager
def prefix_with(*programs: str) -> Iterator[None]:
    """Programs ``package/executable`` in a prefix of the ament index, and no others."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for program in programs:
            package, _, name = program.partition('/')
            marker = Path(folder, 'share/ament_index/resource_index/packages', package)
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
            file = Path(folder, 'lib', package, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        with mock.patch.dict(os.environ, {'AMENT_PREFIX_PATH': folder}):
            yield


def load(path: Path) -> LaunchDescription:
    """The description that a launch file generates."""
    spec = importlib.util.spec_from_file_location(path.stem.replace('.', '_'), path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


PROGRAMS = ('chromm_ros/capture', 'chromm_ros/cameras', 'rviz2/rviz2')


class LaunchFailed(Exception):
    """A launch file raised; ``started`` is what runs by then, which nobody stops."""

    def __init__(self, reason: Exception, started: list[dict[str, Any]]):
        super().__init__(str(reason.args[0]) if reason.args else str(reason))
        self.started = started


def ros2_launch(line: str, programs: tuple[str, ...] = PROGRAMS, **configurations: str) -> LaunchContext:
    """Execute a line as typed into a shell: ``ros2 launch chromm_ros FILE NAME:=VALUE ...``, or with a path.

    Args:
        programs: what is installed.
        configurations: of a launch file around it, as ``ros_namespace`` of PushRosNamespace.
    """
    words = shlex.split(line)
    assert words[:2] == ['ros2', 'launch'], line
    file, arguments = (LAUNCH / words[3], words[4:]) if words[2] == 'chromm_ros' else (ROOT / words[2], words[3:])
    for argument in arguments:
        if ':=' not in argument or argument.startswith(':=') or argument.endswith(':='):
            raise RuntimeError(f"malformed launch argument '{argument}', expected format '<name>:=<value>'")
    given = dict(argument.split(':=', 1) for argument in arguments)
    context = LaunchContext({**configurations, **given}, arguments)
    with installed(), prefix_with(*programs), mock.patch.object(sys, 'argv', ['/opt/ros/jazzy/bin/ros2', *words[1:]]):
        try:
            load(file).visit(context)
        except Exception as error:
            raise LaunchFailed(error, context.nodes) from error
    return context


def execute(path: Path, programs: tuple[str, ...] = PROGRAMS, **arguments: str) -> LaunchContext:
    """The same from arguments."""
    words = [f'{name}:={value}' for name, value in arguments.items()]
    return ros2_launch(shlex.join(['ros2', 'launch', 'chromm_ros', path.name, *words]), programs)
