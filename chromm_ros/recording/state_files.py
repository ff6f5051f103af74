"""Plain data in one ``.npz``: numbers, text, arrays, lists and dictionaries of them, and back.

A run that was interrupted goes on from such a file. It is read from a folder that anybody may have written, and holds
nothing that could run: the tree is JSON, with a number in place of each array.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

ARRAY = '__array__'


def save_state(path: Path, tree: Any) -> None:
    """Write a tree of plain data; the file appears whole or not at all.

    Raises:
        TypeError: the tree holds something else.
    """
    partial = path.with_name(f'{path.name}.partial')
    partial.write_bytes(encoded(tree))
    partial.replace(path)


def load_state(path: Path) -> Any:
    """Read a tree of :func:`save_state`.

    Raises:
        ValueError: the file is damaged, or no such file.
    """
    try:
        return decoded(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is not a saved state of chromm: {error}; delete it to start anew') from error


def encoded(tree: Any) -> bytes:
    """A tree of plain data as the content of a file.

    Raises:
        TypeError: the tree holds something else.
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_without_arrays(tree, arrays))
    buffer = io.BytesIO()
    np.savez(buffer, tree=np.array(text), **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def decoded(content: bytes) -> Any:
    """The tree of :func:`encoded`.

    Raises:
        ValueError: the content is damaged.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _with_arrays(json.loads(str(arrays['tree'])), arrays)
    except (KeyError, OSError, EOFError, BadZipFile, json.JSONDecodeError) as error:
        raise ValueError(str(error)) from error


def _without_arrays(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(node, dict):
        if not all(isinstance(key, str) for key in node):
            raise TypeError(f'keys must be text; these are {list(node)[:3]}')
        return {key: _without_arrays(item, arrays) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_without_arrays(item, arrays) for item in node]
    if isinstance(node, np.ndarray):
        if node.dtype.hasobject:
            raise TypeError('an array of objects is no plain data')
        name = f'a{len(arrays)}'
        arrays[name] = node
        return {ARRAY: name}
    if isinstance(node, np.generic):
        return node.item()
    if node is None or isinstance(node, (str, int, float)):
        return node
    raise TypeError(f'{type(node).__name__} is no plain data')


def _with_arrays(node: Any, arrays: Any) -> Any:
    if isinstance(node, dict):
        if node.keys() == {ARRAY}:
            return arrays[node[ARRAY]]
        return {key: _with_arrays(item, arrays) for key, item in node.items()}
    return [_with_arrays(item, arrays) for item in node] if isinstance(node, list) else node
