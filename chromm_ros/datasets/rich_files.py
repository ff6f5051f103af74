"""The single files of RICH: calibrations of cameras, fits of bodies."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from chromm_ros.datasets.files import entry, numbers, rigid
from chromm_ros.pickles import load_pickle

HAND_COMPONENTS = 12
"""Principal components that a hand is stored by."""


def read_calibration(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """camera_from_world (4, 4) and intrinsics (3, 3) of the full-size image; the distortion is left out, as the
    toolkit and GVHMR do.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a calibration of RICH.
    """
    text = path.read_bytes()
    if b'<!' in text.replace(b'<!--', b''):
        raise ValueError(f'{path}: expected plain XML; found declarations, which are not read')
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f'{path}: is no complete XML file ({error})') from error
    values = {}
    for name in ('CameraMatrix', 'Intrinsics'):
        data = root.findtext(f'{name}/data')
        if data is None:
            raise ValueError(f'{path}: has no entry {name}/data')
        values[name] = data.split()
    pose = numbers(values['CameraMatrix'], (12,), f'{path}: CameraMatrix').reshape(3, 4)
    intrinsics = numbers(values['Intrinsics'], (9,), f'{path}: Intrinsics').reshape(3, 3)
    return rigid(pose, f'{path}: CameraMatrix'), intrinsics


SIZES = {
    'transl': 3, 'global_orient': 3, 'body_pose': 63, 'betas': 10, 'left_hand_pose': HAND_COMPONENTS,
    'right_hand_pose': HAND_COMPONENTS, 'jaw_pose': 3, 'leye_pose': 3, 'reye_pose': 3,
}  # fmt: skip
"""What a fit holds, each with a leading axis of one."""


def read_fit(path: Path) -> dict[str, np.ndarray]:
    """The parameters of a body file, by the names of SIZES.

    Raises:
        OSError, ValueError: the file is missing or not what was expected.
    """
    content = load_pickle(path)
    return {key: numbers(entry(content, key, path), (1, size), f'{path}: {key}')[0] for key, size in SIZES.items()}
