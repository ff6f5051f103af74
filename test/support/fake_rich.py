"""A small copy of RICH (specification 15.4): one person before four cameras, and the sequence of two people."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from fake_people import People, axis_angle, grey_pictures, looking_at, walkers

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.rich import RichSequence
from chromm_ros.datasets.rich_files import SIZES

SIZE = (257, 188)
"""A sixteenth of 4112 x 3008."""

FRAMES = 50
FIRST = 3
"""Images begin two frames before the fits, which begin here."""

CV_FROM_STUDIO = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From z up to the frame of an upright camera, y down."""


def fake_rich(folder: Path, bodies: BodyLibrary) -> Path:
    """``Gym_011_pushup1`` and ``LectureHall_009_021_reparingprojector1`` of the test split."""
    _sequence(folder, 'Gym_011_pushup1', (2, 3, 4, 5), walkers(FRAMES, 1), bodies, ending='.bmp')
    _sequence(folder, 'LectureHall_009_021_reparingprojector1', (0, 3, 4, 5), walkers(20, 2), bodies, ending='.jpeg')
    header = (
        'sequence_name\tcapture_name\tscan_name\tid\tmoving_cam\tgender\tscene\t'
        'action/scene-interaction\tsubjects\tview_id'
    )
    rows = ['Gym_011_pushup1\tGym\tscan_camcoord\t011\t\tmale\tGym\tpushup\t011\t2,3,4,5']
    rows += [
        f'LectureHall_009_021_reparingprojector1\tLectureHall\tscan_camcoord\t{subject}\t\t-\tHall\tx\t009,021\t0,3,4,5'
        for subject in ('009', '021')
    ]
    (folder / 'test.txt').write_text('\n'.join([header, *rows]) + '\n')
    return folder


def rig(count: int) -> np.ndarray:
    """(V, 4, 4) world_from_camera on an arc around the walk, y down; the first camera is the world."""
    poses = []
    for number in range(count):
        angle = np.radians(-60 + 40 * number)
        place = np.array([1.0 + 6 * np.sin(angle), -6 * np.cos(angle), 1.6])
        poses.append(looking_at(place, np.array([1.0, 0, 0.9]), np.array([0.0, 0, 1])))
    return np.linalg.inv(poses[0]) @ np.stack(poses)


def world_from_studio() -> np.ndarray:
    """(4, 4) from the synthetic world to camera 0 of the rig."""
    angle = np.radians(-60)
    place = np.array([1.0 + 6 * np.sin(angle), -6 * np.cos(angle), 1.6])
    return np.linalg.inv(looking_at(place, np.array([1.0, 0, 0.9]), np.array([0.0, 0, 1])))


def _sequence(
    folder: Path, name: str, cameras: tuple[int, ...], people: People, bodies: BodyLibrary, ending: str
) -> None:
    move = world_from_studio()
    people = people.turned(move[:3, :3])
    people = People(people.betas, people.pose, people.root, people.pelvis + move[:3, 3])
    capture = name.split('_')[0]
    for camera, pose in zip(cameras, rig(len(cameras))):
        _calibration(folder / 'scan_calibration' / capture / 'calibration' / f'{camera:03d}.xml', pose)
    last = FIRST + len(people.pelvis)
    grey_pictures(
        [
            folder / 'images' / 'test' / name / f'cam_{camera:02d}' / f'{frame:05d}_{camera:02d}{ending}'
            for camera in cameras
            for frame in range(FIRST - 2, last)
        ],
        SIZE,
    )
    subjects = [part for part in name.split('_') if part.isdigit()]
    for person, subject in enumerate(subjects):
        gender = RichSequence.gender(subject)
        transl = people.transl(bodies, 'smplx', gender, person)
        for frame in range(FIRST, last):
            row = frame - FIRST
            fit = {key: np.zeros((1, size), np.float32) for key, size in SIZES.items()}
            fit['transl'][0] = transl[row]
            fit['global_orient'][0] = axis_angle(people.root[row, person])
            fit['body_pose'][0] = axis_angle(people.pose[row, person, :21]).reshape(63)
            fit['betas'][0] = people.betas[person]
            fit['left_hand_pose'][0] = 0.3
            fit['expression'] = np.zeros((1, 10), np.float32)
            file = folder / 'bodies' / 'test' / name / f'{frame:05d}' / f'{subject}.pkl'
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pickle.dumps(fit, protocol=2))


def _calibration(path: Path, world_from_camera: np.ndarray) -> None:
    pose = np.linalg.inv(world_from_camera)[:3].reshape(-1)
    focal = 16 * 200.0
    intrinsics = [focal, 0, 4112 / 2, 0, focal, 3008 / 2, 0, 0, 1]

    def matrix(name: str, rows: int, values: list[float]) -> str:
        text = ' '.join(repr(float(value)) for value in values)
        return (
            f'<{name} type_id="opencv-matrix"><rows>{rows}</rows><cols>{len(values) // rows}</cols><dt>d</dt>'
            f'<data>\n {text}</data></{name}>'
        )

    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [matrix('CameraMatrix', 3, list(pose)), matrix('Intrinsics', 3, intrinsics)]
    parts.append(matrix('Distortion', 1, [-0.1, 0.02, 0, 0, 0, 0, 0, 0]))
    path.write_text(f'<?xml version="1.0"?>\n<opencv_storage>\n{chr(10).join(parts)}\n</opencv_storage>\n')
