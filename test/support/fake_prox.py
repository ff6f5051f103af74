"""A small copy of PROX (specification 15.4): a wall with a step in it, all mirrored as the Kinect stores it."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from fake_people import write_picture

COLOR = (192, 108)
INFRARED = (51, 42)
FRAMES = 250
RECORDING = 'BasementSittingBooth_00142_01'
NEAR = 16000
"""Counts of 2 m."""

FAR = 24000
INFRARED_EDGE = 17
"""Columns, from the left of the upright depth picture, that are near: a third."""

COLOR_EDGE = 71
"""The same edge in the upright colour picture."""


def names() -> list[str]:
    return [f's001_frame_{number:05d}__00.00.{number // 30:02d}.{number % 30 * 33:03d}' for number in range(FRAMES)]


def fake_prox(folder: Path) -> Path:
    """One recording of 250 pictures."""
    base = folder / 'recordings' / RECORDING
    color = np.full((COLOR[1], COLOR[0], 3), 90, np.uint8)
    color[:, :COLOR_EDGE] = 200
    depth = np.full((INFRARED[1], INFRARED[0]), FAR, np.uint16)
    depth[:, :INFRARED_EDGE] = NEAR
    depth[:10] = 0
    mask = np.full((COLOR[1], COLOR[0]), 255, np.uint8)
    mask[40:80, 120:150] = 0
    for kind, ending, image in (('Color', 'jpg', color), ('Depth', 'png', depth), ('BodyIndexColor', 'png', mask)):
        first = base / kind / f'{names()[0]}.{ending}'
        write_picture(first, np.ascontiguousarray(image[:, ::-1]))
        for name in names()[1:]:
            (base / kind / f'{name}.{ending}').hardlink_to(first)
    _camera(folder / 'calibration' / 'Color.json', 106.0, COLOR)
    _camera(folder / 'calibration' / 'IR.json', 36.5, INFRARED)
    scene = folder / 'cam2world' / f'{RECORDING.split("_")[0]}.json'
    scene.parent.mkdir()
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.array([1.2, 0.3, -0.2]))[0]
    scene.write_text(json.dumps(pose.tolist()))
    return folder


def _camera(path: Path, focal: float, size: tuple[int, int]) -> None:
    path.parent.mkdir(exist_ok=True)
    content = {
        'camera_mtx': [[focal, 0, (size[0] - 1) / 2], [0, focal, (size[1] - 1) / 2], [0, 0, 1]],
        'k': [0.0] * 5,
        'view_mtx': np.eye(3, 4).tolist(),
        'R': [0.0, 0.0, 0.0],
        'T': [0.0, 0.0, 0.0],
    }
    path.write_text(json.dumps(content))
