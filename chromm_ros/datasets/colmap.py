"""Cameras of a COLMAP reconstruction in its text format, as EgoHumans ships them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.datasets.interface import Lens

MODELS = {
    'OPENCV_FISHEYE': ('fisheye', 8),
    'OPENCV': ('opencv', 8),
    'PINHOLE': ('pinhole', 4),
}
"""COLMAP's model -> ours, and how many parameters it has: fx fy cx cy, then the distortion."""


@dataclass
class ColmapCamera:
    """One camera by the name of its folder of images."""

    lens: Lens
    stamps: list[int] = field(default_factory=list)
    """Frame numbers of its images that were registered."""
    poses: list[np.ndarray] = field(default_factory=list)
    """(4, 4) camera_from_colmap of each."""

    def pose(self, frame: int) -> np.ndarray:
        """(4, 4) camera_from_colmap of the registered image nearest in time."""
        nearest = min(range(len(self.stamps)), key=lambda row: (abs(self.stamps[row] - frame), self.stamps[row]))
        return self.poses[nearest]


def read_colmap(folder: Path) -> dict[str, ColmapCamera]:
    """Cameras that registered images lie in folders of, by the folder's name.

    Raises:
        FileNotFoundError: ``cameras.txt`` or ``images.txt`` is missing.
        ValueError: one of them is not COLMAP's text; names file and line.
    """
    lenses = _lenses(folder / 'cameras.txt')
    cameras: dict[str, ColmapCamera] = {}
    path = folder / 'images.txt'
    with path.open(encoding='utf-8', errors='replace') as lines:
        points = False
        for number, line in enumerate(lines, 1):
            if points:  # every second line holds the image's 2D points
                points = False
                continue
            if line.startswith('#') or not line.strip():
                continue
            points = True
            try:
                _, w, x, y, z, *translation, camera, name = line.split()
                place, _, file = name.rpartition('/')
                frame = int(file.split('.')[0])
                pose = np.eye(4)
                pose[:3, :3] = Rotation.from_quat([float(x), float(y), float(z), float(w)]).as_matrix()
                pose[:3, 3] = [float(value) for value in translation]
                lens = lenses[int(camera)]
            except (ValueError, KeyError) as error:
                raise ValueError(f'{path}, line {number}: is no image of a known camera ({error})') from error
            entry = cameras.setdefault(place, ColmapCamera(lens))
            entry.stamps.append(frame)
            entry.poses.append(pose)
    return cameras


def _lenses(path: Path) -> dict[int, Lens]:
    lenses = {}
    with path.open(encoding='utf-8', errors='replace') as lines:
        for number, line in enumerate(lines, 1):
            if line.startswith('#') or not line.strip():
                continue
            try:
                key, name, width, height, *values = line.split()
                model, count = MODELS[name]
                fx, fy, cx, cy, *distortion = [float(value) for value in values]
                if len(values) != count:
                    raise ValueError(f'{len(values)} parameters, expected {count}')
                intrinsics = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
                lenses[int(key)] = Lens(intrinsics, (int(width), int(height)), model, np.array(distortion))
            except (ValueError, KeyError) as error:
                raise ValueError(f'{path}, line {number}: is no camera of a known model ({error})') from error
    return lenses
