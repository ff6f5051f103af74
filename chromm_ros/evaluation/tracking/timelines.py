"""Pictures of long runs: who had which id when, and which ids were nobody."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from chromm_ros.evaluation.tracking.runs import LongRun
from chromm_ros.synthetic.pictures import PALETTE

WIDTH, BAR, GAP, LEFT = 960, 16, 6, 90
"""Pixels."""

BACKGROUND, FAINT, MISSED, TEXT = (28, 28, 32), (60, 60, 66), (0, 0, 0), (225, 225, 225)


def write_timelines(file: Path, runs: Sequence[LongRun]) -> None:
    """Write a PNG with a block per run.

    A bar per true person: the colour and number of the id that it has; black where it is in sight and not found,
    faint where no camera can see it. The last bar of a block shows how many published people are nobody (red).

    Raises:
        OSError: the file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), np.concatenate([_block(run) for run in runs])[..., ::-1]):
        raise OSError(f'could not write {file}')


def _block(run: LongRun) -> np.ndarray:
    people, steps = run.truth.present.shape[1], len(run.published)
    height = 34 + (people + 1) * (BAR + GAP) + 8
    picture = np.full((height, WIDTH, 3), BACKGROUND, np.uint8)
    _write(picture, f'{run.name}, {run.times[-1] - run.times[0]:.0f} s', (10, 22), 0.5)
    ids, nobody = run.ids()
    edges = np.linspace(LEFT, WIDTH - 10, steps + 1).astype(int)
    for person in range(people):
        top = 34 + person * (BAR + GAP)
        _write(picture, f'person {person + 1}', (10, top + 12), 0.4)
        in_sight = np.asarray(run.truth.in_sight[:, :, person].any(0))
        for step in range(steps):
            number = int(ids[step, person])
            color = _color(number) if number else MISSED if in_sight[step] else FAINT
            cv2.rectangle(picture, (edges[step], top), (edges[step + 1] - 1, top + BAR), color, -1)
        named = [(step, int(number)) for step, number in enumerate(ids[:, person]) if number]
        for (_, before), (step, number) in itertools.pairwise([(0, 0), *named]):
            if number != before:
                _write(picture, str(number), (int(edges[step]) + 2, top + 12), 0.4, MISSED)
    top = 34 + people * (BAR + GAP)
    _write(picture, 'nobody', (10, top + 12), 0.4)
    for step in range(steps):
        color = (60 + 60 * min(int(nobody[step]), 3), 30, 30) if nobody[step] else FAINT
        cv2.rectangle(picture, (edges[step], top), (edges[step + 1] - 1, top + BAR), color, -1)
    return picture


def _color(number: int) -> tuple[int, ...]:
    return tuple(int(value) for value in PALETTE[(number - 1) % len(PALETTE)])


def _write(
    picture: np.ndarray, text: str, place: tuple[int, int], size: float, color: tuple[int, ...] = TEXT
) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, color, 1, cv2.LINE_AA)
