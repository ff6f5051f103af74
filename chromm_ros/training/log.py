"""The record of a run: a CSV file and a picture of its curves."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch

PALETTE = (
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
)


class TrainingLog:
    """Appends the mean of every ``log_every`` steps to ``log.csv``, and redraws ``curves.png``."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._rows = [row for row in read_log(self.file) if row['step'] <= step]
        self._pending: list[Mapping[str, float | torch.Tensor]] = []

    @property
    def file(self) -> Path:
        return self.folder / 'log.csv'

    def add(
        self, step: int, seconds: float, terms: Mapping[str, float | torch.Tensor], every: int
    ) -> dict[str, float] | None:
        """Take one step in; the row that was written, if one was due.

        Tensors of a device are read only then, all at once: reading them makes the host wait.
        """
        self._pending.append(terms)
        if step % every:
            return None
        names = list(dict.fromkeys(name for row in self._pending for name in row))
        columns = [
            torch.stack([torch.as_tensor(row[name]) for row in self._pending if name in row]) for name in names
        ]
        means = dict(zip(names, torch.stack([column.float().nanmean() for column in columns]).tolist()))
        row = {'step': float(step), 'seconds': seconds, **means}
        self._rows.append(row)
        self._pending = []
        self._write()
        return row

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with self.file.open('w', newline='') as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows({name: f'{value:.6g}' for name, value in row.items()} for row in self._rows)
        if len(self._rows) > 1:
            draw_curves(self._rows, self.folder / 'curves.png')


def read_log(file: Path) -> list[dict[str, float]]:
    """Rows of a ``log.csv``; none where the file does not exist."""
    if not file.exists():
        return []
    with file.open(newline='') as lines:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(lines)]


def draw_curves(rows: list[dict[str, float]], file: Path, columns: int = 4) -> None:
    """One small logarithmic plot per term over the steps."""
    names = [name for name in rows[-1] if name not in ('step', 'seconds')]
    width, height = 320, 200
    lines = -(-len(names) // columns)
    picture = np.full((lines * height, columns * width, 3), 255, np.uint8)
    for index, name in enumerate(names):
        points = np.array([(row['step'], row[name]) for row in rows if row.get(name, 0) > 0])
        if len(points) > 1:
            top, left = index // columns * height, index % columns * width
            _plot(picture[top : top + height, left : left + width], name, points, PALETTE[index % len(PALETTE)])
    cv2.imwrite(str(file), picture[..., ::-1])


def _plot(panel: np.ndarray, name: str, points: np.ndarray, color: tuple[int, int, int]) -> None:
    height, width = panel.shape[:2]
    left, right, top, bottom = 45, width - 10, 24, height - 24
    values = np.log10(points[:, 1])
    low, high = values.min(), max(values.max(), values.min() + 1e-3)
    x = left + (right - left) * (points[:, 0] - points[0, 0]) / (points[-1, 0] - points[0, 0])
    y = bottom - (bottom - top) * (values - low) / (high - low)
    canvas = np.ascontiguousarray(panel)
    cv2.rectangle(canvas, (left, top), (right, bottom), (200, 200, 200), 1)
    cv2.polylines(canvas, [np.stack([x, y], 1).round().astype(np.int32)], False, color, 1, cv2.LINE_AA)
    for text, place in (
        (f'{name}: {points[-1, 1]:.4g}', (left, 16)),
        (f'{10**high:.3g}', (2, top + 8)),
        (f'{10**low:.3g}', (2, bottom)),
        (f'step {points[-1, 0]:.0f}', (right - 90, height - 8)),
    ):
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (40, 40, 40), 1, cv2.LINE_AA)
    panel[:] = canvas
