"""A small copy of EMDB (specification 15.4): names, keys and shapes of the files that users download."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from fake_people import GREY, Y_UP, People, axis_angle, grey_pictures, looking_at, walkers, write_picture

from chromm_ros.body.library import BodyLibrary
from chromm_ros.synthetic.world import World

SPEED = 0.04
"""Metres per frame of the straight walks."""

FRAMES = 230
"""Of the long sequence: 10 bad ones first, 20 bad ones last."""


def fake_emdb(folder: Path, bodies: BodyLibrary) -> Path:
    """Two sequences of EMDB-2, one that is not, and one of EMDB-2 with bad frames in the middle."""
    long = np.ones(FRAMES, bool)
    long[:10] = long[-20:] = False
    gap = np.ones(60, bool)
    gap[20:30] = False
    _walk(folder, 'P0', '09_outdoor_walk', np.ones(40, bool), bodies, 'male', size=(72, 96))
    _walk(folder, 'P2', '19_indoor_walk_off_mvs', long, bodies, 'female', size=(GREY[0], GREY[1]))
    _walk(folder, 'P3', '27_indoor_walk_off_mvs', gap, bodies, 'neutral', size=(GREY[0], GREY[1]))
    _walk(folder, 'P1', '14_outdoor_climb', np.ones(30, bool), bodies, 'male', (GREY[0], GREY[1]), emdb2=False)
    return folder


def studio_emdb(folder: Path, bodies: BodyLibrary, frames: int = 24, seed: int = 1_000_017) -> Path:
    """One sequence of EMDB-2 whose pictures are of the synthetic studio, one person before a moving camera."""
    world = World.sample(seed, views=1, people=(1, 1), moving=True)
    shown = world.render(np.arange(frames) / 30)
    truth = shown.truth
    people = People(truth.betas[0], truth.pose.astype(np.float64), truth.root_rotation, truth.pelvis)
    _write(
        folder, 'P2', '19_indoor_walk_off_mvs', people.turned(Y_UP), np.ones(frames, bool), bodies, 'neutral',
        shown.intrinsics[0, 0], _turned_cameras(shown.world_from_camera[0]), world.rig.image_size,
    )  # fmt: skip
    for number, image in enumerate(shown.images[0]):
        write_picture(folder / 'P2' / '19_indoor_walk_off_mvs' / 'images' / f'{number:05d}.jpg', image)
    return folder


def _turned_cameras(world_from_camera: np.ndarray) -> np.ndarray:
    turned = world_from_camera.copy()
    turned[:, :3] = Y_UP @ world_from_camera[:, :3]
    return turned


def _walk(
    folder: Path, part: str, name: str, good: np.ndarray, bodies: BodyLibrary, gender: str, size: tuple[int, int],
    emdb2: bool = True,
) -> None:  # fmt: skip
    people = walkers(len(good), speed=SPEED).turned(Y_UP)
    cameras = [
        looking_at(pelvis + np.array([0.3, 0.4, 4.0]), pelvis, np.array([0.0, 1, 0]))
        for pelvis in people.pelvis[:, 0]
    ]
    intrinsics = np.array([[size[1], 0, size[0] / 2], [0, size[1], size[1] / 2], [0, 0, 1.0]])
    _write(folder, part, name, people, good, bodies, gender, intrinsics, np.stack(cameras), size, emdb2)
    images = folder / part / name / 'images'
    grey_pictures([images / f'{number:05d}.jpg' for number in range(len(good))], size)


def _write(
    folder: Path, part: str, name: str, people: People, good: np.ndarray, bodies: BodyLibrary, gender: str,
    intrinsics: np.ndarray, world_from_camera: np.ndarray, size: tuple[int, int], emdb2: bool = True,
) -> None:  # fmt: skip
    transl = people.transl(bodies, 'smpl', gender, 0)
    betas = np.broadcast_to(people.betas[0], (len(good), 10))
    joints = bodies.joints('smpl', gender, betas, people.root[:, 0], people.smpl[:, 0], transl)
    extrinsics = np.linalg.inv(world_from_camera)
    camera = joints @ extrinsics[:, :3, :3].swapaxes(1, 2) + extrinsics[:, None, :3, 3]
    pixels = camera @ intrinsics.T
    pixels = pixels[..., :2] / pixels[..., 2:]
    content = {
        'gender': gender,
        'name': f'{part}_{name}',
        'emdb1': not emdb2,
        'emdb2': emdb2,
        'n_frames': len(good),
        'good_frames_mask': good,
        'camera': {'intrinsics': intrinsics, 'extrinsics': extrinsics, 'width': size[0], 'height': size[1]},
        'smpl': {
            'poses_root': axis_angle(people.root[:, 0]),
            'poses_body': axis_angle(people.smpl[:, 0]).reshape(len(good), 69),
            'trans': transl,
            'betas': people.betas[0],
        },
        'kp2d': pixels,
        'bboxes': {
            'bboxes': np.concatenate([pixels.min(1), pixels.max(1)], 1),
            'invalid_idxs': np.flatnonzero(~good),
        },
    }
    file = folder / part / name / f'{part}_{name}_data.pkl'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(content))
