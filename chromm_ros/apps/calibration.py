"""``chromm calibration``: cameras from one program's format into another's, checked on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from chromm_ros.recording import colmap
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.calibration_checks import suspicions
from chromm_ros.recording.calibration_formats import (
    read_cameras,
    write_kalibr,
    write_opencv,
    write_ros,
    write_toml,
)
from chromm_ros.settings import UsageError

WRITERS = {
    'json': write_cameras,
    'toml': write_toml,
    'opencv': write_opencv,
    'kalibr': write_kalibr,
    'ros': write_ros,
    'colmap': colmap.write_model,
}
BY_ENDING = {'.json': 'json', '.toml': 'toml', '.yaml': 'opencv', '.yml': 'opencv', '': 'colmap'}


def convert(
    source: Positional[Path],
    target: Positional[Path],
    to: Literal['auto', 'json', 'toml', 'opencv', 'kalibr', 'ros', 'colmap'] = 'auto',
) -> int:
    """Read cameras in any known format, check them, and write them in another.

    Args:
        source: cameras.json, Calib.toml (Pose2Sim, anipose), OpenCV YAML, ROS camera_info YAML, Kalibr camchain, or
            a folder with a COLMAP model or one file per camera.
        target: must not exist.
        to: format; auto goes by the ending of the target: .json, .toml, .yaml (OpenCV), none (a COLMAP folder). ros
            writes a folder of camera_info files, which hold no poses.
    """
    target = target.expanduser()
    if target.exists():
        raise FileExistsError(f'{target} exists')
    kind = BY_ENDING.get(target.suffix.lower(), '') if to == 'auto' else to
    if not kind:
        raise UsageError(f'{target.suffix} is no ending of a known format; choose one with --to')
    cameras = read_cameras(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[kind](target, cameras)
    for name, camera in cameras.items():
        print(f'{name}: {_about(camera)}')
    for note in suspicions(cameras):
        print(f'note: {note}')
    print(f'{len(cameras)} cameras written to {target} ({kind})')
    return 0


def _about(camera: CameraFile) -> str:
    size = f'{camera.width} x {camera.height}' if camera.width and camera.height else 'size not known'
    focal = 'no intrinsics' if camera.intrinsics is None else f'focal length {camera.intrinsics[0, 0]:.1f} px'
    pose = camera.world_from_camera
    place = 'no pose' if pose is None else 'at ' + ' '.join(f'{value:.3f}' for value in pose[:3, 3])
    lens = f', {camera.distortion_model}' if any(camera.distortion) else ''
    return f'{size}, {focal}{lens}, {place}'
