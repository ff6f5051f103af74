"""What a tracker is given over a long run, with the truth: kept in a file, so that a change costs no rendering again.

With known cameras the detections do not depend on who is followed, so the tracker alone gives the people that the
whole capture gives.
"""

from __future__ import annotations

import dataclasses
import math
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.capture.identity.identities import Evidence
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people.observations import usable
from chromm_ros.people.settings import TrackingSettings
from chromm_ros.people.tracker import CameraViews, HeadDetections
from chromm_ros.skeleton import BODY_JOINTS
from chromm_ros.synthetic.in_sight import heads_in_sight
from chromm_ros.synthetic.world import Frames


@dataclass(frozen=True)
class Truth:
    """K people and V cameras at T times, as a synthetic world has them."""

    joints: np.ndarray  # (T, K, 22, 3) world [m]
    present: np.ndarray  # (T, K) bool: in the room
    in_sight: np.ndarray  # (V, T, K) bool: a detector can be expected to find the head
    pixels: np.ndarray  # (V, T, K) number that the person covers
    head_px: np.ndarray  # (V, T, K, 2)
    world_from_camera: np.ndarray  # (V, T, 4, 4)

    @staticmethod
    def of(frames: Frames) -> Truth:
        """Of rendered pictures."""
        in_sight, pixels = heads_in_sight(frames)
        people = range(frames.truth.present.shape[1])
        covered = [(frames.instance == person + 1).sum((2, 3)) for person in people]
        return Truth(
            joints=frames.truth.joints[:, :, :BODY_JOINTS].astype(np.float32),
            present=frames.truth.present,
            in_sight=in_sight,
            pixels=np.stack(covered, -1) if covered else np.zeros((*in_sight.shape[:2], 0), int),
            head_px=pixels,
            world_from_camera=frames.world_from_camera,
        )

    @staticmethod
    def join(parts: Sequence[Truth]) -> Truth:
        """One after the other in time."""
        axis = {'joints': 0, 'present': 0}
        return Truth(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts], axis.get(field.name, 1))
                for field in dataclasses.fields(Truth)
            }
        )


@dataclass(frozen=True)
class TrackerInput:
    """One image set as the tracker gets it."""

    time: float  # [s]
    detections: HeadDetections
    head_px: np.ndarray  # (N, 2) of the detections
    cameras: CameraViews
    change: Similarity
    """The world moved by this before."""
    floor: float
    """z of the floor as far as it was known [m]; NaN: not at all."""

    @staticmethod
    def of(evidence: Evidence) -> TrackerInput:
        """What the newest image set of a capture gave."""
        people = evidence.detections
        mask, _ = usable(people, TrackingSettings.duplicate_distance)
        detections = HeadDetections.of(people, mask)
        pixels = people.head_px[detections.view, 0, detections.row]
        return TrackerInput(
            evidence.stamp * 1e-9, detections, pixels, evidence.cameras, evidence.change, evidence.floor
        )


@dataclass(frozen=True)
class Recording:
    """A long run of one world."""

    name: str
    estimated: bool
    """The cameras were found by the network."""
    steps: tuple[TrackerInput, ...]
    truth: Truth

    def save(self, file: Path) -> None:
        """Write it as npz."""
        file.parent.mkdir(parents=True, exist_ok=True)
        detections = [step.detections for step in self.steps]
        fields = [field.name for field in dataclasses.fields(HeadDetections)]
        columns = {f'd_{name}': np.concatenate([getattr(d, name) for d in detections]) for name in fields}
        views = {
            f'c_{field.name}': np.stack([getattr(step.cameras, field.name) for step in self.steps])
            for field in dataclasses.fields(CameraViews)
        }
        truth = {f't_{field.name}': getattr(self.truth, field.name) for field in dataclasses.fields(Truth)}
        arrays: dict[str, Any] = {name: _narrow(name, array) for name, array in (columns | views | truth).items()}
        np.savez_compressed(
            file,
            name=self.name,
            estimated=self.estimated,
            time=np.array([step.time for step in self.steps]),
            count=np.array([len(step.detections) for step in self.steps]),
            floor=np.array([step.floor for step in self.steps]),
            head_px=np.concatenate([step.head_px for step in self.steps]),
            change_scale=np.array([float(step.change.scale) for step in self.steps]),
            change_rotation=np.stack([step.change.rotation for step in self.steps]),
            change_translation=np.stack([step.change.translation for step in self.steps]),
            **arrays,
        )

    @staticmethod
    def load(file: Path) -> Recording:
        """Read a file of :meth:`save`.

        Raises:
            ValueError: it is no such file.
        """
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
            return Recording(
                str(arrays['name']),
                bool(arrays['estimated']),
                tuple(_steps(arrays)),
                Truth(**{field.name: arrays[f't_{field.name}'] for field in dataclasses.fields(Truth)}),
            )
        except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f'{file} is no recording of "chromm evaluate tracking" ({error}); remove it') from error


def _steps(arrays: dict[str, np.ndarray]) -> Iterator[TrackerInput]:
    ends = np.cumsum(arrays['count'])
    for t, (end, count) in enumerate(zip(ends, arrays['count'])):
        rows = slice(end - count, end)
        yield TrackerInput(
            float(arrays['time'][t]),
            HeadDetections(
                **{f.name: _wide(arrays[f'd_{f.name}'][rows]) for f in dataclasses.fields(HeadDetections)}
            ),
            arrays['head_px'][rows],
            CameraViews(**{f.name: _wide(arrays[f'c_{f.name}'][t]) for f in dataclasses.fields(CameraViews)}),
            Similarity(arrays['change_scale'][t], arrays['change_rotation'][t], arrays['change_translation'][t]),
            float(arrays['floor'][t]) if 'floor' in arrays else math.nan,
        )


COARSE = ('c_depth', 'd_posture', 't_joints')
"""Arrays that keep enough as half floats: to a centimetre."""


def _narrow(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != 'f' or name.endswith('world_from_camera'):
        return array
    return array.astype(np.float16 if name in COARSE else np.float32)


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(float) if array.dtype.kind == 'f' else array
