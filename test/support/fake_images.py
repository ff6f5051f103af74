"""Small copies of 3DPW, MPII and MSCOCO with NeuralAnnot's fits (specification 15.4)."""

from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
from fake_people import Y_UP, axis_angle, grey_pictures, looking_at, walkers, write_picture

from chromm_ros.body.library import BodyLibrary

SIZE = (96, 54)
FRAMES = 12
SEQUENCES = {'downtown_walking_00': SIZE, 'office_phoneCall_00': SIZE[::-1]}
"""The second one is upright."""


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes as Python 2 wrote its strings."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def save_string(self, value: str | bytes) -> None:
        data = value.encode('latin1') if isinstance(value, str) else value
        head = b'U' + bytes([len(data)]) if len(data) < 256 else b'T' + struct.pack('<i', len(data))
        self.write(head + data)
        self.memoize(value)

    dispatch[str] = save_string
    dispatch[bytes] = save_string


def python2_pickle(content: object) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(content)
    return stream.getvalue()


def fake_3dpw(folder: Path, bodies: BodyLibrary, split: str = 'test', fits: bool = True) -> Path:
    """Two sequences of two people, with NeuralAnnot's annotations and fits beside them."""
    people = walkers(FRAMES, 2).turned(Y_UP)
    betas = np.broadcast_to(people.betas, (FRAMES, 2, 10))
    images: list[dict] = []
    annotations: list[dict] = []
    parameters: dict[str, dict] = {}
    for name, size in SEQUENCES.items():
        focal, centre = 1.1 * max(size), (size[0] / 2 + 1, size[1] / 2)
        world_from_camera = np.stack(
            [looking_at(np.array([0.2, 1.3, 5.0 + 0.02 * t]), np.array([0.2, 0.9, -0.6]), np.array([0.0, 1, 0]))
             for t in range(FRAMES)]
        )  # fmt: skip
        camera_from_world = np.linalg.inv(world_from_camera)
        intrinsics = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
        poses, trans, joints, points = [], [], [], []
        for k, gender in enumerate(('male', 'female')):
            transl = people.transl(bodies, 'smpl', gender, k)
            posed = bodies.joints('smpl', gender, betas[:, k], people.root[:, k], people.smpl[:, k], transl)
            poses.append(axis_angle(np.concatenate([people.root[:, k, None], people.smpl[:, k]], 1)).reshape(-1, 72))
            trans.append(transl)
            joints.append(posed.reshape(FRAMES, 72))
            pixels = _projected(posed, camera_from_world, intrinsics)[:, :18]
            points.append(np.concatenate([pixels, np.ones((FRAMES, 18, 1))], 2).transpose(0, 2, 1))
        valid = np.ones((2, FRAMES), int)
        valid[1, 4:7] = 0
        content = {
            'sequence': name, 'poses': poses, 'trans': trans, 'betas': [np.resize(b, 300) for b in people.betas],
            'genders': ['m', 'f'], 'jointPositions': joints, 'cam_poses': camera_from_world,
            'campose_valid': list(valid), 'cam_intrinsics': intrinsics, 'poses2d': points,
            'img_frame_ids': 2 * np.arange(FRAMES),
        }  # fmt: skip
        file = folder / 'sequenceFiles' / split / f'{name}.pkl'
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(python2_pickle(content))
        grey_pictures([folder / 'imageFiles' / name / f'image_{t:05d}.jpg' for t in range(FRAMES)], size)
        if not fits:
            continue
        for t in range(FRAMES):
            images.append({
                'id': len(images), 'file_name': f'image_{t:05d}.jpg', 'sequence': name, 'width': size[0],
                'height': size[1], 'cam_param': {'focal': [focal, focal], 'princpt': list(centre)},
            })  # fmt: skip
            for k in range(2):
                key = 10 + len(annotations)
                fit, pixels = _camera_fit(people, t, k, bodies, camera_from_world[t], intrinsics)
                box = [*pixels.min(0).tolist(), *(pixels.max(0) - pixels.min(0)).tolist()]
                annotations.append({'id': key, 'image_id': images[-1]['id'], 'bbox': box})
                parameters[str(key)] = fit
    if fits:
        (folder / f'3DPW_{split}.json').write_text(json.dumps({'images': images, 'annotations': annotations}))
        (folder / f'3DPW_{split}_SMPLX_NeuralAnnot.json').write_text(json.dumps(parameters))
    return folder


