"""A small copy of Ego-Exo4D (specification 15.4): one take, four GoPros, frame numbers painted in the videos."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from fake_bodies import COCO_FROM_SMPL
from fake_people import looking_at, walkers
from scipy.spatial.transform import Rotation

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.egoexo4d import COCO17

SIZE = (96, 54)
FULL = (3840, 2160)
FRAMES = 100
LABELLED = (5, 11, 90)
TAKE = 'cmu_bike01_2'
UID = '0e2f1a3c-0000-4000-8000-000000000001'
BARS = 8
"""Bits of the frame number, each a bar of grey or black."""


def cameras() -> dict[str, np.ndarray]:
    """world_from_camera (4, 4), z up."""
    poses = {}
    for number, angle in enumerate((-70, -25, 20, 65), 1):
        place = np.array([2.0 + 5 * np.sin(np.radians(angle)), -5 * np.cos(np.radians(angle)), 1.7])
        poses[f'cam{number:02d}'] = looking_at(place, np.array([2.0, 0, 0.9]), np.array([0.0, 0, 1]))
    return poses


def fake_egoexo4d(folder: Path, bodies: BodyLibrary) -> Path:
    """One take of the validation split, and a take without labels."""
    takes = [{'take_uid': UID, 'take_name': TAKE, 'root_dir': f'takes/{TAKE}', 'task_id': 1001, 'capture': {}}]
    takes.append({'take_uid': UID[:-1] + '2', 'take_name': 'upenn_jazz01_1', 'root_dir': 'x', 'task_id': 1})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'takes.json').write_text(json.dumps(takes))
    _calibration(folder / 'takes' / TAKE / 'trajectory' / 'gopro_calibs.csv')
    for camera in cameras():
        _video(folder / 'takes' / TAKE / 'frame_aligned_videos' / f'{camera}.mp4')
    labels = folder / 'annotations' / 'ego_pose' / 'val' / 'body' / 'annotation' / f'{UID}.json'
    labels.parent.mkdir(parents=True)
    joints = true_joints(bodies)
    content = {}
    for frame in LABELLED:
        label = {}
        for number, name in enumerate(COCO17):
            if frame == LABELLED[1] and name in ('nose', 'left-wrist'):
                continue
            x, y, z = joints[frame, number].tolist()
            views = 1 if frame == LABELLED[1] and name == 'right-knee' else 3
            label[name] = {'x': x, 'y': y, 'z': z, 'num_views_for_3d': views}
        content[str(frame)] = [{'metadata': {}, 'annotation3D': label, 'annotation2D': {}}]
    labels.write_text(json.dumps(content))
    (folder / 'takes.txt').write_text(f'# take and frame\n{TAKE} {LABELLED[1]}\n{TAKE} {LABELLED[2]}\n')
    return folder


def true_joints(bodies: BodyLibrary) -> np.ndarray:
    """(T, 17, 3) key points of the walk in the world."""
    people = walkers(FRAMES, 1)
    transl = people.transl(bodies, 'smpl', 'neutral', 0)
    betas = np.broadcast_to(people.betas[0], (FRAMES, 10))
    joints = bodies.joints('smpl', 'neutral', betas, people.root[:, 0], people.smpl[:, 0], transl)
    return joints[:, COCO_FROM_SMPL]


def painted_number(image: np.ndarray) -> int:
    """The frame number that the bars of a picture say."""
    width = image.shape[1] // BARS
    middle = image[image.shape[0] // 2, width // 2 :: width, 0][:BARS]
    return sum(1 << bit for bit, value in enumerate(middle) if value > 90)


def _video(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 30, SIZE)
    width = SIZE[0] // BARS
    for number in range(FRAMES):
        image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for bit in range(BARS):
            image[:, bit * width : (bit + 1) * width] = 180 * (number >> bit & 1)
        writer.write(image)
    writer.release()


def _calibration(path: Path) -> None:
    path.parent.mkdir(parents=True)
    names = ['cam_uid', 'graph_uid']
    names += [f't{axis}_world_cam' for axis in 'xyz'] + [f'q{axis}_world_cam' for axis in 'xyzw']
    names += ['image_width', 'image_height', 'intrinsics_type', *(f'intrinsics_{n}' for n in range(8))]
    names += ['start_frame_idx', 'end_frame_idx']
    lines = [','.join(names)]
    for camera, pose in cameras().items():
        numbers = [*pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]
        lens = [40 * 60.0, 40 * 60.0, FULL[0] / 2, FULL[1] / 2, 0.05, -0.01, 0.0, 0.0]
        values = [camera, 'g', *numbers, *FULL, 'KANNALABRANDTK3', *lens, 0, -1]
        lines.append(','.join(str(value) for value in values))
    path.write_text('\n'.join(lines) + '\n')
