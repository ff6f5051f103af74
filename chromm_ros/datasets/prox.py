"""PROX: one person in a scanned room, colour and depth of a Kinect; the paper's Table 9 compares depth.

``recordings/<Scene>_<subject>_<take>/{Color,Depth,BodyIndexColor}/<name>``, ``calibration/{Color,IR}.json``,
``cam2world/<Scene>.json``. Every picture is stored mirrored; prox.is.tue.mpg.de.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import (
    find_image,
    image_size,
    known_split,
    natural,
    numbers,
    read_grey,
    read_image,
    read_json,
    require_folder,
    rigid,
)
from chromm_ros.datasets.interface import Findings, Instant, Lens, View
from chromm_ros.datasets.lenses import undistorted

DEPTH_UNIT = 1 / 8000
"""Metres per count of the depth pictures."""

NOBODY = 254
"""Values of the body masks above this are background."""

VIEW = 'kinect'


@dataclass(frozen=True)
class _Camera:
    """One of the Kinect's two cameras."""

    intrinsics: np.ndarray  # (3, 3)
    distortion: np.ndarray  # (5,)
    view: np.ndarray  # (3, 4)
    rotation: np.ndarray  # (3,) rodrigues
    translation: np.ndarray  # (3,)


class Prox:
    """The folder with recordings and calibration: that of the qualitative or of the quantitative part."""

    name = 'prox'
    licence = 'PROX: non-commercial research only, by registration (prox.is.tue.mpg.de)'
    splits = ('qualitative', 'quantitative')

    def __init__(
        self,
        folder: str | Path,
        bodies: BodyLibrary | None = None,
        every: int = 100,
        undistort: bool = False,
        color_z: bool = True,
    ) -> None:
        """
        Args:
            every: one instant per that many pictures of a recording, from the first on.
            undistort: give images and depth as a pinhole camera would see them.
            color_z: depth is z in the colour camera; otherwise as the infrared camera measured it (they differ by
                millimetres).

        Raises:
            FileNotFoundError: the folder is not that of PROX.
            ValueError: ``every`` is not above 0.
        """
        if every < 1:
            raise ValueError(f'one of every {every} pictures cannot be taken; expected 1 or more')
        self.folder = require_folder(folder, {'recordings/*/Color': 'recordings'}, 'PROX')
        self.bodies = bodies or BodyLibrary()
        self.every = every
        self.undistort = undistort
        self.color_z = color_z

    def sequences(self, split: str = '') -> list[ProxSequence]:
        """The recordings of the folder; its part is what was downloaded, the split only says what is expected."""
        known_split(self, split)
        folders = [path for path in (self.folder / 'recordings').iterdir() if path.is_dir()]
        return [ProxSequence(self, path) for path in sorted(folders, key=lambda path: natural(path.name))]

    def expected(self, split: str = '') -> int | None:
        """60 qualitative recordings."""
        return 60 if known_split(self, split) == 'qualitative' else None

    def check(self, split: str = '') -> Findings:
        missing: list[str] = []
        notes: list[str] = []
        sequences = self.sequences(split)
        for name in ('Color', 'IR'):
            try:
                self.camera(name)
            except (OSError, ValueError) as error:
                missing.append(str(error))
        frames = 0
        for sequence in sequences:
            names = sequence.names
            frames += len(names)
            if not names:
                missing.append(f'{sequence.folder / "Color"}: holds no picture')
            for kind in ('Depth', 'BodyIndexColor'):
                count = sum(1 for _ in (sequence.folder / kind).glob('*.png'))
                if count < len(names):
                    lines = missing if kind == 'Depth' else notes
                    lines.append(f'{sequence.folder / kind}: {count} of {len(names)} pictures')
            if not self.pose_file(sequence.scene).is_file():
                notes.append(f'{self.pose_file(sequence.scene)} does not exist: no pose in the scene')
        expected = self.expected(split)
        if expected is not None and len(sequences) != expected:
            notes.append(f'{len(sequences)} recordings, {expected} were published')
        found = f'{len(sequences)} recordings, {frames} pictures, one of {self.every} is used'
        return Findings((found,), tuple(missing), tuple(notes))

    def pose_file(self, scene: str) -> Path:
        """Where the pose of the colour camera in the scene is."""
        return self.folder / 'cam2world' / f'{scene}.json'

    def camera(self, name: str) -> _Camera:
        """The calibration of ``Color`` or ``IR``.

        Raises:
            OSError, ValueError: the file is missing or not what was expected.
        """
        if name not in self._cameras:
            self._cameras[name] = _read_camera(self.folder / 'calibration' / f'{name}.json')
        return self._cameras[name]

    @cached_property
    def _cameras(self) -> dict[str, _Camera]:
        return {}


