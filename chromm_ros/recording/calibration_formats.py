"""Cameras in the formats of other programs: Pose2Sim and anipose, OpenCV, ROS, Kalibr, COLMAP.

All of them but COLMAP put the centre of the first pixel at (0, 0); it is at (0.5, 0.5) in what is returned here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from scipy.spatial.transform import Rotation

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.intake.lens import HALF_PIXEL
from chromm_ros.recording import colmap
from chromm_ros.recording.calibration import CameraFile, matrix_of, read_json
from chromm_ros.recording.calibration_checks import checked
from chromm_ros.recording.qualisys import is_qualisys, read_qualisys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMATS = (
    'cameras.json, Calib.toml, Qualisys .qca.txt, OpenCV YAML, ROS camera_info YAML, Kalibr camchain, or a COLMAP '
    'model'
)
KALIBR_MODELS = {'radtan': 'plumb_bob', 'equidistant': 'equidistant', 'none': 'plumb_bob'}
ROS_MODELS = {'plumb_bob': 'radtan', 'equidistant': 'equidistant'}


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
    except (KeyError, TypeError, IndexError, AttributeError) as error:
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
    content = tomllib.loads(path.read_text())
    found = {}
    for key, about in content.items():
        if not isinstance(about, dict) or 'matrix' not in about:
            continue
        name = str(about.get('name', key))
        fisheye = bool(about.get('fisheye', False))
        distortion = tuple(map(float, about.get('distortions', ())))
        found[name] = _camera(
            name,
            about['matrix'],
            about.get('size'),
            distortion[:4] if fisheye else distortion,
            'equidistant' if fisheye else _model_of(distortion),
            _camera_from_world(name, about.get('rotation'), about.get('translation')),
        )
    return found


def write_toml(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Calib.toml; cameras without intrinsics are left out, as the format has no place for them."""
    lines = []
    for number, (name, camera) in enumerate(cameras.items()):
        if camera.intrinsics is None:
            continue
        pose = np.eye(4) if camera.world_from_camera is None else invert_rigid(camera.world_from_camera)
        distortion = list(camera.distortion) or [0.0] * 4
        lines += [
            f'[cam_{number:02}]',
            f'name = "{name}"',
            f'size = [{float(camera.width or 0)}, {float(camera.height or 0)}]',
            f'matrix = {_corner_first(camera.intrinsics).tolist()}',
            f'distortions = {distortion}',
            f'rotation = {Rotation.from_matrix(pose[:3, :3]).as_rotvec().tolist()}',
            f'translation = {pose[:3, 3].tolist()}',
            f'fisheye = {str(camera.distortion_model == "equidistant").lower()}',
            '',
        ]
    path.write_text('\n'.join([*lines, '[metadata]', 'adjusted = false', 'error = 0.0', '']))


def read_yaml(path: Path) -> dict[str, CameraFile]:
    """A ROS ``camera_info`` file, or a Kalibr camchain."""
    content = yaml.safe_load(path.read_text())
    if not isinstance(content, dict):
        raise ValueError(f'{path} is not a camera file: expected {FORMATS}')
    if any(isinstance(about, dict) and 'camera_model' in about for about in content.values()):
        return _read_kalibr(content)
    if 'camera_matrix' in content:
        return _read_ros(content, path.stem)
    raise ValueError(f'{path} is not a camera file: expected {FORMATS}')


def _read_ros(content: dict[str, Any], stem: str) -> dict[str, CameraFile]:
    name = str(content.get('camera_name') or stem)
    distortion = tuple(map(float, _data(content.get('distortion_coefficients', ()))))
    size = (content.get('image_width'), content.get('image_height'))
    model = str(content.get('distortion_model') or 'plumb_bob')
    return {name: _camera(name, _data(content['camera_matrix']), size, distortion, model, None)}


def _read_kalibr(content: dict[str, Any]) -> dict[str, CameraFile]:
    """The world is the frame of the first camera."""
    found = {}
    camera_from_first = np.eye(4)
    for name in sorted(name for name, about in content.items() if isinstance(about, dict)):
        about = content[name]
        if about['camera_model'] != 'pinhole' or about.get('distortion_model', 'none') not in KALIBR_MODELS:
            raise ValueError(
                f'camera {name!r}: Kalibr model {about["camera_model"]}-{about.get("distortion_model")} is not '
                'known; known are pinhole-radtan, pinhole-equidistant and pinhole-none'
            )
        if 'T_cn_cnm1' in about:
            step = matrix_of(name, about['T_cn_cnm1'], 'T_cn_cnm1', 4)
            camera_from_first = np.eye(4) if step is None else step @ camera_from_first
        fx, fy, cx, cy = map(float, about['intrinsics'])
        model = KALIBR_MODELS[about.get('distortion_model', 'none')]
        matrix = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
        distortion = tuple(map(float, about.get('distortion_coeffs', ())))
        found[name] = _camera(name, matrix, about.get('resolution'), distortion, model, camera_from_first.copy())
    return found


