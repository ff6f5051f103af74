"""Cameras of Qualisys Track Manager: the XML that it exports as ``.qca.txt``."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from chromm_ros.intake.lens import HALF_PIXEL
from chromm_ros.recording.calibration import CameraFile

SUBPIXELS = 64.0
"""Intrinsics are in these parts of a pixel."""
OPTICAL_FROM_QUALISYS = np.diag([1.0, -1.0, -1.0])
"""Qualisys looks along -z with y up."""


def is_qualisys(path: Path) -> bool:
    """Whether a file is one of them, by its name."""
    return path.name.lower().endswith('.qca.txt') or path.name.lower().endswith('qca.xml')


def read_qualisys(path: Path) -> dict[str, CameraFile]:
    """Cameras by serial, those without a field of view for video left out.

    Raises:
        ValueError: it is not such a file.
    """
    try:
        root = ElementTree.fromstring(path.read_text())
    except ElementTree.ParseError as error:
        raise ValueError(f'{path} is not a Qualisys calibration: {error}') from None
    return {
        camera.attrib['serial']: _camera(camera)
        for camera in root.iter('camera')
        if camera.find('intrinsic') is not None
    }


def _camera(camera: ElementTree.Element) -> CameraFile:
    place, lens, view = (dict(camera.find(tag).attrib) for tag in ('transform', 'intrinsic', 'fov_video'))  # type: ignore[union-attr]
    left, right, top, bottom = (float(view[side]) for side in ('left', 'right', 'top', 'bottom'))
    matrix = np.eye(3)
    matrix[0, 0], matrix[1, 1] = float(lens['focalLengthU']) / SUBPIXELS, float(lens['focalLengthV']) / SUBPIXELS
    matrix[0, 2] = float(lens['centerPointU']) / SUBPIXELS - left + HALF_PIXEL
    matrix[1, 2] = float(lens['centerPointV']) / SUBPIXELS - top + HALF_PIXEL
    pose = np.eye(4)
    rotation = np.array([[float(place[f'r{row}{column}']) for column in (1, 2, 3)] for row in (1, 2, 3)])
    pose[:3, :3] = rotation.T @ OPTICAL_FROM_QUALISYS
    pose[:3, 3] = [float(place[axis]) / 1000 for axis in 'xyz']
    names = ('radialDistortion1', 'radialDistortion2', 'tangentalDistortion1', 'tangentalDistortion2')
    return CameraFile(
        matrix, pose, round(right - left) + 1, round(bottom - top) + 1, tuple(float(lens[n]) for n in names)
    )
