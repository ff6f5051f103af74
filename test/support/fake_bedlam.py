"""A small copy of BEDLAM (specification 15.3) with rendered pictures, depth and masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import OpenEXR
from fake_people import axis_angle, looking_at, write_picture

from chromm_ros.body.library import BodyLibrary
from chromm_ros.synthetic.renderer import Camera
from chromm_ros.synthetic.world import Scene, World, animate, embody

ORBIT = '20221013_3_250_batch01hand_orbit_bigOffice'
CLOSEUP = '20221011_1_250_batch01hand_closeup_suburb_a'
SKY = '20221017_3_1000_batch01hand'
BROKEN_SEQUENCE = 120
SIZE = (96, 54)
IMAGES = 10
SUBJECTS = ('rp_aaron_posed_002', 'rp_beatrice_posed_025', 'rp_carla_posed_004')
CV_FROM_STUDIO = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""From z up to y down, z forward."""

UNLABELLED = (1, 15)
"""In this sequence and frame a third person walks in who has no label."""

WITHOUT_ENV = (1, 20)
"""The mask of the environment of this frame is lost."""


@dataclass
class _Rows:
    """The columns of a label file while it is written."""

    imgname: list[str] = field(default_factory=list)
    gender: list[str] = field(default_factory=list)
    sub: list[str] = field(default_factory=list)
    pose_cam: list[np.ndarray] = field(default_factory=list)
    shape: list[np.ndarray] = field(default_factory=list)
    trans_cam: list[np.ndarray] = field(default_factory=list)
    cam_ext: list[np.ndarray] = field(default_factory=list)
    cam_int: list[np.ndarray] = field(default_factory=list)


def fake_bedlam(folder: Path, bodies: BodyLibrary, images: int = IMAGES) -> Path:
    """An orbit with two good sequences and a broken one, a closeup that lies, a scene before a sky dome."""
    stage = _Stage(bodies)
    _scene(folder, ORBIT, stage, (0, 1, BROKEN_SEQUENCE), images, people=2)
    _scene(folder, CLOSEUP, stage, (0,), images, people=1, lying=True)
    _scene(folder, SKY, stage, (0,), 3, people=2, depth=False)
    return folder


class _Stage:
    """A studio room with people who stand still."""

    def __init__(self, bodies: BodyLibrary) -> None:
        self.bodies = bodies
        self.world = World.sample(12, views=1, people=(3, 3), image_size=SIZE)
        cast = self.world.cast
        scene = animate(cast, np.array([2.0]))
        places = np.array([[[0.0, 0.0], [0.9, 0.3], [-0.9, -0.2]]])
        self.people = Scene(scene.betas, scene.pose, scene.root_rotation, places)
        [(self.truth, self.skins)] = embody(self.world.renderer.body, [self.people], [self.world.room])

    def camera(self, angle: float, upright: bool) -> np.ndarray:
        """(4, 4) world_from_camera in the studio, on a circle around the people."""
        distance = 2.0 if upright else 2.4
        place = np.array([distance * np.cos(angle), distance * np.sin(angle), 1.5])
        return looking_at(place, np.array([0.0, 0, 0.9]), np.array([0.0, 0, 1]))

    def draw(self, intrinsics: np.ndarray, pose: np.ndarray, size: tuple[int, int], people: int):
        camera = Camera(intrinsics, pose, size)
        renderer, room = self.world.renderer, self.world.room
        looks = [actor.looks for actor in self.world.cast[:people]]
        figures = renderer.dress(self.skins[0, :people], looks, self.truth.pelvis[0, :people, :2])
        return renderer.draw(room, camera, renderer.background(room, camera), figures, np.array([1, 1, 0.0]), 1)


def _scene(
    folder: Path, name: str, stage: _Stage, sequences: tuple[int, ...], images: int, people: int,
    lying: bool = False, depth: bool = True,
) -> None:  # fmt: skip
    base, rows, rng = folder / name, _Rows(), np.random.default_rng(4)
    groups = ['Index,Type,Body,X,Y,Z,Yaw,Pitch,Roll,Comment', '0,Comment,None,0,0,0,0,0,0,made by a test']
    for number in sequences:
        key = f'seq_{number:06d}'
        groups.append(f'{len(groups)},Group,None,0,0,0,0,0,0,sequence_name={key};frames={5 * images};hdri=none')
        # the order of the masks is not that of the labels
        order = list(range(people))[::-1]
        groups += [f'{len(groups)},Body,{SUBJECTS[k]}_1234,0,0,0,0,0,0,start_frame=0' for k in order]
        lines = ['name,x,y,z,yaw,pitch,roll,focal_length,sensor_width,sensor_height,hfov']
        for frame in range(5 * images):
            angle = 0.3 + 0.02 * frame + 0.5 * number
            pose = stage.camera(angle, lying)
            focal = 70.0 + 0.1 * frame
            lines.append(_camera_row(f'{key}_{frame:04d}.png', pose, focal, lying))
            if frame % 5:
                continue
            size = SIZE[::-1] if lying else SIZE
            intrinsics = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
            seen = people + ((number, frame) == UNLABELLED)
            picture = stage.draw(intrinsics, pose, size, seen)
            _write_maps(base, key, frame, picture, order, lying, depth, (number, frame) != WITHOUT_ENV)
            camera_from_world = np.linalg.inv(pose)
            for k in range(people):
                _person(rows, number, frame, k, stage, camera_from_world, intrinsics, rng)
        camera = base / 'ground_truth' / 'camera' / f'{key}_camera.csv'
        camera.parent.mkdir(parents=True, exist_ok=True)
        camera.write_text('\n'.join(lines) + '\n')
    (base / 'be_seq.csv').write_text('\n'.join(groups) + '\n')
    labels = folder / 'all_npz_12_training' / f'{name}_6fps.npz'
    labels.parent.mkdir(parents=True, exist_ok=True)
    np.savez(labels, **{key: np.array(values) for key, values in vars(rows).items()})


