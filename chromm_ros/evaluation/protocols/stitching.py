"""Chunks that the network saw by themselves, chained into one world by Sim(3) on estimated cameras (CHROMM 4.2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.geometry.rotations import mean_rotation
from chromm_ros.geometry.similarity import Similarity, align_rigs

PER_PERSON = ('person_frame', 'person_id', 'joints')
PER_DETECTION = (
    'detection_frame', 'detection_view', 'detection_id', 'detection_id_pose', 'detection_id_position',
    'detection_joints', 'detection_head', 'detection_pelvis', 'detection_pelvis_coarse',
)  # fmt: skip
PER_FRAME = ('frames', 'world_from_camera', 'intrinsics', 'gauge_scale')


def chain(chunks: Sequence[Estimates], static_rig: bool) -> Estimates:
    """All chunks in the world of the first.

    Args:
        chunks: in order of time, of the same views. Cameras that move need frames in common with the chunk before;
            what the later chunk says of these frames only serves the alignment.
        static_rig: cameras stand still: each view's mean pose in a chunk is laid on that of the chunk before.

    Raises:
        ValueError: two chunks share no camera to align by.
    """
    placed = [_with_scale(chunks[0], 1.0)]
    for chunk in chunks[1:]:
        change = seam(chunk, placed[-1], static_rig)
        earlier = chunk.frames <= placed[-1].frames[-1]
        placed.append(_without(_moved(chunk, change), earlier))
    return _joined(placed)


def seam(chunk: Estimates, before: Estimates, static_rig: bool) -> Similarity:
    """The Sim(3) that lays a chunk on the one before."""
    if static_rig:
        source, target = (mean_poses(part.world_from_camera) for part in (chunk, before))
    else:
        common = np.intersect1d(chunk.frames, before.frames)
        source, target = (
            part.world_from_camera[np.isin(part.frames, common)].reshape(-1, 4, 4) for part in (chunk, before)
        )
    if not (np.isfinite(source) & np.isfinite(target)).all((-1, -2)).any():
        raise ValueError('two chunks have no camera in common by which they could be stitched')
    return align_rigs(source, target)


def mean_poses(world_from_camera: np.ndarray) -> np.ndarray:
    """(V, 4, 4) mean over time of (F, V, 4, 4); NaN for a view that is never known."""
    known = np.isfinite(world_from_camera).all((-1, -2))
    filled = np.where(known[..., None, None], world_from_camera, np.eye(4))
    mean = np.tile(np.eye(4), (world_from_camera.shape[1], 1, 1))
    mean[:, :3, :3] = mean_rotation(filled[..., :3, :3], known.astype(float))
    mean[:, :3, 3] = (filled[..., :3, 3] * known[..., None]).sum(0) / np.maximum(known.sum(0), 1)[:, None]
    return np.where(known.any(0)[:, None, None], mean, np.nan)


def _with_scale(chunk: Estimates, scale: float) -> Estimates:
    return dataclasses.replace(chunk, gauge_scale=np.full(len(chunk.frames), scale))


def _moved(chunk: Estimates, change: Similarity) -> Estimates:
    shape = chunk.joints.shape
    return dataclasses.replace(
        chunk,
        joints=change.apply(chunk.joints.reshape(-1, 3)).reshape(shape),
        world_from_camera=change.apply_poses(chunk.world_from_camera.reshape(-1, 4, 4)).reshape(
            chunk.world_from_camera.shape
        ),
        gauge_scale=np.full(len(chunk.frames), float(change.scale)),
    )


def _without(chunk: Estimates, frames: np.ndarray) -> Estimates:
    """The chunk without the frames of a mask (F,)."""
    if not frames.any():
        return chunk
    left_out = chunk.frames[frames]
    kept = {name: getattr(chunk, name)[~frames] for name in PER_FRAME}
    for names in (PER_PERSON, PER_DETECTION):
        rows = ~np.isin(getattr(chunk, names[0]), left_out)
        kept |= {name: array[rows] for name in names if len(array := getattr(chunk, name))}
    return dataclasses.replace(chunk, **kept)


def _joined(chunks: Sequence[Estimates]) -> Estimates:
    """One after the other; people of different chunks have different numbers, for nobody linked them."""
    first = 0
    numbered = []
    for chunk in chunks:
        people = chunk.person_id + first
        detections = np.where(chunk.detection_id >= 0, chunk.detection_id + first, -1)
        numbered.append(dataclasses.replace(chunk, person_id=people, detection_id=detections))
        first = max(first, int(people.max(initial=first - 1)) + 1, int(detections.max(initial=first - 1)) + 1)
    names = (*PER_FRAME, *PER_PERSON, *PER_DETECTION)
    arrays: dict[str, Any] = {name: np.concatenate([getattr(chunk, name) for chunk in numbered]) for name in names}
    return dataclasses.replace(numbered[0], **arrays)
