"""The steps of a recording in a file that only grows: what was written once is never written again.

Each record holds the steps of some windows, and begins with its length; a record that an interruption cut off is no
part of the file.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.flow import CameraState, Human, HumanState, Observation, Step, ViewState
from chromm_ros.recording.state_files import decoded, encoded

LENGTH = struct.Struct('<Q')


class StepFile:
    """Owner of one such file."""

    def __init__(self, path: Path, size: int = 0):
        """Go on after the first ``size`` bytes; what else the file holds is lost.

        Raises:
            ValueError: the file is shorter.
        """
        self.path = path
        self.size = size
        """[bytes] of whole records."""
        held = path.stat().st_size if path.is_file() else 0
        if held < size:
            raise ValueError(f'{path} has {held} bytes, {size} were written; delete the folder to start anew')
        with path.open('r+b' if held else 'wb') as file:
            file.truncate(size)

    def append(self, steps: Sequence[Step]) -> None:
        """Add steps to the end."""
        if not steps:
            return
        record = encoded([_columns(steps)])
        with self.path.open('ab') as file:
            file.write(LENGTH.pack(len(record)) + record)
        self.size += LENGTH.size + len(record)

    def __iter__(self) -> Iterator[Step]:
        """All steps, oldest first.

        Raises:
            ValueError: the file is damaged.
        """
        with self.path.open('rb') as file:
            while file.tell() < self.size:
                (length,) = LENGTH.unpack(file.read(LENGTH.size))
                (columns,) = decoded(file.read(length))
                yield from _steps(columns)


def _columns(steps: Sequence[Step]) -> dict[str, Any]:
    """Steps as plain data: a column for each field of all people together, and of all cameras.

    What was found wrong with a camera is not kept: the notes of the run say it.
    """
    humans = [(number, human) for number, step in enumerate(steps) for human in step.humans]
    cameras = [(number, camera) for number, step in enumerate(steps) for camera in step.cameras]
    return {
        'stamps': [step.stamp for step in steps],
        'human_step': [number for number, _ in humans],
        'humans': _table(Human, [human for _, human in humans], skip=('observations',)),
        'observations': [[_fields(seen) for seen in human.observations] for _, human in humans],
        'camera_step': [number for number, _ in cameras],
        'cameras': _table(CameraState, [camera for _, camera in cameras], skip=('findings',)),
    }


def _steps(columns: dict[str, Any]) -> list[Step]:
    seen = iter(columns['observations'])
    humans: list[list[Human]] = [[] for _ in columns['stamps']]
    for number, fields in zip(columns['human_step'], _rows(columns['humans'])):
        observations = tuple(Observation(**{**each, 'roi': tuple(each['roi'])}) for each in next(seen))
        state, absorbed = HumanState(fields['state']), tuple(fields['absorbed'])
        humans[number].append(Human(**{**fields, 'state': state, 'absorbed': absorbed, 'observations': observations}))
    cameras: list[list[CameraState]] = [[] for _ in columns['stamps']]
    for number, fields in zip(columns['camera_step'], _rows(columns['cameras'])):
        cameras[number].append(CameraState(**{**fields, 'state': ViewState(fields['state'])}))
    return [Step(stamp, tuple(humans[n]), tuple(cameras[n])) for n, stamp in enumerate(columns['stamps'])]


def _fields(item: Any) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}


def _table(kind: Any, items: Sequence[Any], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """Field -> values of all items; arrays of one shape are stacked."""
    table: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.name not in skip:
            values = [getattr(item, field.name) for item in items]
            arrays = bool(values) and all(isinstance(value, np.ndarray) for value in values)
            table[field.name] = np.stack(values) if arrays else values
    return table


def _rows(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = list(table)
    return (dict(zip(names, values)) for values in zip(*table.values()))
