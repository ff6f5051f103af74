"""Known cameras: what ``chromm reconstruct`` writes as JSON, and accepts in the formats that people have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.intake.lens import HALF_PIXEL, Lens, known_distortion


@dataclass(frozen=True)
class CameraFile:
    """One camera of a file. Each part may be unknown."""

    intrinsics: np.ndarray | None  # (3, 3) pixels; the centre of the first pixel is (0.5, 0.5)
    world_from_camera: np.ndarray | None  # (4, 4) [m]
    width: int | None = None
    height: int | None = None
    distortion: tuple[float, ...] = ()
    """Coefficients of ``distortion_model``; empty: none."""
    distortion_model: str = 'plumb_bob'
    """As in ``sensor_msgs/CameraInfo``: plumb_bob, rational_polynomial or equidistant."""

    def lens(self) -> Lens | None:
        """For the intake; None: the intrinsics are not known.

        A file without the size of its images is taken to be about images whose centre is the principal point.
        """
        if self.intrinsics is None:
            return None
        matrix = self.intrinsics.astype(float).copy()
        size = (self.width or round(2 * matrix[0, 2]), self.height or round(2 * matrix[1, 2]))
        matrix[:2, 2] -= HALF_PIXEL
        model, distortion = known_distortion(self.distortion_model, np.array(self.distortion, float))
        return Lens(model, matrix, distortion, matrix, size)


def write_cameras(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Write cameras by name as JSON."""
    content = {
        'convention': 'world_from_camera maps optical camera coordinates (x right, y down, z forward) to the world, '
        'metres; intrinsics in pixels, the centre of the first pixel is (0.5, 0.5)',
        'cameras': {name: _as_json(camera) for name, camera in cameras.items()},
    }
    path.write_text(json.dumps(content, indent=2) + '\n')


def read_json(path: Path) -> dict[str, CameraFile]:
    """Read what :func:`write_cameras` writes.

    Raises:
        ValueError: the file does not hold cameras; the message says which entry.
    """
    try:
        cameras = json.loads(path.read_text(encoding='utf-8-sig'))['cameras']
        return {str(name): _from_json(str(name), camera) for name, camera in cameras.items()}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is not a camera file: expected {{"cameras": {{name: ...}}}} ({error})') from error


def matrix_of(name: str, value: Any, what: str, size: int) -> np.ndarray | None:
    """(size, size) float64 of nested or flat numbers; None where there are none.

    Raises:
        ValueError: it is something else; the message names the camera.
    """
    if value is None:
        return None
    try:
        matrix = np.array(value, float)
    except (TypeError, ValueError):
        raise ValueError(f'camera {name!r}: {what} must hold numbers, not {str(value)[:40]!r}') from None
    if matrix.size != size * size or not np.isfinite(matrix).all():
        raise ValueError(f'camera {name!r}: {what} must be a finite {size} x {size} matrix')
    return matrix.reshape(size, size)


def corner_first(matrix: np.ndarray) -> np.ndarray:
    """(3, 3) with the centre of the first pixel at (0, 0), as all other programs but COLMAP have it."""
    moved = matrix.astype(float).copy()
    moved[:2, 2] -= HALF_PIXEL
    return moved


def camera_of(
    name: str, matrix: Any, size: Any, distortion: tuple[float, ...], model: str, pose: np.ndarray | None
) -> CameraFile:
    """A camera whose first pixel is at (0, 0) and whose pose (4, 4) maps world to camera."""
    intrinsics = matrix_of(name, matrix, 'the camera matrix', 3)
    assert intrinsics is not None
    intrinsics[:2, 2] += HALF_PIXEL
    try:
        sides = [int(float(side)) if side else None for side in (size if size is not None else (None, None))]
    except (TypeError, ValueError):
        raise ValueError(f'camera {name!r}: image size must be two numbers, not {str(size)[:40]!r}') from None
    world_from_camera = pose
    if pose is not None and abs(np.linalg.det(pose)) > 1e-9:
        world_from_camera = np.linalg.inv(pose)  # checked afterwards: here it may still be mirrored or scaled
    return CameraFile(intrinsics, world_from_camera, sides[0], sides[1], distortion, model)


def _as_json(camera: CameraFile) -> dict[str, Any]:
    lens = {'distortion': list(camera.distortion), 'distortion_model': camera.distortion_model}
    return {
        'intrinsics': None if camera.intrinsics is None else camera.intrinsics.tolist(),
        'world_from_camera': None if camera.world_from_camera is None else camera.world_from_camera.tolist(),
        'width': camera.width,
        'height': camera.height,
        **(lens if any(camera.distortion) else {}),
    }


def _from_json(name: str, camera: dict[str, Any]) -> CameraFile:
    return CameraFile(
        matrix_of(name, camera.get('intrinsics'), 'intrinsics', 3),
        matrix_of(name, camera.get('world_from_camera'), 'world_from_camera', 4),
        _whole(camera.get('width')),
        _whole(camera.get('height')),
        _numbers(name, camera.get('distortion') or ()),
        str(camera.get('distortion_model') or 'plumb_bob'),
    )


def _numbers(name: str, values: Any) -> tuple[float, ...]:
    try:
        return tuple(map(float, values))
    except (TypeError, ValueError):
        raise ValueError(f'camera {name!r}: distortion must be numbers, not {str(values)[:40]!r}') from None


def _whole(side: Any) -> Any:
    return int(side) if isinstance(side, float) and side.is_integer() else side
