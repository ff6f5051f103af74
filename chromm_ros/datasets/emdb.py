"""EMDB: one tracked person, a moving hand-held camera; EMDB-2 is the set of the paper's Tables 1, 4, 7 and 10.

``P<k>/<sequence>/{images/%05d.jpg, P<k>_<sequence>_data.pkl}``; emdb.ait.ethz.ch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import (
    count_images,
    entry,
    known_split,
    matrices,
    natural,
    numbers,
    read_image,
    require_folder,
    rigid,
)
from chromm_ros.datasets.interface import Body, Findings, Instant, Lens, Person, View
from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.pickles import load_pickle

VIEW = 'camera'

# fmt: off
EMDB2 = {
    'P0/09_outdoor_walk': 2009, 'P2/19_indoor_walk_off_mvs': 1299, 'P2/20_outdoor_walk': 2713,
    'P2/24_outdoor_long_walk': 3280, 'P3/27_indoor_walk_off_mvs': 1448, 'P3/28_outdoor_walk_lunges': 1836,
    'P3/29_outdoor_stairs_up': 1205, 'P3/30_outdoor_stairs_down': 1137, 'P4/35_indoor_walk': 1226,
    'P4/36_outdoor_long_walk': 2160, 'P4/37_outdoor_run_circle': 881, 'P5/40_indoor_walk_big_circle': 2661,
    'P6/48_outdoor_walk_downhill': 1959, 'P6/49_outdoor_big_stairs_down': 1559, 'P7/55_outdoor_walk': 2179,
    'P7/56_outdoor_stairs_up_down': 1120, 'P7/57_outdoor_rock_chair': 1558, 'P7/58_outdoor_parcours': 1332,
    'P7/61_outdoor_sit_lie_walk': 1914, 'P8/64_outdoor_skateboard': 1704, 'P8/65_outdoor_walk_straight': 1981,
    'P9/77_outdoor_stairs_up': 728, 'P9/78_outdoor_stairs_up_down': 1083, 'P9/79_outdoor_walk_rectangle': 1917,
    'P9/80_outdoor_walk_big_circle': 2240,
}
"""Sequences of EMDB-2 and their frames, to compare a folder with; what belongs to it the files themselves say."""
# fmt: on


class Emdb:
    """The folder with P0 to P9."""

    name = 'emdb'
    licence = 'EMDB: research only, by application (emdb.ait.ethz.ch)'
    splits = ('emdb2', 'emdb1', 'all')

    def __init__(self, folder: str | Path, bodies: BodyLibrary | None = None) -> None:
        """
        Raises:
            FileNotFoundError: the folder is not that of EMDB.
        """
        self.folder = require_folder(folder, {'P[0-9]*/*/*_data.pkl': 'sequences'}, 'EMDB')
        self.bodies = bodies or BodyLibrary()

    def sequences(self, split: str = '') -> list[EmdbSequence]:
        """Those that say of themselves that they belong to the split.

        A sequence whose file cannot be read is in the list, too: its first use says what is wrong.
        """
        split = known_split(self, split)
        return [sequence for sequence in self._all() if split == 'all' or sequence.belongs_to(split)]

    def expected(self, split: str = '') -> int | None:
        """25 of EMDB-2."""
        return len(EMDB2) if known_split(self, split) == 'emdb2' else None

    def check(self, split: str = '') -> Findings:
        split = known_split(self, split)
        found, missing, notes = [], [], []
        frames = 0
        sequences = self.sequences(split)
        for sequence in sequences:
            try:
                data = sequence.data
            except (OSError, ValueError) as error:
                missing.append(str(error))
                continue
            images = count_images(sequence.folder / 'images')
            frames += len(sequence)
            if images < len(sequence):
                missing.append(f'{sequence.folder / "images"}: {images} of {len(sequence)} pictures')
            if not data.good.any():
                missing.append(f'{sequence.file}: no frame of it is good')
            if not self.bodies.has('smpl', data.gender):
                notes.append(f'{sequence.name}: needs SMPL_{data.gender.upper()}.pkl for its true joints')
            expected = EMDB2.get(sequence.name)
            if split == 'emdb2' and expected not in (None, len(sequence)):
                notes.append(f'{sequence.name}: {len(sequence)} frames, {expected} were published')
        found.append(f'{len(sequences)} sequences of {split}, {frames} frames')
        if split == 'emdb2':
            absent = sorted(set(EMDB2) - {sequence.name for sequence in sequences}, key=natural)
            missing += [f'{self.folder / name}: not there ({EMDB2[name]} frames were published)' for name in absent]
        return Findings(tuple(found), tuple(missing), tuple(notes))

    def _all(self) -> list[EmdbSequence]:
        folders = [path for path in self.folder.glob('P[0-9]*/*') if path.is_dir()]
        return [
            EmdbSequence(path, f'{path.parent.name}/{path.name}', self.bodies)
            for path in sorted(folders, key=lambda path: natural(str(path)))
        ]


@dataclass(frozen=True)
class _Data:
    """The content of one ``*_data.pkl``, checked. N frames."""

    gender: str
    splits: dict[str, bool]
    good: np.ndarray  # (N,) bool
    lens: Lens
    world_from_camera: np.ndarray  # (N, 4, 4)
    betas: np.ndarray  # (10,)
    root: np.ndarray  # (N, 3, 3)
    pose: np.ndarray  # (N, 23, 3, 3)
    transl: np.ndarray  # (N, 3)
    pixels: np.ndarray  # (N, 24, 3)
    boxes: np.ndarray  # (N, 4)
    boxed: np.ndarray  # (N,) bool


class EmdbSequence:
    """One walk of one person before one camera."""

    fps = 30.0
    static_rig = False

    def __init__(self, folder: Path, name: str, bodies: BodyLibrary) -> None:
        self.folder = folder
        self.name = name
        self.bodies = bodies

    @property
    def file(self) -> Path:
        """Its annotations."""
        return self.folder / f'{self.folder.parent.name}_{self.folder.name}_data.pkl'

    @cached_property
    def data(self) -> _Data:
        """
        Raises:
            OSError, ValueError: the file is missing or not what was expected.
        """
        return _read(self.file)

    @cached_property
    def joints(self) -> np.ndarray:
        """(N, 24 or 22, 3) true joints, world [m], in the layout of the body library."""
        data = self.data
        betas = np.broadcast_to(data.betas, (len(self), len(data.betas)))
        return self.bodies.joints('smpl', data.gender, betas, data.root, data.pose, data.transl)

    def belongs_to(self, split: str) -> bool:
        """Whether the file says so, or cannot be read."""
        try:
            belongs = self.data.splits[split]
        except (OSError, ValueError):
            return True
        if not belongs:
            del self.data  # 80 sequences are a few hundred megabytes
        return belongs

    def __len__(self) -> int:
        return len(self.data.good)

    def instant(self, index: int) -> Instant:
        """The frame ``index``; its person is valid where the set calls the frame good."""
        data = self.data
        path = self.folder / 'images' / f'{index:05d}.jpg'
        person = Person(
            id='0',
            body=Body(
                'smpl', data.gender, 'world', data.betas, data.root[index], data.pose[index], data.transl[index]
            ),
            joints=self.joints[index],
            joint_names=self.bodies.joint_names('smpl', data.gender),
            pixels={VIEW: data.pixels[index]},
            box={VIEW: data.boxes[index]} if data.boxed[index] else {},
            valid=bool(data.good[index]),
        )
        view = View(
            VIEW,
            data.lens,
            data.world_from_camera[index],
            open_image=lambda: read_image(path, data.lens.size),
            source=str(path),
        )
        return Instant(index, index / self.fps, (view,), (person,))


def _read(file: Path) -> _Data:
    if not file.is_file():
        raise FileNotFoundError(f'{file} does not exist; expected the annotations of an EMDB sequence')
    content = load_pickle(file)

    def get(path: str, *shape: int | None) -> np.ndarray:
        return numbers(entry(content, path, file), shape, f'{file}: {path}')

    gender = str(entry(content, 'gender', file))
    if gender not in ('female', 'male', 'neutral'):
        raise ValueError(f'{file}: its gender is {gender!r}, expected female, male or neutral')
    good = get('good_frames_mask', None).astype(bool)
    count = len(good)
    size = (int(entry(content, 'camera.width', file)), int(entry(content, 'camera.height', file)))
    camera_from_world = rigid(get('camera.extrinsics', count, 4, 4), f'{file}: camera.extrinsics')
    boxed = np.ones(count, bool)
    boxed[get('bboxes.invalid_idxs', None).astype(int)] = False
    return _Data(
        gender=gender,
        splits={name: bool(entry(content, name, file)) for name in ('emdb1', 'emdb2')},
        good=good,
        lens=Lens(get('camera.intrinsics', 3, 3), size),
        world_from_camera=invert_rigid(camera_from_world),
        betas=get('smpl.betas', 10),
        root=matrices(get('smpl.poses_root', count, 3)),
        pose=matrices(get('smpl.poses_body', count, 69).reshape(count, 23, 3)),
        transl=get('smpl.trans', count, 3),
        pixels=np.concatenate([get('kp2d', count, 24, 2), np.ones((count, 24, 1))], 2),
        boxes=get('bboxes.bboxes', count, 4),
        boxed=boxed,
    )
