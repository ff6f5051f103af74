"""The settings of the node that say what comes in, as options of the commands that read or write recordings."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.ros.common.names import camera_names, full_namespace
from chromm_ros.ros.common.parameter_checks import check
from chromm_ros.ros.common.parameter_files import read_parameters
from chromm_ros.ros.common.parameters import with_values
from chromm_ros.ros.common.settings import Parameters
from chromm_ros.settings import Leaf, UsageError, leaves

LIVE_ONLY = ('image_reliability',)
"""Settings of the intake that a recording has no use for."""


def _option(help_text: str, kind: Any, shown: str, metavar: str) -> Any:
    return Annotated[kind, tyro.conf.arg(help=help_text, help_behavior_hint=f'(default: {shown})', metavar=metavar)]


def _type_of(leaf: Leaf) -> tuple[Any, str]:
    """The type of an option, and how the help calls its value."""
    if leaf.range.choices:
        return Literal[leaf.range.choices], '|'.join(leaf.range.choices)
    if isinstance(leaf.default, tuple):
        return tuple[str, ...], 'NAME ...'
    names = {bool: 'True|False', float: leaf.unit.upper() or 'NUMBER', int: 'NUMBER', str: 'NAME'}
    return leaf.type, names[leaf.type]


def _flags() -> Any:
    fields: list[Any] = []
    for leaf in leaves(IntakeSettings()):
        if leaf.name not in LIVE_ONLY:
            kind, metavar = _type_of(leaf)
            default = ' '.join(leaf.default) if isinstance(leaf.default, tuple) else str(leaf.default)
            fields.append((leaf.name, _option(leaf.help, kind | None, default or 'none', metavar), None))
    more = [
        ('namespace', 'Namespace of the node and of relative topics.', str, '', 'none'),
        ('tf_topics', 'Topics with transforms.', tuple[str, ...], (), 'those in the namespaces of the cameras'),
        ('params', "The node's parameter file (YAML); options go before it.", Path | None, None, 'none'),
    ]
    fields += [(name, _option(text, kind, shown, 'NAME'), default) for name, text, kind, default, shown in more]
    return dataclasses.make_dataclass('InputFlags', fields, frozen=True, namespace={'__doc__': 'What comes in.'})


InputFlags: Any = _flags()
"""A dataclass with every setting of :class:`IntakeSettings` that a recording uses; None: not given."""

NOT_GIVEN = InputFlags()
"""No flag at all."""


@dataclass(frozen=True)
class Inputs:
    """What the flags and the parameter file say together."""

    parameters: Parameters
    given: Collection[str]
    """Names of the parameters that the user gave, here or there."""
    namespace: str
    """With a leading slash; ``/`` for none."""
    tf_topics: tuple[str, ...]


def inputs_of(flags: Any, more: Mapping[str, Any] | None = None) -> Inputs:
    """The parameters of the node as flags and file give them.

    Args:
        flags: :class:`InputFlags`.
        more: further parameters that were given as flags, by name.

    Raises:
        FileNotFoundError, ValueError: the file cannot be used, or a value makes no sense.
    """
    values = read_parameters(flags.params) if flags.params is not None else {}
    for leaf in leaves(IntakeSettings()):
        value = getattr(flags, leaf.name, None)
        if value is not None:
            values[leaf.name] = camera_names(','.join(value)) if leaf.name == 'cameras' else value
    values |= more or {}
    if 'cameras' not in values and '{camera}' not in values.get('image_topic', '{camera}'):
        values['cameras'] = ('camera',)  # one topic is one camera
    try:
        parameters = with_values(Parameters(), values)
        check(parameters.node)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return Inputs(parameters, set(values), full_namespace(flags.namespace), tuple(flags.tf_topics))


def offsets_of(words: Collection[str]) -> dict[str, float]:
    """``NAME=SECONDS`` each.

    Raises:
        UsageError: a word is something else.
    """
    found: dict[str, float] = {}
    for word in words:
        name, equals, seconds = word.rpartition('=')
        try:
            found[name] = float(seconds)
        except ValueError:
            equals = ''
        if not equals or not name or abs(found.get(name, 0.0)) > 1e6:
            raise UsageError(f'offset is {word!r}; NAME=SECONDS expected, as in left=0.25')
    return found
