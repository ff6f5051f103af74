"""Pictures of scripted worlds: the room from above, and the identity of everybody over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from chromm_ros.evaluation.scripted import ScriptRun
from chromm_ros.synthetic.pictures import PALETTE

SIDE, WIDTH = 260, 640
"""Pixels of a plan, and of a timeline."""

BACKGROUND, FAINT, TEXT = (28, 28, 32), (90, 90, 98), (225, 225, 225)


def write_timelines(file: Path, runs: Sequence[ScriptRun]) -> None:
    """Write a PNG with a row per run.

    Left the room from above: grey the true ways, dots the fused heads in the colour of their id, white the cameras.
    Right a bar per person: the colour of its id over time, black where it was not found; above it how many cameras
    see it.

    Raises:
        OSError: the file cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = [np.concatenate([_plan(run), _timeline(run)], 1) for run in runs]
    if not cv2.imwrite(str(file), np.concatenate(rows)[..., ::-1]):
        raise OSError(f'could not write {file}')


def _plan(run: ScriptRun) -> np.ndarray:
    plan = np.full((SIDE, SIDE, 3), BACKGROUND, np.uint8)
    centres = run.frames.world_from_camera[:, 0, :2, 3]
    size = 1.1 * max(np.abs(centres).max(), np.abs(run.frames.truth.head[..., :2]).max())

    def pixel(point: np.ndarray) -> tuple[int, int]:
        return int(SIDE / 2 * (1 + point[0] / size)), int(SIDE / 2 * (1 - point[1] / size))

    for person in range(run.ids.shape[1]):
        way = np.array([pixel(head) for head in run.frames.truth.head[:, person]], np.int32)
        cv2.polylines(plan, [way], False, FAINT, 5, cv2.LINE_AA)
    for snapshot in run.snapshots:
        for human in snapshot.humans if snapshot is not None else ():
            if human.observations:
                cv2.circle(plan, pixel(human.head), 2, _color(human.id), -1, cv2.LINE_AA)
    for pose in run.frames.world_from_camera[:, 0]:
        cv2.circle(plan, pixel(pose[:3, 3]), 4, TEXT, -1, cv2.LINE_AA)
        cv2.line(plan, pixel(pose[:3, 3]), pixel(pose[:3, 3] + 0.5 * pose[:3, 2]), TEXT, 1, cv2.LINE_AA)
    return plan


def _timeline(run: ScriptRun) -> np.ndarray:
    steps, people = run.ids.shape
    picture = np.full((SIDE, WIDTH, 3), BACKGROUND, np.uint8)
    edges = np.linspace(20, WIDTH - 20, steps + 1).astype(int)
    title = f'{run.script.replace("_", " ")} ({run.frames.times[-1]:.0f} s)'
    cv2.putText(picture, title, (20, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.6, TEXT, 1, cv2.LINE_AA)
    for person in range(people):
        top = 90 + 95 * person
        for step in range(steps):
            left, right = int(edges[step]), int(edges[step + 1]) - 1
            number = int(run.ids[step, person])
            cv2.rectangle(picture, (left, top), (right, top + 36), _color(number) if number else (0, 0, 0), -1)
            tall = 5 * int(run.views[step, person])
            if tall:
                cv2.rectangle(picture, (left, top - 6 - tall), (right, top - 6), FAINT, -1)
    return picture


def _color(number: int) -> tuple[int, ...]:
    return tuple(int(value) for value in PALETTE[(number - 1) % len(PALETTE)])
