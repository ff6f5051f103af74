"""``chromm calibration``: cameras from one program's format into another's, checked on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from chromm_ros.recording import colmap
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.recording.calibration_checks import suspicions
from chromm_ros.recording.calibration_formats import read_cameras, write_opencv, write_toml
from chromm_ros.recording.calibration_yaml import write_kalibr, write_ros
from chromm_ros.settings import UsageError

WRITERS = {
    'json': write_cameras,
    'toml': write_toml,
    'opencv': write_opencv,
    'kalibr': write_kalibr,
    'ros': write_ros,
    'colmap': colmap.write_model,
}
NEEDED = {
    'toml': ('intrinsics',),
    'ros': ('intrinsics',),
    'kalibr': ('intrinsics', 'world_from_camera'),
    'colmap': ('intrinsics', 'world_from_camera', 'width', 'height'),
}
"""What a camera must have for a format to have a place for it."""
BY_ENDING = {'.json': 'json', '.toml': 'toml', '.yaml': 'opencv', '.yml': 'opencv', '': 'colmap'}


def convert(
    source: Positional[Path],
    target: Positional[Path],
    to: Literal['auto', 'json', 'toml', 'opencv', 'kalibr', 'ros', 'colmap'] = 'auto',
    scale: float = 1.0,
) -> int:
    """Read cameras in any known format, check them, and write them in another.

    Args:
        source: cameras.json, Calib.toml (Pose2Sim, anipose), OpenCV YAML, ROS camera_info YAML, Kalibr camchain, or
            a folder with a COLMAP model or one file per camera.
        target: must not exist.
        to: format; auto goes by the ending of the target: .json, .toml, .yaml (OpenCV), none (a COLMAP folder). ros
            writes a folder of camera_info files, which hold no poses.
        scale: factor of all distances: 0.001 makes metres of millimetres.
    """
    if scale <= 0:
        raise UsageError(f'scale is {scale}; it must be more than 0')
    target = target.expanduser()
    if target.exists():
        raise FileExistsError(f'{target} exists')
    kind = BY_ENDING.get(target.suffix.lower(), '') if to == 'auto' else to
    if not kind:
        raise UsageError(f'{target.suffix} is no ending of a known format; choose one with --to')
    cameras = {name: _scaled(camera, scale) for name, camera in read_cameras(source).items()}
    missing = {
        name: [part for part in NEEDED.get(kind, ()) if getattr(camera, part) is None]
        for name, camera in cameras.items()
    }
    written = {name: camera for name, camera in cameras.items() if not missing[name]}
    notes = [f'{name} is left out: {kind} needs its {", ".join(lacks)}' for name, lacks in missing.items() if lacks]
    if not written:
        raise ValueError('; '.join(notes))
    target.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[kind](target, written)
    for name, camera in written.items():
        print(f'{name}: {_about(camera)}')
    for note in (*notes, *suspicions(written)):
        print(f'note: {note}')
    print(f'{len(written)} cameras written to {target} ({kind})')
    return 0


def _scaled(camera: CameraFile, scale: float) -> CameraFile:
    if camera.world_from_camera is None:
        return camera
    pose = camera.world_from_camera.copy()
    pose[:3, 3] *= scale
    return replace(camera, world_from_camera=pose)


def _about(camera: CameraFile) -> str:
    size = f'{camera.width} x {camera.height}' if camera.width and camera.height else 'size not known'
    focal = 'no intrinsics' if camera.intrinsics is None else f'focal length {camera.intrinsics[0, 0]:.1f} px'
    pose = camera.world_from_camera
    place = 'no pose' if pose is None else 'at ' + ' '.join(f'{value:.3f}' for value in pose[:3, 3])
    lens = f', {camera.distortion_model}' if any(camera.distortion) else ''
    return f'{size}, {focal}{lens}, {place}'
