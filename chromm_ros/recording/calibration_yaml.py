"""Cameras in the YAML of ROS and of Kalibr. Both put the centre of the first pixel at (0, 0)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.recording.calibration import CameraFile, camera_of, corner_first, matrix_of
from chromm_ros.recording.names import natural_order

FORMATS = (
    'cameras.json, Calib.toml, Qualisys .qca.txt, OpenCV YAML, ROS camera_info YAML, Kalibr camchain, or a COLMAP '
    'model'
)
KALIBR_MODELS = {'radtan': 'plumb_bob', 'equidistant': 'equidistant', 'none': 'plumb_bob'}
ROS_MODELS = {'plumb_bob': 'radtan', 'equidistant': 'equidistant'}


def read_yaml(path: Path) -> dict[str, CameraFile]:
    """A ROS ``camera_info`` file, a ``CameraInfo`` as `ros2 topic echo` prints it, or a Kalibr camchain."""
    content = next(iter(yaml.safe_load_all(path.read_text())), None)
    if not isinstance(content, dict):
        raise ValueError(f'{path} is not a camera file: expected {FORMATS}')
    if any(isinstance(about, dict) and 'camera_model' in about for about in content.values()):
        return _read_kalibr(content)
    if 'camera_matrix' in content:
        return _read_ros(content, path.stem)
    if {'k', 'd'} <= content.keys():
        echoed = {'camera_matrix': content['k'], 'distortion_coefficients': content['d']}
        sizes = {f'image_{side}': content.get(side) for side in ('width', 'height')}
        return _read_ros({**content, **echoed, **sizes}, path.stem)
    raise ValueError(f'{path} is not a camera file: expected {FORMATS}')


def _read_ros(content: dict[str, Any], stem: str) -> dict[str, CameraFile]:
    name = str(content.get('camera_name') or stem)
    distortion = tuple(map(float, _data(content.get('distortion_coefficients', ()))))
    size = (content.get('image_width'), content.get('image_height'))
    model = str(content.get('distortion_model') or 'plumb_bob')
    return {name: camera_of(name, _data(content['camera_matrix']), size, distortion, model, None)}


def _read_kalibr(content: dict[str, Any]) -> dict[str, CameraFile]:
    """The world is the frame of the first camera."""
    found = {}
    camera_from_first = np.eye(4)
    for name in sorted((name for name, about in content.items() if isinstance(about, dict)), key=_natural):
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
        found[name] = camera_of(name, matrix, about.get('resolution'), distortion, model, camera_from_first.copy())
    return found


def write_kalibr(path: Path, cameras: Mapping[str, CameraFile]) -> None:
    """Kalibr camchain; only cameras whose intrinsics and pose are known fit into a chain."""
    content: dict[str, Any] = {}
    before: np.ndarray | None = None
    for name, camera in cameras.items():
        if camera.intrinsics is None or camera.world_from_camera is None:
            continue
        model = ROS_MODELS.get(camera.distortion_model)
        if model is None or any(camera.distortion[4:]):
            raise ValueError(f'camera {name!r}: Kalibr knows no {camera.distortion_model} of this many coefficients')
        matrix = corner_first(camera.intrinsics)
        pose = invert_rigid(camera.world_from_camera)
        content[f'cam{len(content)}'] = {
            'camera_model': 'pinhole',
            'intrinsics': [float(matrix[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2))],
            'distortion_model': model,
            'distortion_coeffs': list(camera.distortion[:4]) or [0.0] * 4,
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
        matrix = corner_first(camera.intrinsics)
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
        (folder / f'{name.replace("/", "_")}.yaml').write_text(yaml.safe_dump(content, sort_keys=False))


def _data(node: Any) -> Any:
    return node['data'] if isinstance(node, dict) else node


def _natural(name: str) -> list[tuple[int, str]]:
    return natural_order(Path(name))
