"""Estimates drawn over the pictures of a synthetic room, with the room seen from above."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from chromm_ros.evaluation.scoring import align_by_cameras
from chromm_ros.evaluation.synthetic import SceneResult, estimated_poses
from chromm_ros.flow import Human
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.pictures import PALETTE, draw_skeletons

SCALE = 2
PIXELS_PER_METRE = 36


def write_overlay(file: Path, result: SceneResult) -> None:
    """Write a PNG of the last step: a picture per view with the estimated skeletons, and the plan.

    In the plan rings are true heads with their facing, crosses are estimates; white dots are true cameras, orange
    ones estimated.

    Raises:
        OSError: the file cannot be written.
    """
    snapshot, frames = result.snapshots[-1], result.frames
    if snapshot is None:
        return
    humans = [human for human in snapshot.humans if human.observations]
    joints = np.array([human.joints for human in humans]).reshape(-1, 55, 3)
    poses = estimated_poses(snapshot.cameras)
    lens = np.diag([SCALE, SCALE, 1.0])
    panels = []
    for view, pose in enumerate(poses):
        image = cv2.resize(frames.images[view, -1], None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_NEAREST)
        panels.append(draw_skeletons(image, joints, lens @ frames.intrinsics[view, -1], np.linalg.inv(pose), 2))
    plan = _plan(result, humans, poses, panels[0].shape[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), np.concatenate([*panels, plan], 1)[..., ::-1]):
        raise OSError(f'could not write {file}')


def _plan(result: SceneResult, humans: list[Human], poses: np.ndarray, side: int) -> np.ndarray:
    plan = np.full((side, side, 3), 30, np.uint8)
    truth, true_poses = result.frames.truth, result.frames.world_from_camera[:, -1]
    rotation, translation = align_by_cameras(true_poses, poses)

    def pixel(point: np.ndarray) -> tuple[int, int]:
        x, y = side / 2 + PIXELS_PER_METRE * point[0], side / 2 - PIXELS_PER_METRE * point[1]
        return int(np.clip(x, -999, 999)), int(np.clip(y, -999, 999))

    def facing(point: np.ndarray, direction: np.ndarray, color: tuple[int, ...], length: float) -> None:
        cv2.line(plan, pixel(point), pixel(point + length * direction), color, 1, cv2.LINE_AA)

    for person in np.flatnonzero(truth.present[-1]):
        head = truth.joints[-1, person, HEAD]
        cv2.circle(plan, pixel(head), 8, (230, 230, 230), 1, cv2.LINE_AA)
        facing(head, truth.root_rotation[-1, person, :, 2], (230, 230, 230), 0.5)
    for number, human in enumerate(humans):
        color = tuple(int(value) for value in PALETTE[number % len(PALETTE)])
        head = rotation @ human.joints[HEAD] + translation
        cv2.drawMarker(plan, pixel(head), color, cv2.MARKER_TILTED_CROSS, 9, 2)
        facing(head, rotation @ human.root_rotation[:, 2], color, 0.4)
    for group, color in ((true_poses, (255, 255, 255)), (poses, (255, 160, 0))):
        moved = group if group is true_poses else _moved(group, rotation, translation)
        for pose in moved:
            cv2.circle(plan, pixel(pose[:3, 3]), 3, color, -1, cv2.LINE_AA)
            facing(pose[:3, 3], pose[:3, 2], color, 0.6)
    return plan


def _moved(poses: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    change = np.eye(4)
    change[:3, :3], change[:3, 3] = rotation, translation
    return change @ poses
