"""One way to declare a setting: default, unit, range and meaning in one place.

A package keeps its settings in a frozen dataclass. Fields made with :func:`setting` are what a user decides: the
parameters of the nodes, their YAML file, the reference tables and the options of the command line come from them.
Plain fields are for research code, which sets them through :func:`changed` or :func:`dataclasses.replace`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints


class UsageError(ValueError):
    """What the user asked for cannot be; the text says what would do. Commands end with exit status 2."""


@dataclass(frozen=True)
class Range:
    """Limits of a number (inclusive) or the allowed words of a string."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """Why ``value`` is refused, as the end of a sentence; None when it is fine."""
        if self.choices and value not in self.choices:
            return f'is {value!r}; it must be one of {", ".join(self.choices)}'
        if self.low is not None and not value >= self.low:
            return f'is {value}; it must be at least {self.low}'
        if self.high is not None and not value <= self.high:
            return f'is {value}; it must be at most {self.high}'
        return None


def setting(
    default: Any,
    help: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    live: bool = False,
) -> Any:
    """A dataclass field that knows its meaning.

    Args:
        default: a number, string, boolean, or a tuple of them.
        help: one sentence for a person.
        unit: ``'m'``, ``'s'``, ``'px'``, ...; empty for none.
        low, high: inclusive limits of a number.
        choices: the words that a string may take.
        live: may be changed while the node is active.
    """
    metadata = {'help': help, 'unit': unit, 'range': Range(low, high, choices), 'live': live}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Leaf:
    """One setting of a tree of settings."""

    name: str
    """Path with dots, as ROS parameters have it: ``tracking.threshold``."""
    type: Any
    default: Any
    help: str
    unit: str
    range: Range
    live: bool


def leaves(settings: Any, prefix: str = '') -> Iterator[Leaf]:
    """All settings of a dataclass (class or instance) and of the dataclasses inside it, in order of declaration."""
    instance = settings() if isinstance(settings, type) else settings
    hints = get_type_hints(type(instance))
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        name = f'{prefix}{field.name}'
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f'{name}.')
        elif 'help' in field.metadata:
            about = field.metadata
            yield Leaf(name, hints[field.name], value, about['help'], about['unit'], about['range'], about['live'])


def changed(settings: Any, values: dict[str, Any]) -> Any:
    """A copy of ``settings`` with the fields named by dotted paths replaced, plain ones included.

    Raises:
        KeyError: a name is not a field.
        UsageError: a value is out of its range; the message says which, and what was expected.
    """
    known = {leaf.name: leaf for leaf in leaves(settings)}
    for name, value in values.items():
        problem = known[name].range.problem(value) if name in known else None
        if problem:
            raise UsageError(f'{name} {problem}')
    return _replaced(settings, values)


def _replaced(settings: Any, values: dict[str, Any]) -> Any:
    fields = {field.name for field in dataclasses.fields(settings)}
    for name in values:
        if name.partition('.')[0] not in fields:
            raise KeyError(f'unknown setting {name!r}; known are {", ".join(sorted(fields))}')
    own = {name: value for name, value in values.items() if '.' not in name}
    for child in {name.partition('.')[0] for name in values if '.' in name}:
        below = {name.partition('.')[2]: value for name, value in values.items() if name.startswith(f'{child}.')}
        own[child] = _replaced(getattr(settings, child), below)
    return dataclasses.replace(settings, **own)
