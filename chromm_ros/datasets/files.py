"""Reading the files of data sets: every failure is one line that names the file and says what was expected."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import roma
import torch

IMAGE_ENDINGS = ('.jpg', '.jpeg', '.png', '.bmp')


def require_folder(folder: str | Path, expected: Mapping[str, str], name: str) -> Path:
    """The folder of a data set.

    Args:
        expected: pattern (of :meth:`Path.glob`) -> what it stands for; one of them must match.
        name: of the data set.

    Raises:
        FileNotFoundError: it is not there, or nothing of the data set is in it.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f'{folder} is not a folder; expected the folder of {name}')
    if _matches(folder, expected):
        return folder
    words = ' or '.join(f'{meaning} ({pattern})' for pattern, meaning in expected.items())
    nearby = [
        path for path in (*sorted(folder.glob('*')), folder.parent) if path.is_dir() and _matches(path, expected)
    ]
    archives = [path.name for path in sorted(folder.glob('*')) if path.suffix in ('.zip', '.tar', '.gz', '.7z')]
    hint = ''
    if nearby:
        hint = f'; {nearby[0]} looks like it'
    elif archives:
        hint = f'; it holds {len(archives)} archives such as {archives[0]}: extract them'
    raise FileNotFoundError(f'{folder} is not the folder of {name}: expected {words} in it{hint}')


def _matches(folder: Path, expected: Mapping[str, str]) -> bool:
    try:
        return any(next(folder.glob(pattern), None) for pattern in expected)
    except PermissionError:
        return False


def known_split(dataset: Any, split: str) -> str:
    """The split that is meant; '' is the first.

    Raises:
        ValueError: the data set has no such split.
    """
    split = split or dataset.splits[0]
    if split not in dataset.splits:
        raise ValueError(f'{dataset.name} has no split {split!r}; it has {", ".join(dataset.splits)}')
    return split


def read_json(path: Path, kind: type = dict) -> Any:
    """The content of a JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no JSON, or another kind of it than expected.
    """
    try:
        with path.open(encoding='utf-8-sig') as stream:
            content = json.load(stream)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path}: is no complete JSON file ({error})') from error
    if not isinstance(content, kind):
        raise ValueError(f'{path}: expected a JSON {kind.__name__}, found a {type(content).__name__}')
    return content


