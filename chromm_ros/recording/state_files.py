"""Objects of this package as plain JSON and arrays in one ``.npz`` file, and back.

A run that was interrupted goes on from such a file. It is read from a folder that anybody may have written, so it is
no pickle: only containers, numbers, arrays and the attributes of classes of this package are restored, and no code
of the file's choosing runs.
"""

from __future__ import annotations

import enum
import importlib
import io
import json
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from pathlib import Path
from types import MethodType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

PACKAGE = 'chromm_ros'
LOCKS = {'Lock': threading.Lock, 'RLock': threading.RLock}
LOCK_NAMES = {type(make()): name for name, make in LOCKS.items()}
PLAIN = (str, int, bool, type(None))
CONTAINERS: dict[str, type] = {kind.__name__: kind for kind in (list, tuple, set, frozenset, deque)}
MAPPINGS: dict[str, type] = {kind.__name__: kind for kind in (dict, OrderedDict, Counter)}


def save_state(path: Path, tree: Any, tools: Mapping[str, Any] | None = None) -> None:
    """Write a tree of objects; the file appears whole or not at all.

    Args:
        path: of the file.
        tree: what to write. Locks are written as fresh ones.
        tools: objects that the tree refers to but that are not to be written (a network, a body), by name.

    Raises:
        TypeError: the tree holds something that is neither plain data nor an object of this package.
    """
    writer = _Writer(tools or {})
    root = writer.encode(tree)
    content: dict[str, Any] = {f'array_{index}': array for index, array in enumerate(writer.arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, tree=json.dumps({'root': root, 'objects': writer.objects}), **content)
    partial = path.with_name(f'{path.name}.partial')
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)


def load_state(path: Path, tools: Mapping[str, Any] | None = None) -> Any:
    """Read a tree of :func:`save_state`; ``tools`` take the places of those that it was written with.

    Raises:
        ValueError: the file is damaged, or names a class that is not of this package.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            tree = json.loads(str(content['tree']))
            return _Reader(tree['objects'], content, tools or {}).decode(tree['root'])
    except (KeyError, OSError, EOFError, BadZipFile, json.JSONDecodeError, AttributeError, ImportError) as error:
        raise ValueError(f'{path} is not a saved state of chromm: {error}') from error


class _Writer:
    """Objects are written once and referred to by number, so that what was shared stays shared."""

    def __init__(self, tools: Mapping[str, Any]) -> None:
        self._tools = {id(tool): name for name, tool in tools.items()}
        self.arrays: list[np.ndarray] = []
        self.objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []

    def encode(self, value: Any) -> Any:
        if isinstance(value, enum.Enum):
            return {'enum': _name(type(value)), 'value': value.value}
        if isinstance(value, PLAIN):
            return value
        if isinstance(value, float):
            return {'float': value.hex()}
        if id(value) in self._tools:
            return {'tool': self._tools[id(value)]}
        if id(value) not in self._numbers:
            self._numbers[id(value)] = number = len(self.objects)
            self._alive.append(value)  # an id is unique only as long as its object lives
            self.objects.append(None)
            self.objects[number] = self._encode_object(value)
        return {'object': self._numbers[id(value)]}

    def _encode_object(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, (np.ndarray, np.generic)):
            return {'array': self._keep(np.asarray(value)), 'scalar': isinstance(value, np.generic)}
        if kind in LOCK_NAMES:
            return {'lock': LOCK_NAMES[kind]}
        if isinstance(value, torch.Tensor):
            return {'tensor': self._keep(value.detach().cpu().numpy())}
        if kind.__name__ in MAPPINGS and kind is MAPPINGS[kind.__name__]:
            return {kind.__name__: [[self.encode(key), self.encode(item)] for key, item in value.items()]}
        if kind.__name__ in CONTAINERS and kind is CONTAINERS[kind.__name__]:
            limit = {'maxlen': value.maxlen} if isinstance(value, deque) else {}
            return {kind.__name__: [self.encode(item) for item in value], **limit}
        if isinstance(value, MethodType):
            return {'method': value.__name__, 'of': self.encode(value.__self__)}
        if kind.__module__.partition('.')[0] == PACKAGE:
            return {'class': _name(kind), 'attributes': {key: self.encode(item) for key, item in _attributes(value)}}
        raise TypeError(f'{kind.__module__}.{kind.__qualname__} cannot be part of a saved state')

    def _keep(self, array: np.ndarray) -> int:
        if array.dtype.hasobject:
            raise TypeError('an array of objects cannot be part of a saved state')
        self.arrays.append(array)
        return len(self.arrays) - 1


class _Reader:
    def __init__(self, objects: list[Any], content: Any, tools: Mapping[str, Any]) -> None:
        self._tools = tools
        self._objects = objects
        self._content = content
        self._made: dict[int, Any] = {}

    def decode(self, node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if 'float' in node:
            return float.fromhex(node['float'])
        if 'enum' in node:
            return _find_enum(node['enum'])(node['value'])
        if 'tool' in node:
            return self._tools[node['tool']]
        number = node['object']
        if number not in self._made:
            self._make(number)
        return self._made[number]

    def _make(self, number: int) -> None:
        node = self._objects[number]
        if 'class' in node:
            kind = _find(node['class'])
            made = self._made[number] = kind.__new__(kind)
            for key, item in node['attributes'].items():
                object.__setattr__(made, key, self.decode(item))  # frozen dataclasses, too
            return
        self._made[number] = self._plain(node)

    def _plain(self, node: dict[str, Any]) -> Any:
        if 'array' in node:
            array = self._content[f'array_{node["array"]}']
            return array[()] if node['scalar'] else array
        if 'method' in node:
            method = getattr(self.decode(node['of']), node['method'])
            if not isinstance(method, MethodType):
                raise ValueError(f'a saved state may not name {node["method"]}, which is no method')
            return method
        if 'lock' in node:
            return LOCKS[node['lock']]()
        if 'tensor' in node:
            return torch.from_numpy(self._content[f'array_{node["tensor"]}'])
        for name, mapping in MAPPINGS.items():
            if name in node:
                return mapping({self.decode(key): self.decode(item) for key, item in node[name]})
        for name, container in CONTAINERS.items():
            if name in node:
                items = [self.decode(item) for item in node[name]]
                return deque(items, node['maxlen']) if container is deque else container(items)
        raise KeyError(f'unknown entry {sorted(node)}')


def _attributes(value: Any) -> list[tuple[str, Any]]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, '__slots__', ())]
    return [*getattr(value, '__dict__', {}).items(), *((name, getattr(value, name)) for name in slots)]


def _name(kind: type) -> str:
    return f'{kind.__module__}:{kind.__qualname__}'


def _find_enum(name: str) -> type[enum.Enum]:
    kind = _find(name)
    if not issubclass(kind, enum.Enum):
        raise ValueError(f'a saved state may not call {name}')
    return kind


def _find(name: str) -> Any:
    module, _, path = name.partition(':')
    if module.partition('.')[0] != PACKAGE:
        raise ValueError(f'a saved state may not name {module}')
    found: Any = importlib.import_module(module)
    for part in path.split('.'):
        found = getattr(found, part)
    if (
        not isinstance(found, type) or found.__module__.partition('.')[0] != PACKAGE
    ):  # a module also holds its imports
        raise ValueError(f'a saved state may not name {name}, which is no class of {PACKAGE}')
    return found
