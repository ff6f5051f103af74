"""What an offline run leaves behind: people as NPZ, the scene as PLY, cameras as JSON and COLMAP text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from chromm_ros.body.model import BodyModel
from chromm_ros.flow import CameraState, Cloud, Human, Step
from chromm_ros.recording.calibration import CameraFile, write_cameras

ABOUT = {
    'rows': 'one row per person and time step, in the order of time',
    'stamp': '[ns] acquisition time',
    'id': 'global identity, the same over the whole run',
    'state': '0 tentative, 1 tracked, 2 predicted, 3 lost',
    'confidence': 'existence probability',
    'betas': '(10) SMPL-X shape',
    'global_orient': '(3) axis-angle [rad], world (z up) from body',
    'transl': '(3) [m] argument of smplx: pelvis = transl + J_0(betas)',
    'body_pose': '(63) axis-angle [rad] of 21 joints',
    'left_hand_pose': '(45) axis-angle [rad], relative to the flat hand (flat_hand_mean=True, use_pca=False)',
    'right_hand_pose': '(45) axis-angle [rad], relative to the flat hand',
    'jaw_pose': '(3) axis-angle [rad]',
    'joints': '(55, 3) [m] world, SMPL-X order',
    'velocity': '(3) [m/s] of the pelvis, world',
    'covariance': '(6, 6) of pelvis position [m^2] and orientation [rad^2], world',
}
"""Meaning of every array of ``people.npz``; stored in the file as the JSON text ``about``."""


def write_people(path: Path, steps: Sequence[Step], body: BodyModel) -> int:
    """Write all people of all steps as SMPL-X parameters; returns the number of rows."""
    rows = [(step.stamp, human) for step in steps for human in step.humans]
    humans = [human for _, human in rows]
    pose = _stacked(humans, 'pose', (52, 3, 3))
    root = _stacked(humans, 'root_rotation', (3, 3))
    betas = _stacked(humans, 'betas', (10,))
    head = _stacked(humans, 'head', (3,))
    parts = _axis_angle(pose)
    np.savez_compressed(
        path,
        about=json.dumps({**ABOUT, 'model': body.name}),
        stamp=np.array([stamp for stamp, _ in rows], np.int64),
        id=np.array([human.id for human in humans], np.int64),
        state=np.array([int(human.state) for human in humans], np.uint8),
        confidence=np.array([human.confidence for human in humans], np.float32),
        betas=betas,
        global_orient=_axis_angle(root),
        transl=_transl(body, betas, pose, root, head),
        body_pose=parts[:, :21].reshape(-1, 63),
        left_hand_pose=parts[:, 21:36].reshape(-1, 45),
        right_hand_pose=parts[:, 36:51].reshape(-1, 45),
        jaw_pose=parts[:, 51],
        joints=_stacked(humans, 'joints', (55, 3)),
        velocity=_stacked(humans, 'velocity', (3,)),
        covariance=_stacked(humans, 'covariance', (6, 6)),
    )
    return len(rows)


def write_trajectories(folder: Path, steps: Sequence[Step], sizes: dict[str, tuple[int, int]], scene: Cloud) -> None:
    """Write ``cameras.json`` (the last pose of every camera), ``trajectories.npz`` and COLMAP's text model.

    Args:
        folder: exists.
        steps: in the order of time.
        sizes: width and height [px] of the images by camera.
        scene: the points of COLMAP's model.
    """
    placed = [
        (step.stamp, camera) for step in steps for camera in step.cameras if camera.world_from_camera is not None
    ]
    last = {camera.view: camera for _, camera in placed}
    write_cameras(
        folder / 'cameras.json',
        {
            name: CameraFile(camera.intrinsics, camera.world_from_camera, *sizes.get(name, (None, None)))
            for name, camera in last.items()
        },
    )
    np.savez_compressed(
        folder / 'trajectories.npz',
        about='stamp [ns], view, world_from_camera (4, 4) [m]',
        stamp=np.array([stamp for stamp, _ in placed], np.int64),
        view=np.array([camera.view for _, camera in placed], dtype=np.str_),
        world_from_camera=np.array([camera.world_from_camera for _, camera in placed]).reshape(-1, 4, 4),
    )
    _write_colmap(folder / 'colmap', placed, sizes)
    _write_colmap_points(folder / 'colmap' / 'points3D.txt', scene)


def _write_colmap(folder: Path, placed: Sequence[tuple[int, CameraState]], sizes: dict[str, tuple[int, int]]) -> None:
    """COLMAP's text model: one PINHOLE camera per view, one image per view and step."""
    folder.mkdir(exist_ok=True)
    known = [(stamp, camera) for stamp, camera in placed if camera.intrinsics is not None and camera.view in sizes]
    numbers = {name: number for number, name in enumerate(sorted({camera.view for _, camera in known}), start=1)}
    cameras, images = [], []
    for name, number in numbers.items():
        matrix = next(camera.intrinsics for _, camera in known if camera.view == name)
        assert matrix is not None
        width, height = sizes[name]
        focal_and_centre = ' '.join(str(matrix[row, column]) for row, column in ((0, 0), (1, 1), (0, 2), (1, 2)))
        cameras.append(f'{number} PINHOLE {width} {height} {focal_and_centre}')
    for index, (stamp, camera) in enumerate(known, start=1):
        assert camera.world_from_camera is not None
        camera_from_world = np.linalg.inv(camera.world_from_camera)
        x, y, z, w = Rotation.from_matrix(camera_from_world[:3, :3]).as_quat()
        place = ' '.join(str(value) for value in (w, x, y, z, *camera_from_world[:3, 3]))
        images.append(f'{index} {place} {numbers[camera.view]} {camera.view}/{stamp}.png\n')
    (folder / 'cameras.txt').write_text(''.join(f'{line}\n' for line in cameras))
    (folder / 'images.txt').write_text(''.join(f'{line}\n' for line in images))


def _write_colmap_points(path: Path, scene: Cloud) -> None:
    """Points without tracks and with the error that COLMAP gives those it did not triangulate."""
    rows = np.column_stack([np.arange(1, len(scene.points) + 1), scene.points, scene.colors])
    np.savetxt(path, rows, fmt=('%d', '%.4f', '%.4f', '%.4f', '%d', '%d', '%d -1'))


def _transl(body: BodyModel, betas: np.ndarray, pose: np.ndarray, root: np.ndarray, head: np.ndarray) -> np.ndarray:
    arguments = [torch.as_tensor(array, dtype=torch.float32) for array in (betas, pose, root, head)]
    with torch.inference_mode():
        return body.smplx_transl(*arguments).numpy()


def _stacked(humans: Sequence[Human], name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.array([getattr(human, name) for human in humans], np.float32).reshape(-1, *shape)


def _axis_angle(rotations: np.ndarray) -> np.ndarray:
    """(..., 3) [rad] from (..., 3, 3)."""
    if not rotations.size:
        return np.zeros(rotations.shape[:-1], np.float32)
    vectors = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_rotvec()
    return vectors.reshape(rotations.shape[:-1]).astype(np.float32)