def read_csv(path: Path, columns: Iterable[str], delimiter: str = ',') -> list[dict[str, str]]:
    """Rows of a table with a header.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, or the file is no text.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as stream:
            reader = csv.DictReader(stream, delimiter=delimiter)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f'has no column {", ".join(missing)}; found {reader.fieldnames}')
            return list(reader)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ValueError(f'{path}: {error}') from error


def read_npz(path: Path, keys: Iterable[str]) -> dict[str, np.ndarray]:
    """Plain arrays of an ``.npz`` file; arrays of text that were stored as objects are read without running code.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a key is missing, or the file is no ``.npz``.
    """
    import zipfile

    from chromm_ros.pickles import load_npy_stream

    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist')
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            missing = [key for key in keys if f'{key}.npy' not in names]
            if missing:
                raise ValueError(f'has no {", ".join(missing)}')
            for key in keys:
                with archive.open(f'{key}.npy') as stream:
                    arrays[key] = np.asarray(load_npy_stream(stream, path))
    except (zipfile.BadZipFile, OSError, EOFError, ValueError) as error:
        raise ValueError(f'{path}: {error}' if str(path) not in str(error) else str(error)) from error
    return arrays


def read_frame_list(path: Path) -> dict[str, list[int]]:
    """Name -> frames, of a text file with ``<name> <frame>`` per line; ``#`` begins a comment.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is something else; names file and line.
    """
    frames: dict[str, list[int]] = {}
    for number, line in enumerate(path.read_text(encoding='utf-8', errors='replace').splitlines(), 1):
        words = line.split('#')[0].split()
        if not words:
            continue
        if len(words) != 2 or not words[1].isdigit():
            raise ValueError(f'{path}, line {number}: expected a name and a frame number, found {line.strip()!r}')
        frames.setdefault(words[0], []).append(int(words[1]))
    if not frames:
        raise ValueError(f'{path}: names no frame')
    return frames


def read_image(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB; a rotation in its EXIF data is not applied, for annotations refer to the stored pixels.

    Args:
        size: width and height that the lens is for.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image, or of another size.
    """
    image = _decoded(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if size is not None and image.shape[1::-1] != tuple(size):
        raise ValueError(
            f'{path}: is {image.shape[1]} x {image.shape[0]}, the camera of the data set is {size[0]} x {size[1]}'
        )
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_grey(path: Path) -> np.ndarray:
    """(H, W) a picture of one channel with the bits that it has (masks, depth of PROX).

    Raises:
        FileNotFoundError, ValueError: as :func:`read_image`.
    """
    image = _decoded(path, cv2.IMREAD_UNCHANGED)
    if image.ndim == 3:
        if image.shape[2] > 1 and (image[..., :1] != image[..., :3]).any():
            raise ValueError(f'{path}: expected a grey picture, found colours')
        image = image[..., 0]
    return image


def image_size(path: Path) -> tuple[int, int]:
    """Width and height [px] without decoding the picture.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_image`.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.size
    except FileNotFoundError:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f'{path}: is no picture that can be read ({error})') from error


def find_image(stem: Path) -> Path:
    """The picture with this path less its ending.

    Raises:
        FileNotFoundError: there is none.
    """
    for ending in IMAGE_ENDINGS:
        for path in (stem.with_name(stem.name + ending), stem.with_name(stem.name + ending.upper())):
            if path.is_file():
                return path
    raise FileNotFoundError(f'{stem}.*: no picture of this name; expected one of {", ".join(IMAGE_ENDINGS)}')


def numbers(value: Any, shape: tuple[int | None, ...], where: str) -> np.ndarray:
    """(shape) float64 array, finite.

    Args:
        shape: None stands for any size.
        where: file and key, for the message.

    Raises:
        ValueError: it is not that.
    """
    try:
        array = np.array(value, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError(f'{where}: expected an array of numbers ({error})') from error
    if array.ndim != len(shape) or any(want not in (None, side) for want, side in zip(shape, array.shape)):
        words = ', '.join('any' if side is None else str(side) for side in shape)
        raise ValueError(f'{where}: its shape is {array.shape}, expected ({words})')
    if not np.isfinite(array).all():
        raise ValueError(f'{where}: holds numbers that are not finite')
    return array


def rigid(poses: np.ndarray, where: str) -> np.ndarray:
    """The same (..., 4, 4), or (..., 3, 4) completed, after a look at it: rotation and translation, no scale.

    Raises:
        ValueError: it is not that; ``where`` names file and key.
    """
    if poses.shape[-2] == 3:
        last = np.broadcast_to([0.0, 0, 0, 1], (*poses.shape[:-2], 1, 4))
        poses = np.concatenate([poses, last], -2)
    rotation = poses[..., :3, :3]
    square = np.abs(rotation @ rotation.swapaxes(-1, -2) - np.eye(3)).max(initial=0)
    if square > 1e-2 or (np.linalg.det(rotation) < 0).any() or (poses[..., 3, :] != [0, 0, 0, 1]).any():
        raise ValueError(f'{where}: expected rotations and translations, found a scale, a mirror or something else')
    return poses


def entry(mapping: Any, path: str, file: Path) -> Any:
    """What ``mapping['a']['b']`` holds, for path ``a.b``.

    Raises:
        ValueError: it is not there.
    """
    here = mapping
    for key in path.split('.'):
        if not isinstance(here, Mapping) or key not in here:
            raise ValueError(f'{file}: has no entry {path!r}')
        here = here[key]
    return here


def matrices(axis_angle: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations of (..., 3) axis-angle [rad]."""
    vectors = torch.from_numpy(np.ascontiguousarray(axis_angle, dtype=np.float64))
    return roma.rotvec_to_rotmat(vectors.reshape(-1, 3)).reshape(*axis_angle.shape, 3).numpy()


def natural(name: str) -> list[Any]:
    """Sorting key that counts: cam2 before cam10."""
    return [int(part) if part.isdigit() else part for part in re.split(r'(\d+)', name)]


def count_images(folder: Path) -> int:
    """Pictures in a folder; 0 where it does not exist."""
    if not folder.is_dir():
        return 0
    return sum(path.suffix.lower() in IMAGE_ENDINGS for path in folder.iterdir())


def _decoded(path: Path, flags: int) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; is the download complete?')
    data = np.fromfile(path, np.uint8)
    try:
        image = cv2.imdecode(data, flags) if len(data) else None
    except cv2.error:
        image = None
    if image is None:
        raise ValueError(f'{path}: is no picture that can be read ({len(data)} bytes)')
    return image