def fake_single_images(folder: Path, bodies: BodyLibrary, kind: str) -> Path:
    """``mpii`` or ``coco``: three images; in the first two people whose virtual cameras differ by a factor of two.

    The second person of the first image has the parameters of the first one, twice the focal length and another
    principal point. One person has no parameters, and in COCO one annotation is a crowd.
    """
    people = walkers(3, 2).turned(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    view = np.eye(4)
    view[:3, 3] = [0, 0, 4.0]
    images, annotations, parameters = [], [], {}
    for number in range(3):
        name = f'{number + 1:012d}.jpg' if kind == 'coco' else f'images/{number + 1:09d}.jpg'
        images.append({'id': number + 1, 'file_name': name, 'width': SIZE[0], 'height': SIZE[1]})
        for k in range(3 if number == 0 else 1):
            key = 100 * (number + 1) + k
            intrinsics = np.array([[45.0, 0, 40], [0, 45, 30], [0, 0, 1]])
            if k == 1:
                intrinsics = np.array([[90.0, 0, 52], [0, 90, 48], [0, 0, 1]])
            fit, pixels = _camera_fit(people, number, 0, bodies, view, intrinsics)
            corner, extent = pixels.min(0), pixels.max(0) - pixels.min(0)
            person = {'id': key, 'image_id': number + 1, 'bbox': [*corner.tolist(), *extent.tolist()], 'iscrowd': 0}
            person['keypoints'] = np.tile([10, 10, 2], 17 if kind == 'coco' else 16).tolist()
            if kind == 'coco':
                fit |= {name: (0.1 * np.arange(45) / 45).tolist() for name in ('lhand_pose', 'rhand_pose')}
                fit |= {'jaw_pose': [0.05, 0, 0], 'expr': [0.0] * 10}
                (x0, y0), (x1, y1) = corner, corner + extent
                person['segmentation'] = [[x0, y0, x1, y0, x1, y1, x0, y1]]
            annotations.append(person)
            if k < 2:
                camera = {'focal': [intrinsics[0, 0]] * 2, 'princpt': intrinsics[:2, 2].tolist()}
                parameters[str(key)] = {'smplx_param': fit, 'cam_param': camera}
    if kind == 'coco':
        # rows 10 to 19 of the columns 80 to 84
        counts = [80 * SIZE[1] + 10, *(value for _ in range(4) for value in (10, SIZE[1] - 10)), 10]
        crowd = {'counts': [*counts, SIZE[0] * SIZE[1] - sum(counts)], 'size': [SIZE[1], SIZE[0]]}
        annotations.append(
            {
                'id': 900,
                'image_id': 1,
                'bbox': [80, 10, 5, 10],
                'iscrowd': 1,
                'segmentation': crowd,
                'keypoints': [0] * 51,
            }
        )
    for number, image in enumerate(images):
        base = folder / 'train2017' if kind == 'coco' else folder
        write_picture(base / image['file_name'], np.full((SIZE[1], SIZE[0], 3), 60 + 40 * number, np.uint8))
    names = {
        'coco': ('person_keypoints_train2017.json', 'MSCOCO_train_SMPLX_all_NeuralAnnot.json'),
        'mpii': ('train.json', 'MPII_train_SMPLX_NeuralAnnot.json'),
    }[kind]
    (folder / 'annotations').mkdir()
    (folder / 'annotations' / names[0]).write_text(json.dumps({'images': images, 'annotations': annotations}))
    (folder / 'annotations' / names[1]).write_text(json.dumps(parameters))
    return folder


def _camera_fit(people, t: int, k: int, bodies: BodyLibrary, camera_from_world: np.ndarray, intrinsics: np.ndarray):
    """Parameters of SMPL-X in the camera frame, and the pixels of its 22 joints."""
    rotation, shift = camera_from_world[:3, :3], camera_from_world[:3, 3]
    root = rotation @ people.root[t, k]
    pelvis = rotation @ people.pelvis[t, k] + shift
    transl = pelvis - bodies.rest_pelvis('smplx', 'neutral', people.betas[k])
    joints = bodies.body('smplx', 'neutral').joints(people.betas[k], root, people.smplx[t, k], transl)[:22]
    pixels = joints @ intrinsics.T
    fit = {
        'root_pose': axis_angle(root).tolist(),
        'body_pose': axis_angle(people.pose[t, k, :21]).reshape(63).tolist(),
        'shape': people.betas[k].tolist(),
        'trans': transl.tolist(),
    }
    return fit, pixels[:, :2] / pixels[:, 2:]


def _projected(points: np.ndarray, camera_from_world: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    camera = points @ camera_from_world[:, :3, :3].swapaxes(1, 2) + camera_from_world[:, None, :3, 3]
    pixels = camera @ intrinsics.T
    return pixels[..., :2] / pixels[..., 2:]
