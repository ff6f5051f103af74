"""Ego-Exo4D: the wearer of a camera, seen by static GoPros, with triangulated key points; the paper's Table 2.

``takes.json``, ``takes/<take>/{frame_aligned_videos/cam01.mp4, trajectory/gopro_calibs.csv}``,
``annotations/ego_pose/<split>/body/annotation/<take_uid>.json``; ego-exo4d-data.org.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.files import entry, known_split, natural, numbers, read_csv, read_json, require_folder
from chromm_ros.datasets.interface import Findings, Instant, Lens, Person, View
from chromm_ros.datasets.lenses import undistorted
from chromm_ros.datasets.videos import read_frame, video_size
from chromm_ros.geometry.cameras import scale_intrinsics

COCO17 = (
    'nose', 'left-eye', 'right-eye', 'left-ear', 'right-ear', 'left-shoulder', 'right-shoulder', 'left-elbow',
    'right-elbow', 'left-wrist', 'right-wrist', 'left-hip', 'right-hip', 'left-knee', 'right-knee', 'left-ankle',
    'right-ankle',
)  # fmt: skip
"""Names of the joints in the order of COCO."""

POSE = (
    'qx_world_cam',
    'qy_world_cam',
    'qz_world_cam',
    'qw_world_cam',
    'tx_world_cam',
    'ty_world_cam',
    'tz_world_cam',
)
LENS = tuple(f'intrinsics_{number}' for number in range(8))
COLUMNS = (
    'cam_uid', *POSE, 'image_width', 'image_height', 'intrinsics_type', *LENS, 'start_frame_idx', 'end_frame_idx'
)  # fmt: skip


class EgoExo4D:
    """The folder with takes.json, takes and annotations."""

    name = 'egoexo4d'
    licence = 'Ego-Exo4D: signed licence agreement (ego-exo4d-data.org)'
    splits = ('val', 'train', 'test')

    def __init__(
        self,
        folder: str | Path,
        bodies: BodyLibrary | None = None,
        frames: Mapping[str, Sequence[int]] | None = None,
        labels: str = 'annotation',
        undistort: bool = True,
        seen_by: int = 1,
    ) -> None:
        """
        Args:
            frames: take -> frames that are taken (``--frames FILE``, such as HSfM's list of 182); without it the
                first labelled frame of every take, which is nobody's published protocol.
            labels: ``annotation`` (by hand) or ``automatic``.
            undistort: give images as a pinhole camera would see them.
            seen_by: views that a joint must have been triangulated from.

        Raises:
            FileNotFoundError: the folder is not that of Ego-Exo4D.
            ValueError: ``labels`` is neither.
        """
        if labels not in ('annotation', 'automatic'):
            raise ValueError(f'labels of Ego-Exo4D are annotation or automatic, not {labels!r}')
        self.folder = require_folder(folder, {'takes.json': 'the list of takes'}, 'Ego-Exo4D')
        self.bodies = bodies or BodyLibrary()
        self.frames = frames
        self.labels = labels
        self.undistort = undistort
        self.seen_by = seen_by

    @cached_property
    def takes(self) -> dict[str, str]:
        """Unique number of a take -> its name.

        Raises:
            ValueError: ``takes.json`` is not what was expected.
        """
        path = self.folder / 'takes.json'
        return {
            str(entry(take, 'take_uid', path)): str(entry(take, 'take_name', path)) for take in read_json(path, list)
        }

    def sequences(self, split: str = '') -> list[EgoExo4DSequence]:
        """Takes of the split with labels of the body; with a list of frames, those that it names."""
        split = known_split(self, split)
        folder = self.folder / 'annotations' / 'ego_pose' / split / 'body' / self.labels
        found = []
        for path in folder.glob('*.json'):
            name = self.takes.get(path.stem)
            if name is not None and (self.frames is None or name in self.frames):
                found.append(EgoExo4DSequence(self, name, path))
        if self.frames is not None:
            names = {sequence.name for sequence in found}
            # a take of the list without labels is a lost sequence: its first use says so
            found += [
                EgoExo4DSequence(self, name, folder / f'{self._uid(name)}.json')
                for name in self.frames
                if name not in names
            ]
        return sorted(found, key=lambda sequence: natural(sequence.name))

    def expected(self, split: str = '') -> int | None:
        """The takes of the list of frames; without a list nothing was published."""
        return None if self.frames is None else len(self.frames)

    def check(self, split: str = '') -> Findings:
        split = known_split(self, split)
        missing, notes = [], []
        if split == 'test':
            notes.append('the true poses of the test split are not public')
        if self.frames is None:
            notes.append('without a list of takes and frames the first labelled frame of every take is used')
        sequences = self.sequences(split)
        for sequence in sequences:
            try:
                sequence.check()
            except (OSError, ValueError) as error:
                missing.append(str(error))
        if not sequences:
            missing.append(
                f'{self.folder / "annotations/ego_pose" / split / "body" / self.labels}: no labels of a take'
            )
        return Findings((f'{len(sequences)} takes of {split} with labels',), tuple(missing), tuple(notes))

    def _uid(self, name: str) -> str:
        return next((uid for uid, take in self.takes.items() if take == name), name)


class EgoExo4DSequence:
    """One take; an instant is a labelled frame."""

    fps = 30.0
    static_rig = True

    def __init__(self, dataset: EgoExo4D, name: str, labels: Path) -> None:
        self.dataset = dataset
        self.name = name
        self.file = labels
        self.folder = dataset.folder / 'takes' / name

    @cached_property
    def labels(self) -> dict[int, dict]:
        """Frame -> joint -> x, y, z, num_views_for_3d.

        Raises:
            OSError, ValueError: the file is missing, or not what was expected.
        """
        found = {}
        for frame, persons in read_json(self.file).items():
            if not frame.isdigit() or not isinstance(persons, list) or len(persons) == 0:
                raise ValueError(f'{self.file}: expected a list of people for frame {frame!r}')
            joints = entry(persons[0], 'annotation3D', self.file)
            if joints:
                found[int(frame)] = joints
        if not found:
            raise ValueError(f'{self.file}: has no frame with 3D key points')
        return found

    @cached_property
    def chosen(self) -> list[int]:
        """Frames of the instants."""
        listed = self.dataset.frames
        if listed is None:
            return [min(self.labels)]
        wanted = sorted(set(listed[self.name]))
        lost = [frame for frame in wanted if frame not in self.labels]
        if lost:
            raise ValueError(f'{self.file}: frame {lost[0]} of the list has no 3D key points')
        return wanted

    def __len__(self) -> int:
        return len(self.chosen)

    def check(self) -> None:
        """Open everything but the videos' frames.

        Raises:
            OSError, ValueError: something is missing.
        """
        for frame in self.chosen:
            for name, _ in self._views(frame):
                video_size(self.video(name))

    def video(self, camera: str) -> Path:
        """The full-size video, or the one of 448 lines."""
        folder = self.folder / 'frame_aligned_videos'
        small = folder / 'downscaled' / '448' / f'{camera}.mp4'
        full = folder / f'{camera}.mp4'
        return small if small.is_file() and not full.is_file() else full

    def instant(self, index: int) -> Instant:
        """The frame ``chosen[index]`` with the one person that is labelled; others may be in sight."""
        frame = self.chosen[index]
        joints = np.full((17, 3), np.nan)
        for number, name in enumerate(COCO17):
            label = self.labels[frame].get(name)
            if label is not None and int(label.get('num_views_for_3d', 1)) >= self.dataset.seen_by:
                where = f'{self.file}: frame {frame}, {name}'
                joints[number] = numbers([entry(label, axis, self.file) for axis in 'xyz'], (3,), where)
        views = tuple(self._view(name, row, frame) for name, row in self._views(frame))
        person = Person('wearer', joints=joints, joint_names='coco17', valid=bool(np.isfinite(joints).any()))
        return Instant(frame, frame / self.fps, views, (person,))

    @cached_property
    def _calibration(self) -> list[dict[str, str]]:
        return read_csv(self.folder / 'trajectory' / 'gopro_calibs.csv', COLUMNS)

    def _views(self, frame: int) -> list[tuple[str, dict[str, str]]]:
        """Cameras whose calibration holds at the frame."""
        path = self.folder / 'trajectory' / 'gopro_calibs.csv'
        found = {}
        for row in self._calibration:
            try:
                first, last = int(row['start_frame_idx']), int(row['end_frame_idx'])
            except ValueError as error:
                raise ValueError(f'{path}: {row["cam_uid"]} is valid from {row["start_frame_idx"]!r}') from error
            if first <= frame and (last < 0 or frame <= last):
                found[row['cam_uid']] = row
        if not found:
            raise ValueError(f'{path}: no camera is calibrated at frame {frame}')
        return sorted(found.items(), key=lambda item: natural(item[0]))

    def _view(self, name: str, row: dict[str, str], frame: int) -> View:
        path = self.folder / 'trajectory' / 'gopro_calibs.csv'
        if row['intrinsics_type'] != 'KANNALABRANDTK3':
            raise ValueError(f'{path}: {name} has a lens {row["intrinsics_type"]!r}, expected KANNALABRANDTK3')

        def get(*columns: str) -> np.ndarray:
            return numbers([row[column] for column in columns], (len(columns),), f'{path}: {name}')

        *quaternion, x, y, z = get(*POSE)
        pose = np.eye(4)
        try:
            pose[:3, :3] = Rotation.from_quat(quaternion).as_matrix()
        except ValueError as error:
            raise ValueError(f'{path}: {name} has no rotation ({error})') from error
        pose[:3, 3] = x, y, z
        fx, fy, cx, cy, *distortion = get(*LENS)
        width, height = get('image_width', 'image_height')
        video = self.video(name)
        size = video_size(video)
        intrinsics = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        intrinsics = scale_intrinsics(intrinsics, size[0] / width, size[1] / height)
        lens = Lens(intrinsics, size, 'fisheye', np.array(distortion))
        undistort = self.dataset.undistort

        def open_image() -> np.ndarray:
            image = read_frame(video, frame)
            return undistorted(image, lens) if undistort else image

        shown = lens.pinhole if undistort else lens
        return View(name, shown, pose, open_image=open_image, source=f'{video}, frame {frame}')
