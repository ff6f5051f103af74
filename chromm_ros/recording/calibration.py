"""Cameras as JSON: what ``chromm reconstruct`` writes, and what it accepts as a known calibration."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class CameraFile:
    """One camera of a file. Either part may be unknown."""

    intrinsics: np.ndarray | None  # (3, 3) pixels; the centre of the first pixel is (0.5, 0.5)
    world_from_camera: np.ndarray | None  # (4, 4) [m]
    width: int | None = None
    height: int | None = None


def write_cameras(path: Path, cameras: dict[str, CameraFile]) -> None:
    """Write cameras by name."""
    content = {
        'convention': 'world_from_camera maps optical camera coordinates (x right, y down, z forward) to the world, '
        'metres; intrinsics in pixels, the centre of the first pixel is (0.5, 0.5)',
        'cameras': {name: _as_json(camera) for name, camera in cameras.items()},
    }
    path.write_text(json.dumps(content, indent=2) + '\n')


def read_cameras(path: Path) -> dict[str, CameraFile]:
    """Read cameras by name.

    Raises:
        FileNotFoundError, ValueError: there is no file, or it does not hold cameras; the message says which entry.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no camera file at {path}')
    try:
        cameras = json.loads(path.read_text())['cameras']
        return {str(name): _from_json(str(name), camera) for name, camera in cameras.items()}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is not a camera file: expected {{"cameras": {{name: ...}}}} ({error})') from error


def _as_json(camera: CameraFile) -> dict[str, Any]:
    return {
        'intrinsics': None if camera.intrinsics is None else camera.intrinsics.tolist(),
        'world_from_camera': None if camera.world_from_camera is None else camera.world_from_camera.tolist(),
        'width': camera.width,
        'height': camera.height,
    }


def _from_json(name: str, camera: dict[str, Any]) -> CameraFile:
    return CameraFile(
        _matrix(name, camera, 'intrinsics', 3),
        _matrix(name, camera, 'world_from_camera', 4),
        camera.get('width'),
        camera.get('height'),
    )


def _matrix(name: str, camera: dict[str, Any], key: str, size: int) -> np.ndarray | None:
    if camera.get(key) is None:
        return None
    matrix = np.array(camera[key], float)
    if matrix.shape != (size, size) or not np.isfinite(matrix).all():
        raise ValueError(f'camera {name!r}: {key} must be a finite {size} x {size} matrix')
    return matrix
