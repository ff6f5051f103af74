"""Cameras in the formats of other programs: Pose2Sim and anipose, OpenCV, ROS, Kalibr, COLMAP.

All of them but COLMAP put the centre of the first pixel at (0, 0); it is at (0.5, 0.5) in what is returned here.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.recording import colmap
from chromm_ros.recording.calibration import CameraFile, camera_of, corner_first, read_json
from chromm_ros.recording.calibration_checks import checked
from chromm_ros.recording.calibration_yaml import FORMATS, read_yaml
from chromm_ros.recording.qualisys import is_qualisys, read_qualisys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_cameras(path: Path) -> dict[str, CameraFile]:
    """Read and check cameras by name, in whatever format.

    A folder is a COLMAP model, or holds one file per camera.

    Raises:
        FileNotFoundError, ValueError: there is no file, it is of no known format, or it describes a camera that
            cannot be; the message says which and why.
    """
    path = path.expanduser()
    if not path.exists():
        raise FileNotFoundError(f'no camera file at {path}')
    try:
        cameras = _read_folder(path) if path.is_dir() else _reader_of(path)(path)
    except (UnicodeDecodeError, yaml.YAMLError, tomllib.TOMLDecodeError, cv2.error) as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path} cannot be read as a camera file: {reason[:200]}') from None
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f'{path} is not a camera file: expected {FORMATS} ({error!r})') from None
    if not cameras:
        raise ValueError(f'{path} is not a camera file: it holds no camera; expected {FORMATS}')
    return {name: checked(name, camera) for name, camera in cameras.items()}


def _read_folder(path: Path) -> dict[str, CameraFile]:
    model = colmap.model_folder(path)
    if model is not None:
        return colmap.read_model(model)
    found: dict[str, CameraFile] = {}
    for file in sorted(path.iterdir()):
        if file.suffix.lower() in ('.json', '.toml', '.yaml', '.yml', '.xml') and not file.name.startswith('.'):
            found.update(_reader_of(file)(file))
    return found


def _reader_of(path: Path) -> Callable[[Path], dict[str, CameraFile]]:
    if is_qualisys(path):
        return read_qualisys
    suffix = path.suffix.lower()
    if suffix == '.toml':
        return read_toml
    content = path.read_bytes() if suffix in ('.yaml', '.yml') else b''
    if suffix == '.xml' or content.startswith(b'%YAML:') or b'opencv-matrix' in content:
        return read_opencv
    if suffix in ('.yaml', '.yml'):
        return read_yaml
    if suffix in ('.txt', '.bin'):
        return lambda file: colmap.read_model(file.parent)
    return read_json


def read_toml(path: Path) -> dict[str, CameraFile]:
    """Calib.toml of Pose2Sim, anipose, aniposelib and FreeMoCap: rotation and translation map world to camera."""
    content = tomllib.loads(path.read_text(encoding='utf-8-sig'))
    found: dict[str, CameraFile] = {}
    for key, about in content.items():
        if not isinstance(about, dict) or 'matrix' not in about:
            continue
        name = str(about.get('name', key))
        if name in found:
            raise ValueError(f'{path}: two cameras are called {name!r}')
        fisheye = bool(about.get('fisheye', False))
        distortion = tuple(map(float, about.get('distortions', ())))
        found[name] = camera_of(
            name,
            about['matrix'],
            about.get('size'),
            distortion[:4] if fisheye else distortion,
            'equidistant' if fisheye else _model_of(distortion),
            _camera_from_world(name, about.get('rotation'), about.get('translation')),
        )
    return found


def write_toml(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Calib.toml; without cameras whose intrinsics are not known, for which it has no place."""
    lines = []
    for number, (name, camera) in enumerate(cameras.items()):
        if camera.intrinsics is None:
            continue
        place = []
        if camera.world_from_camera is not None:
            pose = invert_rigid(camera.world_from_camera)
            turn = Rotation.from_matrix(pose[:3, :3]).as_rotvec()
            place = [f'rotation = {turn.tolist()}', f'translation = {pose[:3, 3].tolist()}']
        distortion = list(camera.distortion) or [0.0] * 4
        lines += [
            f'[cam_{number:02}]',
            f'name = {json.dumps(name, ensure_ascii=False)}',
            f'size = [{float(camera.width or 0)}, {float(camera.height or 0)}]',
            f'matrix = {corner_first(camera.intrinsics).tolist()}',
            f'distortions = {distortion}',
            *place,
            f'fisheye = {str(camera.distortion_model == "equidistant").lower()}',
            '',
        ]
    path.write_text('\n'.join([*lines, '[metadata]', 'adjusted = false', 'error = 0.0', '']))


