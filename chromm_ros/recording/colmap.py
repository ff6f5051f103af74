"""COLMAP models (text and binary): one camera per image folder, or per image where they lie in one folder."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.recording.calibration import CameraFile

MODELS = (
    ('SIMPLE_PINHOLE', 3),
    ('PINHOLE', 4),
    ('SIMPLE_RADIAL', 4),
    ('RADIAL', 5),
    ('OPENCV', 8),
    ('OPENCV_FISHEYE', 8),
    ('FULL_OPENCV', 12),
)
"""Name and number of parameters, by the number of the model in binary files."""
STANDING = 0.3
"""Metres over which the images of one camera may be spread before it is taken to move."""


def model_folder(path: Path) -> Path | None:
    """The folder with the model: ``path`` itself, or where COLMAP puts it below; None: there is none."""
    for folder in (path, path / 'sparse' / '0', path / '0', path / 'sparse', path / 'colmap'):
        if any((folder / f'cameras.{kind}').is_file() for kind in ('txt', 'bin')):
            return folder
    return None


def read_model(folder: Path) -> dict[str, CameraFile]:
    """Cameras by the folder of their images, or by the names of the images without ending.

    Raises:
        ValueError: the files are damaged, or a camera moves.
    """
    kind = 'bin' if (folder / 'cameras.bin').is_file() else 'txt'
    for name in (f'cameras.{kind}', f'images.{kind}'):
        if not (folder / name).is_file():
            raise ValueError(f'{folder} is no COLMAP model: {name} is missing')
    try:
        if kind == 'bin':
            cameras = dict(_binary_cameras(folder / 'cameras.bin'))
            images = list(_binary_images(folder / 'images.bin'))
        else:
            cameras, images = dict(_text_cameras(folder / 'cameras.txt')), list(_text_images(folder / 'images.txt'))
    except (struct.error, ValueError, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f'{folder} is a damaged COLMAP model: {error}') from None
    poses: dict[str, list[np.ndarray]] = {}
    models: dict[str, CameraFile] = {}
    for (name, number, pose), own in zip(images, _names(images)):
        if number not in cameras:
            raise ValueError(f'{folder}: image {name} has the camera {number}, which is missing')
        poses.setdefault(own, []).append(pose)
        models[own] = cameras[number]
    return {name: _standing(name, models[name], np.stack(own)) for name, own in sorted(poses.items())}


def _names(images: Sequence[tuple[str, int, np.ndarray]]) -> list[str]:
    """The camera of each image: its folder, by whole path where folders are called alike; its own name where all
    images lie in one folder and were taken at different places."""
    paths = [PurePosixPath(name) for name, _, _ in images]
    folders = {path.parent for path in paths}
    if len(folders) == 1:
        spread = np.ptp([invert_rigid(pose)[:3, 3] for _, _, pose in images], axis=0).max()
        alone = not paths[0].parent.name or spread > STANDING
        return [path.stem if alone else path.parent.name for path in paths]
    alike = len({folder.name for folder in folders}) < len(folders)
    return ['_'.join(path.parent.parts) if alike else path.parent.name or path.stem for path in paths]


def write_model(folder: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Text model of standing cameras: one image ``<camera>/0.png`` each, no points."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, images = [], []
    for number, (name, camera) in enumerate(cameras.items(), start=1):
        matrix = camera.intrinsics
        if matrix is None:
            continue
        focal_and_centre = [matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]]
        model, more = _model_for(name, camera)
        parameters = ' '.join(map(str, [*focal_and_centre, *more]))
        lines.append(f'{number} {model} {camera.width or 0} {camera.height or 0} {parameters}')
        if camera.world_from_camera is not None:
            pose = invert_rigid(camera.world_from_camera)
            x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
            place = ' '.join(map(str, (w, x, y, z, *pose[:3, 3])))
            images.append(f'{number} {place} {number} {name.replace("/", "_")}/0.png\n')
    (folder / 'cameras.txt').write_text(''.join(f'{line}\n' for line in lines))
    (folder / 'images.txt').write_text(''.join(f'{line}\n' for line in images))
    (folder / 'points3D.txt').write_text('')


def _model_for(name: str, camera: CameraFile) -> tuple[str, list[float]]:
    distortion = list(camera.distortion)
    if not any(distortion):
        return 'PINHOLE', []
    if camera.distortion_model == 'equidistant':
        return 'OPENCV_FISHEYE', distortion
    if len(distortion) == 4 or (len(distortion) == 5 and not distortion[4]):
        return 'OPENCV', distortion[:4]
    if len(distortion) in (5, 8):
        return 'FULL_OPENCV', (distortion + [0.0] * 3)[:8]
    raise ValueError(f'camera {name!r}: COLMAP knows no distortion of {len(distortion)} coefficients')


def _standing(name: str, camera: CameraFile, camera_from_world: np.ndarray) -> CameraFile:
    """The camera at the last of its poses (N, 4, 4)."""
    poses = invert_rigid(camera_from_world)
    spread = np.linalg.norm(poses[:, :3, 3] - poses[:, :3, 3].mean(0), axis=1).max()
    if spread > STANDING:
        raise ValueError(f'camera {name!r} moves by {spread:.2f} m in the COLMAP model; a standing one is expected')
    return CameraFile(
        camera.intrinsics, poses[-1], camera.width, camera.height, camera.distortion, camera.distortion_model
    )


def _camera(model: str, width: int, height: int, numbers: list[float]) -> CameraFile:
    single = model in ('SIMPLE_PINHOLE', 'SIMPLE_RADIAL', 'RADIAL')
    fx, fy, cx, cy = (numbers[0], *numbers[:3]) if single else numbers[:4]
    rest = numbers[3:] if single else numbers[4:]
    if model in ('SIMPLE_RADIAL', 'RADIAL'):
        rest = [*rest, *[0.0] * (4 - len(rest))]
    kind = {'OPENCV_FISHEYE': 'equidistant', 'FULL_OPENCV': 'rational_polynomial'}.get(model, 'plumb_bob')
    return CameraFile(
        np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), None, width, height, tuple(map(float, rest)), kind
    )


def _checked_model(model: str, numbers: list[float]) -> str:
    known = dict(MODELS)
    if model not in known:
        raise ValueError(f'camera model {model} is not known; known are {", ".join(known)}')
    if len(numbers) != known[model]:
        raise ValueError(f'{model} has {known[model]} parameters, found {len(numbers)}')
    return model


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        if not line.startswith('#'):
            yield line.strip()


def _text_cameras(path: Path) -> Iterator[tuple[int, CameraFile]]:
    for line in _lines(path):
        if line:
            number, model, width, height, *numbers = line.split()
            values = [float(value) for value in numbers]
            yield int(number), _camera(_checked_model(model, values), int(width), int(height), values)


def _text_images(path: Path) -> Iterator[tuple[str, int, np.ndarray]]:
    """(name, camera, camera_from_world); every second line holds the points of the image before."""
    lines = list(_lines(path))
    while lines and not lines[0]:
        lines.pop(0)
    for line in lines[::2]:
        if line:
            _, *place, camera, name = line.split(maxsplit=9)
            yield name, int(camera), _pose([float(value) for value in place])


def _binary_cameras(path: Path) -> Iterator[tuple[int, CameraFile]]:
    with path.open('rb') as file:
        (count,) = _take(file, '<Q')
        for _ in range(count):
            number, model, width, height = _take(file, '<iiQQ')
            if not 0 <= model < len(MODELS):
                raise ValueError(f'camera model {model} is not known')
            name, length = MODELS[model]
            yield number, _camera(name, width, height, list(_take(file, f'<{length}d')))


def _binary_images(path: Path) -> Iterator[tuple[str, int, np.ndarray]]:
    with path.open('rb') as file:
        (count,) = _take(file, '<Q')
        for _ in range(count):
            _, *place, camera = _take(file, '<i7di')
            name = b''.join(iter(lambda: _byte(file), b'\0')).decode()
            (points,) = _take(file, '<Q')
            file.seek(24 * points, 1)
            yield name, camera, _pose(place)


def _byte(file: BinaryIO) -> bytes:
    byte = file.read(1)
    if not byte:
        raise ValueError('the file ends in the middle of a name')
    return byte


def _take(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _pose(numbers: list[float]) -> np.ndarray:
    """(4, 4) camera_from_world of w x y z and a translation."""
    w, x, y, z, *move = numbers
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
    pose[:3, 3] = move
    return pose
