"""A recording double of the ``launch`` and ``launch_ros`` packages: it executes launch files and starts nothing.

Only what the launch files of this package use, with upstream's names and meaning. It keeps what would be started.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class LaunchContext:
    """Values of the arguments, and what was recorded."""

    launch_configurations: dict[str, str] = field(default_factory=dict)
    declared: dict[str, str | None] = field(default_factory=dict)
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
            raise KeyError(f'launch configuration {self.name!r} does not exist')
        context.used.add(self.name)
        return context.launch_configurations[self.name]


class IfCondition:
    def __init__(self, expression):
        self.expression = expression

    def evaluate(self, context: LaunchContext) -> bool:
        value = performed(self.expression, context).lower()
        if value not in ('true', 'false', '1', '0'):
            raise ValueError(f'{value!r} is no condition')
        return value in ('true', '1')


class DeclareLaunchArgument(LaunchDescriptionEntity):
    def __init__(self, name: str, *, default_value: str | None = None, description: str = ''):
        if not description:
            raise ValueError(f'the argument {name} has no description')
        self.name, self.default_value = name, default_value

    def visit(self, context):
        context.declared[self.name] = self.default_value
        if self.name not in context.launch_configurations:
            if self.default_value is None:
                raise RuntimeError(f'required launch argument {self.name} was not provided')
            context.launch_configurations[self.name] = self.default_value


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


class PythonLaunchDescriptionSource:
    def __init__(self, path: str):
        self.path = path


class IncludeLaunchDescription(LaunchDescriptionEntity):
    def __init__(self, source: PythonLaunchDescriptionSource, *, launch_arguments=()):
        self.source, self.launch_arguments = source, list(launch_arguments)

    def visit(self, context):
        context.included.append(self.source.path)
        given = {name: performed(value, context) for name, value in self.launch_arguments}
        inner = LaunchContext({**context.launch_configurations, **given})
        load(Path(self.source.path)).visit(inner)
        unknown = given.keys() - inner.declared.keys()
        if unknown:
            raise RuntimeError(f'{self.source.path} does not declare {sorted(unknown)}')
        context.environment.update(inner.environment)
        context.nodes += inner.nodes


class Node(LaunchDescriptionEntity):
    def __init__(
        self,
        *,
        package,
        executable,
        name=None,
        namespace=None,
        parameters=(),
        arguments=(),
        output='log',
        condition=None,
    ):
        self.described = {
            'package': package,
            'executable': executable,
            'name': name,
            'namespace': namespace,
            'parameters': list(parameters),
            'arguments': list(arguments),
            'output': output,
        }
        self.condition = condition

    def visit(self, context):
        if self.condition is not None and not self.condition.evaluate(context):
            return
        context.nodes.append({name: performed(value, context) for name, value in self.described.items()})


def performed(value: Any, context: LaunchContext) -> Any:
    """Substitutions replaced by their values."""
    if isinstance(value, LaunchConfiguration):
        return value.perform(context)
    if isinstance(value, list):
        return [performed(item, context) for item in value]
    return value


MODULES = {
    'launch': (LaunchContext, LaunchDescription, LaunchDescriptionEntity),
    'launch.actions': (DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, SetEnvironmentVariable),
    'launch.conditions': (IfCondition,),
    'launch.launch_description_sources': (PythonLaunchDescriptionSource,),
    'launch.substitutions': (LaunchConfiguration,),
    'launch_ros': (),
    'launch_ros.actions': (Node,),
}


@contextmanager
def installed() -> Iterator[None]:
    """The double in place of the real packages, whichever are there."""
    before = {name: sys.modules.get(name) for name in MODULES}
    for name, members in MODULES.items():
        module = types.ModuleType(name)
        for member in members:
            setattr(module, member.__name__, member)
        sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def load(path: Path) -> LaunchDescription:
    """The description that a launch file generates."""
    spec = importlib.util.spec_from_file_location(path.stem.replace('.', '_'), path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def execute(path: Path, **arguments: str) -> LaunchContext:
    """Run a launch file as ``ros2 launch path name:=value ...`` would, and return what it did."""
    with installed():
        context = LaunchContext(dict(arguments))
        load(path).visit(context)
    unknown = arguments.keys() - context.declared.keys()
    if unknown:
        raise RuntimeError(f'{path.name} does not declare {sorted(unknown)}')
    return context
