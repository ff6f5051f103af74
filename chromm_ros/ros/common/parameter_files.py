"""The node's own parameter file (YAML), read by commands that do not start a node."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from chromm_ros.ros.common.parameters import FOREIGN, parameter_leaves, with_values
from chromm_ros.ros.common.settings import Parameters
from chromm_ros.settings import Leaf

NODE = 'chromm'
KEY = 'ros__parameters'


def read_parameters(path: Path) -> dict[str, Any]:
    """What a parameter file says about the capture node, by parameter name.

    Sections for ``/**`` and for nodes named ``chromm`` in any namespace count.

    Raises:
        FileNotFoundError, ValueError: there is no file, it is no parameter file, or a parameter is unknown or of the
            wrong type; the message says which.
    """
    path = path.expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no parameter file at {path}')
    try:
        content = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is no parameter file: {" ".join(str(error).split())}') from None
    sections = list(_sections(content)) if isinstance(content, dict) else []
    if not sections:
        raise ValueError(f'{path} is no parameter file for the node {NODE}: expected /**: or {NODE}: with {KEY}:')
    known = {leaf.name: leaf for leaf in parameter_leaves(Parameters())}
    values: dict[str, Any] = {}
    for section in sections:
        for name, value in _flat(section):
            if name.partition('.')[0] not in FOREIGN:
                values[name] = _typed(path, name, value, known)
    with_values(Parameters(), values)  # for the ranges
    return values


def _sections(content: dict[str, Any], name: str = '') -> Iterator[dict[str, Any]]:
    for key, value in content.items():
        place = f'{name}/{str(key).strip("/")}'
        if not isinstance(value, dict):
            continue
        if isinstance(value.get(KEY), dict):
            if place.rpartition('/')[2] in (NODE, '*', '**'):
                yield value[KEY]
        else:
            yield from _sections(value, place)


def _flat(section: dict[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{name}.')
        else:
            yield f'{prefix}{name}', value


def _typed(path: Path, name: str, value: Any, known: dict[str, Leaf]) -> Any:
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        raise ValueError(f'{path}: unknown parameter {name}{f"; did you mean {close[0]}?" if close else ""}')
    default = known[name].default
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ValueError(f'{path}: {name} is {value!r}; a list of strings expected')
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f'{path}: {name} is {value!r}; {type(default).__name__} expected')
    return value


if __name__ == '__main__':
    try:
        read_parameters(Path(sys.argv[1]))
    except (OSError, ValueError) as error:
        sys.exit(str(error))
