"""ROS messages as bytes (CDR, little endian), written from numpy arrays.

A message with thousands of points costs seconds as Python objects and a millisecond as bytes. The layout is read from
the message classes themselves, so it cannot get out of step with them. A message is described by a mapping from
field names to values; what is left out is zero or empty. A sequence of structures that hold only numbers
(``Pose[]``, ``Point[]``, ``ColorRGBA[]``, ``Capsule[]``) is given as an array with one row of numbers each, and a
single one of them may be given as one row.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

HEADER = b'\x00\x01\x00\x00'
"""Encapsulation: plain CDR, little endian."""

NUMBERS = {
    'boolean': '?',
    'octet': 'B',
    'uint8': 'B',
    'int8': 'b',
    'uint16': 'H',
    'int16': 'h',
    'uint32': 'I',
    'int32': 'i',
    'uint64': 'Q',
    'int64': 'q',
    'float': 'f',
    'double': 'd',
}
"""Codes that mean the same to ``struct`` and to numpy."""
SCALARS = {name: struct.Struct(f'<{code}') for name, code in NUMBERS.items()}
ARRAYS = {name: np.dtype(f'<{code}') for name, code in NUMBERS.items()}
STRING = re.compile(r'string(<\d+>)?')
BOUND = re.compile(r'sequence<(?P<item>.+?)(, \d+)?>')
ARRAY = re.compile(r'(?P<item>.+)\[(?P<count>\d+)\]')


def encode(message_type: type, value: Mapping[str, Any]) -> bytes:
    """The serialised message, ready for ``Publisher.publish``.

    Args:
        message_type: a generated message class.
        value: field name -> number, string, mapping, array, or sequence of mappings.

    Raises:
        KeyError: a name is not a field of the message.
        ValueError: a value has the wrong length or shape.
    """
    buffer = bytearray()  # without the encapsulation: alignment counts from behind it
    _write_structure(buffer, message_type, value)
    return HEADER + bytes(buffer)


@functools.cache
def _fields(message_type: type) -> dict[str, str]:
    return dict(message_type.get_fields_and_field_types())  # type: ignore[attr-defined]


@functools.cache
def _message_class(name: str) -> type:
    package, _, message = name.partition('/')
    return getattr(import_module(f'{package}.msg'), message)


@functools.cache
def _numbers(name: str) -> tuple[tuple[np.dtype, int], ...] | None:
    """The flattened numbers of a structure as (type, how many); None if it holds strings or sequences."""
    found: list[tuple[np.dtype, int]] = []
    for field in _fields(_message_class(name)).values():
        array = ARRAY.fullmatch(field)
        item, count = (array['item'], int(array['count'])) if array else (field, 1)
        if item in NUMBERS:
            found.append((ARRAYS[item], count))
        elif STRING.fullmatch(item) or BOUND.fullmatch(item):
            return None
        else:
            inner = _numbers(item)
            if inner is None:
                return None
            found.extend(inner * count)
    return tuple(found)


@functools.cache
def _row(name: str, phase: int) -> np.dtype:
    """Memory layout of one structure that starts at an offset with this remainder modulo 8."""
    offset, columns = phase, []
    for number, count in _numbers(name) or ():
        offset += -offset % number.itemsize
        columns.append((offset - phase, number, count))
        offset += number.itemsize * count
    return np.dtype(
        {
            'names': [f'f{i}' for i in range(len(columns))],
            'formats': [(number, (count,)) for _, number, count in columns],
            'offsets': [at for at, _, _ in columns],
            'itemsize': offset - phase,
        }
    )


def _align(buffer: bytearray, size: int) -> None:
    buffer.extend(b'\0' * (-len(buffer) % size))


def _write_structure(buffer: bytearray, message_type: type, value: Mapping[str, Any]) -> None:
    fields = _fields(message_type)
    if not value.keys() <= fields.keys():
        unknown = sorted(value.keys() - fields.keys())
        raise KeyError(f'{message_type.__name__} has no field {unknown[0]!r}; it has {", ".join(fields)}')
    for name, field in fields.items():
        _write(buffer, field, value.get(name))


def _write(buffer: bytearray, field: str, value: Any) -> None:
    number = SCALARS.get(field)
    if number is not None:
        _align(buffer, number.size)
        buffer.extend(number.pack(value or 0))
    elif STRING.fullmatch(field):
        _write_string(buffer, value or '')
    elif field.startswith('sequence<'):
        _write_sequence(buffer, BOUND.fullmatch(field)['item'], value)  # type: ignore[index]
    elif array := ARRAY.fullmatch(field):
        _write_fixed(buffer, array['item'], int(array['count']), value)
    elif value is None or isinstance(value, Mapping):
        _write_structure(buffer, _message_class(field), value or {})
    else:
        _write_rows(buffer, field, np.asarray(value, np.float64)[None])


def _write_array(buffer: bytearray, number: np.dtype, value: Any, count: int) -> None:
    array = np.ascontiguousarray(value, number)
    if array.size != count:
        raise ValueError(f'{count} numbers expected, {array.size} given')
    if count:
        _align(buffer, number.itemsize)
        buffer.extend(array.data.cast('B') if array.ndim else array.tobytes())


def _write_string(buffer: bytearray, value: str) -> None:
    text = value.encode() + b'\0'
    _write_array(buffer, ARRAYS['uint32'], len(text), 1)
    buffer.extend(text)


def _write_fixed(buffer: bytearray, item: str, count: int, value: Any) -> None:
    if item not in NUMBERS:
        raise ValueError(f'arrays of {item} are not supported')
    _write_array(buffer, ARRAYS[item], np.zeros(count) if value is None else value, count)


def _write_sequence(buffer: bytearray, item: str, value: Any) -> None:
    value = () if value is None else value
    _write_array(buffer, ARRAYS['uint32'], len(value), 1)
    if item in NUMBERS:
        _write_array(buffer, ARRAYS[item], value, len(value))
    elif isinstance(value, np.ndarray):
        _write_rows(buffer, item, value)
    else:
        _write_items(buffer, item, value)


def _write_items(buffer: bytearray, item: str, values: Sequence[Any]) -> None:
    for value in values:
        _write(buffer, item, value)


def _write_rows(buffer: bytearray, item: str, rows: np.ndarray) -> None:
    """A run of structures that hold only numbers, from an array (N, numbers of one structure)."""
    numbers = _numbers(item)
    width = sum(count for _, count in numbers or ())
    if numbers is None or rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f'{item}: rows of {width} numbers expected, shape {rows.shape} given')
    at = 0
    while at < len(rows):
        phase = len(buffer) % 8
        layout = _row(item, phase)
        # Only where a structure ends with the remainder it began with, all others look alike.
        many = len(rows) - at if layout.itemsize % 8 == 0 else 1
        packed = np.zeros(many, layout)
        column = 0
        for name, (_, count) in zip(layout.names or (), numbers):
            packed[name] = rows[at : at + many, column : column + count]
            column += count
        buffer.extend(packed.tobytes())
        at += many
