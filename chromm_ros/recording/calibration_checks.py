"""Numbers that no camera has, and poses that are another thing than they are called."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.intake.lens import HALF_PIXEL, CalibrationError, check_centre, known_distortion
from chromm_ros.recording.calibration import CameraFile

RIGID = 1e-3
"""Largest deviation of R R^T from the identity; files are written with few digits."""
LEVEL = 0.9
"""Length of the mean of the up directions of all cameras from which they hang alike."""
FAR = 200.0
"""Metres between two cameras from which a rig is taken to be in millimetres."""


def checked(name: str, camera: CameraFile) -> CameraFile:
    """The camera itself, if there can be such a one.

    Raises:
        ValueError: there cannot; the message names the camera, what is wrong and what it may be instead.
    """
    if camera.intrinsics is not None:
        _check_intrinsics(name, camera, camera.intrinsics)
    if camera.world_from_camera is not None:
        problem = pose_problem(camera.world_from_camera)
        if problem:
            raise ValueError(f'camera {name!r}: its pose {problem}')
    return camera


def pose_problem(pose: np.ndarray) -> str:
    """Why a matrix (4, 4) is no rigid motion, as the end of a sentence; empty: it is one."""
    if not np.isfinite(pose).all():
        return 'contains NaN or infinity'
    if np.abs(pose[3] - [0, 0, 0, 1]).max() > 1e-6:
        if np.abs(pose[:, 3] - [0, 0, 0, 1]).max() < 1e-6 and not pose_problem(pose.T):
            return 'is transposed: its translation stands in the last row instead of the last column'
        return f'is no rigid motion: its last row is {np.round(pose[3], 4).tolist()}, not 0 0 0 1'
    rotation = pose[:3, :3]
    lengths = np.linalg.norm(rotation, axis=0)
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > RIGID:
        if lengths.min() > 0 and np.ptp(lengths) < 1e-3 * lengths.max():
            unit = rotation / lengths.mean()
            if np.abs(unit @ unit.T - np.eye(3)).max() <= RIGID:
                return f'is no rigid motion: it scales by {lengths.mean():.6g}'
        words = ', '.join(f'{length:.4g}' for length in lengths)
        return f'is no rigid motion: its axes are not square to each other, or not of length 1 ({words})'
    if np.linalg.det(rotation) < 0:
        return (
            'is mirrored (its determinant is -1): one axis points the wrong way, as where left-handed coordinates '
            '(Unity, Unreal) were copied; x right, y down, z forward is expected'
        )
    return ''


def suspicions(cameras: Mapping[str, CameraFile]) -> list[str]:
    """What the poses of a whole rig look like instead of what they are called; sentences for a person."""
    poses = {name: c.world_from_camera for name, c in cameras.items() if c.world_from_camera is not None}
    if len(poses) < 2:
        return []
    stack = np.stack(list(poses.values()))
    said = []
    distances = np.linalg.norm(stack[:, None, :3, 3] - stack[None, :, :3, 3], axis=-1)
    if distances.max() > FAR:
        said.append(
            f'the cameras are up to {distances.max():.0f} m apart: the calibration seems to be in millimetres; '
            'metres are expected (`chromm calibration convert FILE NEW_FILE --scale 0.001` makes them)'
        )
    if distances.max() < 1e-6 and not stack[:, :3, 3].any():
        said.append('all cameras are at the same place: the calibration has no translations')
        return said
    turned = stack.copy()
    turned[:, :3, :3] = stack[:, :3, :3].swapaxes(1, 2)
    for variant, words in (
        (invert_rigid(stack), 'inverted (camera_from_world where world_from_camera is expected)'),
        (turned, 'given with transposed rotations'),
    ):
        level, in_front, miss = _mounting(stack)
        level_instead, in_front_instead, miss_instead = _mounting(variant)
        apart = np.linalg.norm(variant[:, None, :3, 3] - variant[None, :, :3, 3], axis=-1).max()
        better = level_instead > LEVEL and in_front_instead and apart > 0.2 * distances.max()
        usual = in_front and level > LEVEL and miss < 3 * miss_instead + 0.1
        if better and not usual and level < level_instead + 0.05:
            said.append(f'the poses seem to be {words}: as they are, the cameras do not look at a common place')
            break
    return said


def _mounting(poses: np.ndarray) -> tuple[float, bool, float]:
    """How alike cameras (N, 4, 4) hang (length of the mean of their up directions), whether there is a place that all
    of them look at, as people mount them, and by what part of their distance they miss it."""
    forward, centres = poses[:, :3, 2], poses[:, :3, 3]
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]
    common = np.linalg.lstsq(across.sum(0), (across @ centres[..., None]).sum(0)[:, 0], rcond=None)[0]
    in_front = np.einsum('ni,ni->n', forward, common - centres) > 0
    misses = np.linalg.norm(np.einsum('nij,nj->ni', across, common - centres), axis=1)
    miss = misses.mean() / max(np.linalg.norm(common - centres, axis=1).mean(), 1e-9)
    return float(np.linalg.norm(poses[:, :3, 1].mean(0))), bool(in_front.all()), float(miss)


def _check_intrinsics(name: str, camera: CameraFile, matrix: np.ndarray) -> None:
    focal = matrix[0, 0], matrix[1, 1]
    if min(focal) <= 0:
        raise ValueError(
            f'camera {name!r}: focal lengths {focal[0]:g}, {focal[1]:g}; positive numbers of pixels expected'
        )
    if np.abs(matrix[2] - [0, 0, 1]).max() > 1e-6:
        turned = ' (it is transposed)' if np.abs(matrix[:, 2] - [0, 0, 1]).max() < 1e-6 else ''
        raise ValueError(f'camera {name!r}: the last row of intrinsics must be 0 0 1{turned}')
    size = (camera.width, camera.height)
    if any(side is not None and (not isinstance(side, int) or side <= 0) for side in size):
        raise ValueError(f'camera {name!r}: image size {size[0]} x {size[1]}; positive numbers of pixels expected')
    if camera.width and camera.height and max(focal) < 0.05 * max(camera.width, camera.height):
        raise ValueError(
            f'camera {name!r}: focal lengths {focal[0]:g}, {focal[1]:g} for {size[0]} x {size[1]} pixels: are they '
            'in millimetres or relative to the width? pixels are expected'
        )
    try:
        if camera.width and camera.height:
            corner = matrix - HALF_PIXEL * np.array([[0, 0, 1.0], [0, 0, 1], [0, 0, 0]])
            check_centre(corner, (camera.width, camera.height), 'the calibration')
        known_distortion(camera.distortion_model, np.array(camera.distortion, float))
    except CalibrationError as error:
        raise ValueError(f'camera {name!r}: {error}') from None
