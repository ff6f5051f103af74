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
from collections.abc import Callable, Mapping
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
LENGTH = SCALARS['uint32']
"""Of strings and sequences."""
ARRAYS = {name: np.dtype(f'<{code}') for name, code in NUMBERS.items()}
STRING = re.compile(r'string(<\d+>)?')
BOUND = re.compile(r'sequence<(?P<item>.+?)(, \d+)?>')
ARRAY = re.compile(r'(?P<item>.+)\[(?P<count>\d+)\]')

Writer = Callable[[bytearray, Any], None]
"""Appends a value to a buffer."""


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
    _write_structure(message_type, buffer, value)
    return HEADER + bytes(buffer)


@functools.cache
def _writers(message_type: type) -> dict[str, Writer]:
    """Field name -> what writes its value, in the order of the message."""
    return {name: _writer(field) for name, field in _fields(message_type).items()}


@functools.cache
def _writer(field: str) -> Writer:
    """What writes values of a field of this type; types are taken apart once and not for every value."""
    if field in SCALARS:
        return functools.partial(_write_number, SCALARS[field])
    if STRING.fullmatch(field):
        return _write_string
    if sequence := BOUND.fullmatch(field):
        return functools.partial(_write_sequence, sequence['item'])
    if array := ARRAY.fullmatch(field):
        return functools.partial(_write_fixed, array['item'], int(array['count']))
    return functools.partial(_write_nested, field)


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


def _write_structure(message_type: type, buffer: bytearray, value: Mapping[str, Any]) -> None:
    writers = _writers(message_type)
    if not value.keys() <= writers.keys():
        unknown = sorted(value.keys() - writers.keys())
        raise KeyError(f'{message_type.__name__} has no field {unknown[0]!r}; it has {", ".join(writers)}')
    for name, write in writers.items():
        write(buffer, value.get(name))


def _write_number(layout: struct.Struct, buffer: bytearray, value: Any) -> None:
    _align(buffer, layout.size)
    buffer.extend(layout.pack(value or 0))


def _write_string(buffer: bytearray, value: str | None) -> None:
    text = (value or '').encode() + b'\0'
    _write_number(LENGTH, buffer, len(text))
    buffer.extend(text)


def _write_nested(name: str, buffer: bytearray, value: Any) -> None:
    if value is None or isinstance(value, Mapping):
        _write_structure(_message_class(name), buffer, value or {})
    else:
        _write_rows(name, buffer, np.asarray(value, np.float64)[None])


def _write_fixed(item: str, count: int, buffer: bytearray, value: Any) -> None:
    if item not in NUMBERS:
        raise ValueError(f'arrays of {item} are not supported')
    _write_array(ARRAYS[item], buffer, np.zeros(count) if value is None else value, count)


def _write_sequence(item: str, buffer: bytearray, value: Any) -> None:
    value = () if value is None else value
    _write_number(LENGTH, buffer, len(value))
    if item in NUMBERS:
        _write_array(ARRAYS[item], buffer, value, len(value))
    elif isinstance(value, np.ndarray):
        _write_rows(item, buffer, value)
    else:
        write = _writer(item)
        for one in value:
            write(buffer, one)


def _write_array(number: np.dtype, buffer: bytearray, value: Any, count: int) -> None:
    array = np.ascontiguousarray(value, number)
    if array.size != count:
        raise ValueError(f'{count} numbers expected, {array.size} given')
    if count:
        _align(buffer, number.itemsize)
        buffer.extend(array.data.cast('B') if array.ndim else array.tobytes())


def _write_rows(item: str, buffer: bytearray, rows: np.ndarray) -> None:
    """A run of structures that hold only numbers, from an array (N, numbers of one structure)."""
    numbers = _numbers(item)
    width = sum(count for _, count in numbers or ())
    if numbers is None or rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f'{item}: rows of {width} numbers expected, shape {rows.shape} given')
    if len({number for number, _ in numbers}) == 1:  # without padding
        _write_array(numbers[0][0], buffer, rows, rows.size)
        return
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
