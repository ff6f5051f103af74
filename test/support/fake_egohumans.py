"""A small copy of EgoHumans (specification 15.4): three people, four fisheye cameras, a transform with a scale."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
from fake_people import axis_angle, grey_pictures, looking_at, walkers, write_picture
from scipy.spatial.transform import Rotation

from chromm_ros.body.library import BodyLibrary

SIZE = (96, 54)
SCALE = 3.7
"""COLMAP units per metre."""

FRAMES = 31
DISTORTION = np.array([0.08, -0.02, 0.01, 0.0])
INTRINSICS = np.array([[60.0, 0, 48], [0, 60, 27], [0, 0, 1]])
CAMERAS = (1, 4, 6, 8)
BY_HAND = 8
MOVING = 6
PEOPLE = ('aria01', 'aria02', 'aria03')
NAME = '01_tagging/001_tagging'

WORLD_FROM_ROOM = np.eye(4)
WORLD_FROM_ROOM[:3, :3] = Rotation.from_euler('xyz', [100, 20, -35], degrees=True).as_matrix()
WORLD_FROM_ROOM[:3, 3] = [0.5, -1.2, 3.0]
COLMAP_FROM_WORLD = np.eye(4)
COLMAP_FROM_WORLD[:3, :3] = SCALE * Rotation.from_euler('xyz', [10, -50, 70], degrees=True).as_matrix()
COLMAP_FROM_WORLD[:3, 3] = [2.0, 1.0, -4.0]


def cameras(frame: int) -> dict[str, np.ndarray]:
    """world_from_camera (4, 4) [m] at a frame, by name; one camera is moved between two registered images."""
    poses = {}
    for number, angle in zip(CAMERAS, (-70, -25, 20, 65)):
        angle += 4 * (number == MOVING and frame > 15)
        place = np.array([0.6 + 7 * np.sin(np.radians(angle)), 1.2 - 7 * np.cos(np.radians(angle)), 2.2])
        pose = looking_at(place, np.array([0.6, 1.2, 0.9]), np.array([0.0, 0, 1]))
        poses[f'cam{number:02d}'] = WORLD_FROM_ROOM @ pose
    return poses


def fake_egohumans(folder: Path, bodies: BodyLibrary) -> Path:
    """``01_tagging/001_tagging``."""
    base = folder / NAME
    people = walkers(FRAMES, len(PEOPLE)).turned(WORLD_FROM_ROOM[:3, :3])
    pelvis = people.pelvis + WORLD_FROM_ROOM[:3, 3]
    smpl = bodies.body('smpl', 'neutral')
    joints = np.zeros((FRAMES, len(PEOPLE), 24, 3))
    (base / 'processed_data' / 'smpl').mkdir(parents=True)
    for row in range(FRAMES):
        fits = {}
        for k, name in enumerate(PEOPLE):
            transl = pelvis[row, k] - bodies.rest_pelvis('smpl', 'neutral', people.betas[k])
            joints[row, k] = smpl.joints(people.betas[k], people.root[row, k], people.smpl[row, k], transl)
            fits[name] = {
                'global_orient': axis_angle(people.root[row, k]),
                'transl': transl,
                'body_pose': axis_angle(people.smpl[row, k]).reshape(69),
                'betas': people.betas[k],
                'vertices': np.zeros((100, 3), np.float32),  # nothing reads them
                'joints': np.concatenate([joints[row, k], np.zeros((21, 3))]),
                'epoch_loss': 0.01,
            }
        np.save(base / 'processed_data' / 'smpl' / f'{row + 1:05d}.npy', np.array(fits, dtype=object))
    _colmap(base / 'colmap' / 'workplace')
    for number in CAMERAS:
        images = base / 'exo' / f'cam{number:02d}' / 'images'
        grey_pictures([images / f'{frame:05d}.jpg' for frame in range(1, FRAMES + 1)], SIZE)
        (images / '00011.jpg').unlink()
        write_picture(images / '00011.jpg', _dots(joints[10], cameras(11)[f'cam{number:02d}']))
    return folder


def _dots(joints: np.ndarray, world_from_camera: np.ndarray) -> np.ndarray:
    """A dark picture with a bright dot on the head of the first person, through the fisheye."""
    view = np.linalg.inv(world_from_camera)
    head = (view[:3, :3] @ joints[0, 15] + view[:3, 3]).reshape(1, 1, 3)
    pixel, _ = cv2.fisheye.projectPoints(head, np.zeros(3), np.zeros(3), INTRINSICS, DISTORTION)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    cv2.circle(image, tuple((pixel[0, 0] * 16).round().astype(int)), 24, (255, 255, 255), -1, cv2.LINE_AA, 4)
    return image


def _colmap(folder: Path) -> None:
    folder.mkdir(parents=True)
    lens = ' '.join(str(value) for value in (60, 60, 48, 27, *DISTORTION))
    head = '# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, ...\n# Number of cameras: 2\n'
    (folder / 'cameras.txt').write_text(
        f'{head}1 OPENCV_FISHEYE {SIZE[0]} {SIZE[1]} {lens}\n2 OPENCV_FISHEYE 1408 1408 600 600 704 704 0 0 0 0\n'
    )
    lines = ['# Image list with two lines of data per image:', '#', '#', '# Number of images: 5']
    rows = [(f'cam{number:02d}', 1) for number in CAMERAS if number != BY_HAND] + [(f'cam{MOVING:02d}', 30)]
    for key, (camera, frame) in enumerate(rows, 1):
        pose = _raw(cameras(frame)[camera])
        x, y, z, w = Rotation.from_matrix(pose[:3, :3]).as_quat()
        numbers = ' '.join(repr(float(value)) for value in (w, x, y, z, *pose[:3, 3]))
        lines += [f'{key} {numbers} 1 {camera}/{frame:05d}.jpg', '1.0 2.0 -1 3.0 4.0 17']
    lines += ['9 1 0 0 0 0 0 0 2 aria01/rgb/00001.jpg', '']
    (folder / 'images.txt').write_text('\n'.join(lines) + '\n')
    np.save(folder / f'cam{BY_HAND:02d}.npy', _raw(cameras(1)[f'cam{BY_HAND:02d}']))
    transforms = {'aria01': COLMAP_FROM_WORLD, 'aria02': np.eye(4)}
    (folder / 'colmap_from_aria_transforms.pkl').write_bytes(pickle.dumps(transforms))


def _raw(world_from_camera: np.ndarray) -> np.ndarray:
    """(4, 4) camera_from_colmap as it is in the files: rigid, its translation in COLMAP's unit."""
    raw = SCALE * np.linalg.inv(world_from_camera) @ np.linalg.inv(COLMAP_FROM_WORLD)
    pose = np.eye(4)
    pose[:3, :3] = raw[:3, :3]
    pose[:3, 3] = raw[:3, 3]
    return pose
