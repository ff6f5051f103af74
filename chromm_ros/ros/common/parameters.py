"""ROS parameters out of settings: typed descriptors with ranges, the YAML file and the reference tables.

There is one table, the settings dataclasses; whatever else says something about parameters is made from it here.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from chromm_ros.ros.common.settings import CamerasSettings, Parameters, ViewerSettings
from chromm_ros.settings import Leaf, changed, leaves

Settings = TypeVar('Settings')

FOREIGN = ('use_sim_time', 'qos_overrides', 'start_type_description_service')
"""Parameters that ROS itself understands."""


class ParameterError(ValueError):
    """A parameter that the user gave is wrong; the text is for the user."""


class LoadsItsOwnDump:
    """Mixin of a node: a read-only parameter that gets the value it has is accepted.

    rclpy refuses it whatever the value, so that `ros2 param load` of what `ros2 param dump` wrote would fail for the
    QoS overrides.
    """

    def set_parameters_atomically(self, parameter_list: list[Parameter]) -> SetParametersResult:
        changes = [parameter for parameter in parameter_list if not self._is_fixed_at(parameter)]
        if parameter_list and not changes:
            return SetParametersResult(successful=True)
        return super().set_parameters_atomically(changes)  # type: ignore[misc]

    def _is_fixed_at(self, parameter: Parameter) -> bool:
        node: Any = self
        if not node.has_parameter(parameter.name) or not node.describe_parameter(parameter.name).read_only:
            return False
        return bool(node.get_parameter(parameter.name).value == parameter.value)


def parameter_leaves(settings: Any) -> list[Leaf]:
    """The leaves of settings as parameters. Of :class:`Parameters` the two halves lose their prefix."""
    if isinstance(settings, Parameters):
        return [*leaves(settings.node), *leaves(settings.capture)]
    return list(leaves(settings))


def descriptor(leaf: Leaf) -> ParameterDescriptor:
    """What ``ros2 param describe`` shows of one setting."""
    unit = f' [{leaf.unit}]' if leaf.unit else ''
    about = ParameterDescriptor(description=f'{leaf.help}{unit}', additional_constraints=_constraints(leaf))
    limits = leaf.range
    if limits.low is None and limits.high is None:
        return about
    if leaf.type is int:
        low = -(2**63) if limits.low is None else int(limits.low)
        high = 2**63 - 1 if limits.high is None else int(limits.high)
        about.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    else:
        low_float = -sys.float_info.max if limits.low is None else float(limits.low)
        high_float = sys.float_info.max if limits.high is None else float(limits.high)
        about.floating_point_range = [FloatingPointRange(from_value=low_float, to_value=high_float, step=0.0)]
    return about


def declare(node: Node, settings: Settings) -> Settings:
    """Declare every leaf as a parameter and return the settings with the values that the user gave.

    Raises:
        ParameterError: a value is out of range or of the wrong type, or a name is not known.
    """
    known = parameter_leaves(settings)
    _refuse_unknown(node, [leaf.name for leaf in known])
    values = {}
    for leaf in known:
        try:
            value = node.declare_parameter(leaf.name, _to_ros(leaf.default), descriptor(leaf)).value
        except InvalidParameterTypeException:
            raise ParameterError(_wrong_type(leaf, node._parameter_overrides[leaf.name].value)) from None
        except ParameterException as error:
            raise ParameterError(f'parameter {leaf.name}: {error}') from None
        if value is None:
            raise ParameterError(f'{leaf.name} has no value; {_kind(leaf)} expected, as in {_example(leaf)}')
        values[leaf.name] = value
    return with_values(settings, values)


def with_values(settings: Settings, values: dict[str, Any]) -> Settings:
    """A copy of the settings with parameters replaced by values as ROS gives them.

    Raises:
        ParameterError: a value is out of range, or a name is not known.
    """
    own = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    try:
        if not isinstance(settings, Parameters):
            return changed(settings, own)
        of_node = {leaf.name for leaf in leaves(settings.node)}
        node = {name: value for name, value in own.items() if name in of_node}
        capture = {name: value for name, value in own.items() if name not in of_node}
        return Parameters(changed(settings.node, node), changed(settings.capture, capture))  # type: ignore[return-value]
    except (KeyError, ValueError) as error:
        raise ParameterError(str(error.args[0])) from None


def updated(settings: Settings, parameters: Iterable[Parameter], running: bool) -> Settings:
    """What ``set_parameters`` makes of the settings; foreign parameters are left alone.

    Args:
        running: the node is configured; only live settings may change. A setting that gets the value it has does not
            change, so that a file of `ros2 param dump` can be loaded again.

    Raises:
        ParameterError: with the reason of the refusal.
    """
    own = [parameter for parameter in parameters if parameter.name.partition('.')[0] not in FOREIGN]
    if not own:
        return settings
    known = {leaf.name: leaf for leaf in parameter_leaves(settings)}
    values = {}
    for parameter in own:
        leaf = known.get(parameter.name)
        if running and leaf and not leaf.live and parameter.value != _to_ros(leaf.default):
            raise ParameterError(
                f'{parameter.name} cannot change while the node runs; start it anew, or deactivate and clean up first'
            )
        values[parameter.name] = parameter.value
    return with_values(settings, values)


def _refuse_unknown(node: Node, known: list[str]) -> None:
    """ROS ignores parameters that nobody declares; a misspelt safety setting should not pass in silence."""
    for name in node._parameter_overrides:
        if name in known or name.partition('.')[0] in FOREIGN:
            continue
        close = difflib.get_close_matches(name, known, 1)
        hint = f'; did you mean {close[0]}?' if close else ''
        raise ParameterError(f'unknown parameter {name}{hint}')


def _wrong_type(leaf: Leaf, value: Any) -> str:
    """Why ROS refuses a value, with what YAML made of it."""
    text = f'{leaf.name} is {value!r}; {_kind(leaf)} expected, as in {_example(leaf)}'
    items = value if isinstance(value, (list, tuple)) else [value]
    words = isinstance(leaf.default, str) or (isinstance(leaf.default, tuple) and isinstance(leaf.default[0], str))
    if words and any(isinstance(item, bool) for item in items):
        text += '; YAML reads y, n, yes, no, on and off as booleans unless they stand in quotes'
    return text


def _kind(leaf: Leaf) -> str:
    """What ROS expects of a setting, in words."""
    if isinstance(leaf.default, tuple):
        return 'a list of names'
    return {bool: 'true or false', int: 'a whole number', float: 'a number with a decimal point'}.get(
        type(leaf.default), 'a text'
    )


def _example(leaf: Leaf) -> str:
    return f'{leaf.name}:={yaml_value(leaf.default)}'


def _to_ros(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _constraints(leaf: Leaf) -> str:
    words = f'one of {", ".join(leaf.range.choices)}' if leaf.range.choices else ''
    return '; '.join(filter(None, (words, '' if leaf.live else 'fixed while the node is configured')))


def parameters_yaml() -> str:
    """The text of config/multicam.yaml: every parameter with its meaning, range and default."""
    lines = [
        '# Every parameter of the capture node with its default. Made by chromm_ros/ros/common/parameters.py.',
        '# A value may change while the node runs where the line says "live"; else before it is configured.',
        '',
        '/**:',
        '  ros__parameters:',
    ]
    group: list[str] = []
    for leaf in parameter_leaves(Parameters()):
        *path, name = leaf.name.split('.')
        if path != group:
            common = sum(1 for a, b in zip(path, group) if a == b)
            lines += [''] + [f'{"  " * (2 + depth)}{part}:' for depth, part in enumerate(path) if depth >= common]
            group = path
        indent = '  ' * (2 + len(path))
        lines += [f'{indent}# {text}' for text in (leaf.help, _range_text(leaf)) if text]
        lines.append(f'{indent}{name}: {yaml_value(leaf.default)}')
    return '\n'.join(lines) + '\n'


def tables_markdown() -> str:
    """The parameter tables of docs/reference.md."""
    parts = []
    for title, settings in (
        ('`capture`', Parameters()),
        ('`cameras`', CamerasSettings()),
        ('`viewer`', ViewerSettings()),
    ):
        parts += [f'## Parameters of {title}', '', '| parameter | default | range | meaning |', '|---|---|---|---|']
        for leaf in parameter_leaves(settings):
            name = f'`{leaf.name}`' + (' ★' if leaf.live else '')
            parts.append(f'| {name} | `{yaml_value(leaf.default)}` | {_limits(leaf)} | {leaf.help} |')
        parts.append('')
    return '\n'.join([*parts, '★ may change while the node is active.', ''])


def _range_text(leaf: Leaf) -> str:
    return '; '.join(filter(None, (_limits(leaf), 'live' if leaf.live else '')))


def _limits(leaf: Leaf) -> str:
    limits = leaf.range
    if limits.choices:
        return ', '.join(limits.choices)
    unit = f' {leaf.unit}' if leaf.unit else ''
    if limits.low is not None and limits.high is not None:
        return f'{limits.low:g} to {limits.high:g}{unit}'
    if limits.low is not None:
        return f'at least {limits.low:g}{unit}'
    if limits.high is not None:
        return f'at most {limits.high:g}{unit}'
    return leaf.unit


def yaml_value(value: Any) -> str:
    """A value as a YAML file holds it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, tuple):
        return f'[{", ".join(map(yaml_value, value))}]'
    if isinstance(value, float):
        text = repr(value)
        return text if 'e' not in text or '.' in text else text.replace('e', '.0e')
    return str(value)