class ProxSequence:
    """One recording; an instant is every so many pictures."""

    fps = 30.0
    static_rig = True

    def __init__(self, dataset: Prox, folder: Path) -> None:
        self.dataset = dataset
        self.folder = folder
        self.name = folder.name
        self.scene = folder.name.split('_')[0]

    @cached_property
    def names(self) -> list[str]:
        """Stems of all colour pictures."""
        return sorted(path.stem for path in (self.folder / 'Color').glob('*.*') if path.suffix in ('.jpg', '.png'))

    def __len__(self) -> int:
        return -(-len(self.names) // self.dataset.every)

    def instant(self, index: int) -> Instant:
        """Picture ``index * every``. PROX has no true bodies that a protocol of the paper uses."""
        number = index * self.dataset.every
        name = self.names[number]
        path = find_image(self.folder / 'Color' / name)
        camera = self.dataset.camera('Color')
        lens = Lens(camera.intrinsics, image_size(path), 'opencv', camera.distortion)
        undistort = self.dataset.undistort
        view = View(
            VIEW,
            lens.pinhole if undistort or not camera.distortion.any() else lens,
            self._pose(),
            open_image=lambda: self._straight(_unmirrored(read_image(path, lens.size)), lens),
            open_depth=lambda: self._depth(name, lens),
            open_people_mask=lambda: self._mask(name, lens),
            source=str(path),
        )
        return Instant(number, number / self.fps, (view,), ())

    def _straight(self, image: np.ndarray, lens: Lens) -> np.ndarray:
        return undistorted(image, lens) if self.dataset.undistort else image

    def _mask(self, name: str, lens: Lens) -> np.ndarray | None:
        path = self.folder / 'BodyIndexColor' / f'{name}.png'
        if not path.is_file():
            return None
        mask = (_unmirrored(read_grey(path)) <= NOBODY).astype(np.uint8)
        if mask.shape[::-1] != lens.size:
            mask = np.asarray(cv2.resize(mask, lens.size, interpolation=cv2.INTER_NEAREST), np.uint8)
        return self._straight(mask, lens).astype(bool)

    def _depth(self, name: str, lens: Lens) -> np.ndarray | None:
        path = self.folder / 'Depth' / f'{name}.png'
        if not path.is_file():
            return None
        counts = read_grey(path)
        if counts.dtype != np.uint16:
            raise ValueError(f'{path}: expected a picture of 16 bits, found {counts.dtype}')
        depth = _unmirrored(counts).astype(np.float64) * DEPTH_UNIT
        infrared, color = self.dataset.camera('IR'), self.dataset.camera('Color')
        return depth_in_color(depth, infrared, color, lens.size, self.dataset.undistort, self.dataset.color_z)

    def _pose(self) -> np.ndarray | None:
        path = self.dataset.pose_file(self.scene)
        if not path.is_file():
            return None
        return rigid(numbers(read_json(path, list), (4, 4), str(path)), str(path))


def depth_in_color(
    depth: np.ndarray,
    infrared: _Camera,
    color: _Camera,
    size: tuple[int, int],
    undistort: bool = False,
    color_z: bool = True,
) -> np.ndarray:
    """(H, W) float32 sparse depth [m] in the colour image, 0: not known; of two that meet the last one stays.

    Args:
        depth: (h, w) z of the infrared camera [m].
        size: width and height of the colour image.
    """
    rows, columns = np.nonzero(depth > 0)
    picture = np.zeros((size[1], size[0]), np.float32)
    if not len(rows):
        return picture
    pixels = np.stack([columns, rows], 1).astype(np.float64)[:, None]
    rays = cv2.undistortPoints(pixels, infrared.intrinsics, infrared.distortion)[:, 0]
    z = depth[rows, columns]
    points = np.concatenate([rays * z[:, None], z[:, None]], 1)
    world = (points - infrared.view[:, 3]) @ infrared.view[:, :3]
    coefficients = np.zeros(5) if undistort else color.distortion
    places, _ = cv2.projectPoints(world, color.rotation, color.translation, color.intrinsics, coefficients)
    if color_z:
        z = (world @ color.view[:, :3].T + color.view[:, 3])[:, 2]
    x, y = np.round(places[:, 0]).astype(np.int64).T
    inside = (x >= 0) & (x < size[0]) & (y >= 0) & (y < size[1]) & (z > 0)
    picture[y[inside], x[inside]] = z[inside]
    return picture


def _read_camera(path: Path) -> _Camera:
    content = read_json(path)

    def get(key: str, *shape: int) -> np.ndarray:
        if key not in content:
            raise ValueError(f'{path}: has no entry {key!r}')
        values = np.array(content[key], dtype=object)
        return numbers(
            values.reshape(shape) if values.size == np.prod(shape) else content[key], shape, f'{path}: {key}'
        )

    turned = np.size(content.get('R', ())) == 9
    rotation = cv2.Rodrigues(get('R', 3, 3))[0][:, 0] if turned else get('R', 3)
    view = rigid(get('view_mtx', 3, 4), f'{path}: view_mtx')[:3]
    return _Camera(get('camera_mtx', 3, 3), get('k', 5), view, rotation, get('T', 3))


def _unmirrored(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[:, ::-1])