def read_opencv(path: Path) -> dict[str, CameraFile]:
    """What ``cv::FileStorage`` wrote: one camera, a stereo pair (M1, D1, M2, D2, R, T), or many with their names as
    suffixes, as EasyMocap has them (K_front, dist_front, Rot_front, T_front), in one file or in intri and extri."""
    halves = [path.with_name(f'{stem}{path.suffix}') for stem in EASYMOCAP]
    content: dict[str, Any] = {}
    for part in (half for half in halves if half.is_file()) if path in halves else [path]:
        storage = cv2.FileStorage(str(part), cv2.FILE_STORAGE_READ)
        if not storage.isOpened():
            raise ValueError(f'{part} cannot be read by OpenCV')
        content |= {key: _node(storage.getNode(key)) for key in list(storage.root().keys())}
        storage.release()
    many = sorted(key[2:] for key in content if key.startswith('K_'))
    if many:
        return {name: _opencv_camera(name, content, f'_{name}') for name in many}
    if 'M1' in content and 'M2' in content:
        second = content | {'K': content['M2'], 'D': content.get('D2'), 'M1': None}
        first = {'K': content['M1'], 'D': content.get('D1'), 'R': np.eye(3), 'T': np.zeros(3)}
        return {'left': _opencv_camera('left', first), 'right': _opencv_camera('right', second)}
    name = str(content.get('camera_name') or path.stem)
    return {name: _opencv_camera(name, content)}


EASYMOCAP = ('intri', 'extri')
"""The two files of EasyMocap: lenses and places."""
OPENCV_NAMES = {
    'matrix': ('camera_matrix', 'cameraMatrix', 'CameraMatrix', 'intrinsic_matrix', 'Camera_Matrix', 'K', 'mtx', 'M'),
    'distortion': (
        *('distortion_coefficients', 'Distortion_Coefficients', 'distCoeffs', 'dist_coeffs', 'DistCoeffs'),
        *('distortion', 'dist', 'D'),
    ),
    'rotation': ('Rot', 'rvec', 'rotation_matrix', 'R', 'rotation', 'rvecs'),
    'translation': ('tvec', 'T', 't', 'translation', 'translation_vector', 'tvecs'),
    'width': ('image_width', 'image_Width', 'width', 'imageWidth', 'W'),
    'height': ('image_height', 'image_Height', 'height', 'imageHeight', 'H'),
    'size': ('image_size', 'imageSize', 'size', 'resolution'),
}
"""How programs call what they write with ``cv::FileStorage``."""


def _opencv_camera(name: str, content: Mapping[str, Any], suffix: str = '') -> CameraFile:
    def found(what: str) -> Any:
        names = (f'{own}{suffix}' for own in OPENCV_NAMES[what])
        return next((content[own] for own in names if content.get(own) is not None), None)

    matrix = found('matrix')
    if matrix is None:
        raise ValueError(f'camera {name!r}: no matrix among {", ".join(content) or "nothing"}')
    size = found('size')
    width, height = found('width'), found('height')
    distortion = tuple(map(float, np.ravel(found('distortion')))) if found('distortion') is not None else ()
    fisheye = bool(content.get('fisheye_model') or content.get('fisheye') or content.get(f'fisheye{suffix}'))
    return camera_of(
        name,
        matrix,
        size if size is not None else (width, height),
        distortion,
        'equidistant' if fisheye else _model_of(distortion),
        _camera_from_world(name, found('rotation'), found('translation')),
    )


def write_opencv(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Many cameras with their names as suffixes, as EasyMocap reads them.

    Raises:
        ValueError: a name that cannot be part of a key.
    """
    strange = [name for name in cameras if not re.fullmatch(r'[A-Za-z0-9_-]+', name)]
    if strange:
        raise ValueError(f'OpenCV allows letters, digits, - and _ in names: {", ".join(strange)} cannot be written')
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.startWriteStruct('names', cv2.FileNode_SEQ)
    for name in cameras:
        storage.write('', name)
    storage.endWriteStruct()
    for name, camera in cameras.items():
        if camera.intrinsics is not None:
            storage.write(f'K_{name}', corner_first(camera.intrinsics))
            storage.write(f'dist_{name}', np.array([list(camera.distortion) or [0.0] * 5]))
            storage.write(f'W_{name}', int(camera.width or 0))
            storage.write(f'H_{name}', int(camera.height or 0))
            storage.write(f'fisheye_{name}', int(camera.distortion_model == 'equidistant'))
        if camera.world_from_camera is not None:
            pose = invert_rigid(camera.world_from_camera)
            storage.write(f'Rot_{name}', pose[:3, :3])
            storage.write(f'T_{name}', pose[:3, 3:])
    storage.release()


def _node(node: Any) -> Any:
    if node.isMap():
        return node.mat()
    if node.isSeq():
        return [_node(node.at(index)) for index in range(node.size())]
    return node.string() if node.isString() else node.real()


def _model_of(distortion: tuple[float, ...]) -> str:
    return 'plumb_bob' if len(distortion) <= 5 else 'rational_polynomial'


def _camera_from_world(name: str, rotation: Any, translation: Any) -> np.ndarray | None:
    """(4, 4) from a matrix or a rotation vector, and a translation; None where both are missing."""
    if rotation is None or translation is None:
        return None
    turn, move = np.array(rotation, float), np.ravel(np.array(translation, float))
    if turn.size not in (3, 9) or move.size != 3 or not (np.isfinite(turn).all() and np.isfinite(move).all()):
        raise ValueError(f'camera {name!r}: rotation must be 3 or 3 x 3 finite numbers, translation 3')
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(turn.ravel()).as_matrix() if turn.size == 3 else turn.reshape(3, 3)
    pose[:3, 3] = move
    return pose