def write_kalibr(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Kalibr camchain; only cameras whose intrinsics and pose are known fit into a chain."""
    content: dict[str, Any] = {}
    before: np.ndarray | None = None
    for name, camera in cameras.items():
        if camera.intrinsics is None or camera.world_from_camera is None:
            continue
        model = ROS_MODELS.get(camera.distortion_model)
        if model is None or len(camera.distortion) > 4:
            raise ValueError(f'camera {name!r}: Kalibr knows no {camera.distortion_model} of this many coefficients')
        matrix = _corner_first(camera.intrinsics)
        pose = invert_rigid(camera.world_from_camera)
        content[f'cam{len(content)}'] = {
            'camera_model': 'pinhole',
            'intrinsics': [float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2))],
            'distortion_model': model,
            'distortion_coeffs': list(camera.distortion) or [0.0] * 4,
            'resolution': [camera.width, camera.height],
            'rostopic': f'/{name}/image',
            **({} if before is None else {'T_cn_cnm1': (pose @ before).tolist()}),
        }
        before = camera.world_from_camera
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def write_ros(folder: Path, cameras: Mapping[str, CameraFile]) -> None:
    """One ROS ``camera_info`` file per camera; the format has no poses."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, camera in cameras.items():
        if camera.intrinsics is None:
            continue
        matrix = _corner_first(camera.intrinsics)
        distortion = list(camera.distortion) or [0.0] * 5
        projection = np.concatenate([matrix, np.zeros((3, 1))], 1)
        content = {
            'image_width': camera.width,
            'image_height': camera.height,
            'camera_name': name,
            'camera_matrix': {'rows': 3, 'cols': 3, 'data': matrix.ravel().tolist()},
            'distortion_model': camera.distortion_model,
            'distortion_coefficients': {'rows': 1, 'cols': len(distortion), 'data': distortion},
            'rectification_matrix': {'rows': 3, 'cols': 3, 'data': np.eye(3).ravel().tolist()},
            'projection_matrix': {'rows': 3, 'cols': 4, 'data': projection.ravel().tolist()},
        }
        (folder / f'{name}.yaml').write_text(yaml.safe_dump(content, sort_keys=False))


def read_opencv(path: Path) -> dict[str, CameraFile]:
    """What ``cv::FileStorage`` wrote: one camera, a stereo pair (M1, D1, M2, D2, R, T), or many with their names as
    suffixes, as EasyMocap has them (K_front, dist_front, Rot_front, T_front)."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    if not storage.isOpened():
        raise ValueError(f'{path} cannot be read by OpenCV')
    content = {key: _node(storage.getNode(key)) for key in list(storage.root().keys())}
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
    fisheye = bool(content.get('fisheye_model') or content.get('fisheye'))
    return _camera(
        name,
        matrix,
        size if size is not None else (width, height),
        distortion,
        'equidistant' if fisheye else _model_of(distortion),
        _camera_from_world(name, found('rotation'), found('translation')),
    )


def write_opencv(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Many cameras with their names as suffixes, as EasyMocap reads them."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.startWriteStruct('names', cv2.FileNode_SEQ)
    for name in cameras:
        storage.write('', name)
    storage.endWriteStruct()
    for name, camera in cameras.items():
        if camera.intrinsics is not None:
            storage.write(f'K_{name}', _corner_first(camera.intrinsics))
            storage.write(f'dist_{name}', np.array([list(camera.distortion) or [0.0] * 5]))
            storage.write(f'W_{name}', int(camera.width or 0))
            storage.write(f'H_{name}', int(camera.height or 0))
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


def _data(node: Any) -> Any:
    return node['data'] if isinstance(node, dict) else node


def _model_of(distortion: tuple[float, ...]) -> str:
    return 'plumb_bob' if len(distortion) <= 5 else 'rational_polynomial'


def _corner_first(matrix: np.ndarray) -> np.ndarray:
    """(3, 3) with the centre of the first pixel at (0, 0)."""
    moved = matrix.astype(float).copy()
    moved[:2, 2] -= HALF_PIXEL
    return moved


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


def _camera(
    name: str, matrix: Any, size: Any, distortion: tuple[float, ...], model: str, pose: np.ndarray | None
) -> CameraFile:
    """A camera whose first pixel is at (0, 0) and whose pose (4, 4) maps world to camera."""
    intrinsics = matrix_of(name, matrix, 'the camera matrix', 3)
    assert intrinsics is not None
    intrinsics[:2, 2] += HALF_PIXEL
    sides = [int(float(side)) if side else None for side in (size if size is not None else (None, None))]
    world_from_camera = pose
    if pose is not None and abs(np.linalg.det(pose)) > 1e-9:
        world_from_camera = np.linalg.inv(pose)  # checked afterwards: here it may still be mirrored or scaled
    return CameraFile(intrinsics, world_from_camera, sides[0], sides[1], distortion, model)