def _person(
    rows: _Rows, number: int, frame: int, k: int, stage: _Stage, camera_from_world: np.ndarray,
    intrinsics: np.ndarray, rng: np.random.Generator,
) -> None:  # fmt: skip
    theta = stage.people.pose[0, k].astype(np.float64)
    eyes = np.broadcast_to(np.eye(3), (2, 3, 3))
    root = camera_from_world[:3, :3] @ stage.people.root_rotation[0, k]
    turns = np.concatenate([root[None], theta[:21], theta[51:], eyes, theta[21:51]])
    betas = np.append(stage.people.betas[0, k], 0.5 * (k == 1))
    pelvis = camera_from_world[:3, :3] @ stage.truth.pelvis[0, k] + camera_from_world[:3, 3]
    transl = pelvis - stage.bodies.rest_pelvis('smplx', 'neutral', betas)
    _label(rows, number, frame, SUBJECTS[k], axis_angle(turns), betas, transl, intrinsics, rng)


def _label(
    rows: _Rows, number: int, frame: int, subject: str, pose: np.ndarray, betas: np.ndarray, transl: np.ndarray,
    intrinsics: np.ndarray, rng: np.random.Generator,
) -> None:  # fmt: skip
    part = rng.normal(0, 2, 3)  # no camera pose: the place of each person is split at will
    external = np.eye(4)
    external[:3, 3] = part
    rows.imgname.append(f'seq_{number:06d}/seq_{number:06d}_{frame:04d}.png')
    rows.gender.append('male' if len(rows.gender) % 2 else 'female')
    rows.sub.append(subject)
    rows.pose_cam.append(pose.reshape(165))
    rows.shape.append(betas)
    rows.trans_cam.append(transl - part)
    rows.cam_ext.append(external)
    rows.cam_int.append(intrinsics)


def _camera_row(name: str, studio_pose: np.ndarray, focal: float, lying: bool) -> str:
    rotation = CV_FROM_STUDIO @ studio_pose[:3, :3]
    if lying:  # the camera that stored the picture lies: camera_from_world = Rz(-90) of the upright one
        rotation = rotation @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    place = CV_FROM_STUDIO @ studio_pose[:3, 3]
    yaw = np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2]))
    pitch = np.degrees(-np.arcsin(rotation[1, 2]))
    roll = np.degrees(np.arctan2(rotation[1, 0], rotation[1, 1]))
    values = (100 * place[2], 100 * place[0], -100 * place[1], yaw, pitch, roll, focal * 36 / SIZE[0], 36, 20.25, 52)
    return ','.join([name, *(repr(float(value)) for value in values)])


def _write_maps(
    base: Path, key: str, frame: int, picture, order: list[int], lying: bool, depth: bool, with_env: bool
) -> None:
    def stored(image: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(image)) if lying else image

    name = f'{key}_{frame:04d}'
    write_picture(base / 'png' / key / f'{name}.png', stored(picture.image))
    masks = base / 'masks' / key
    if with_env:
        write_picture(masks / f'{name}_env.png', stored(255 - 255 * (picture.instance > 0).astype(np.uint8)))
    # the upper half of everybody is body, the lower half clothing
    half = np.arange(picture.instance.shape[0])[:, None] < picture.instance.shape[0] // 2
    for actor, k in enumerate(order):
        mine = picture.instance == k + 1
        for part, outline in (('body', mine & half), ('clothing', mine & ~half)):
            if mine.any():
                write_picture(masks / f'{name}_{actor:02d}_{part}.png', stored(255 * outline.astype(np.uint8)))
    if depth:
        values = 100 * picture.depth.astype(np.float32)
        values[0, 0], values[0, 1] = np.inf, 1e10
        write_exr(base / 'depth' / key / f'{name}_depth.exr', stored(values), 'Depth')


def write_exr(path: Path, values: np.ndarray, channel: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {'compression': OpenEXR.ZIP_COMPRESSION, 'type': OpenEXR.scanlineimage}
    with OpenEXR.File(header, {channel: np.ascontiguousarray(values)}) as file:
        file.write(str(path))
