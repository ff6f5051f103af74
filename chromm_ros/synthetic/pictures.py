"""Pictures of the world for people to look at: contact sheets with the skeletons drawn in."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from chromm_ros.skeleton import BODY_BONES
from chromm_ros.synthetic.world import Frames, World

PALETTE = np.array([[255, 80, 80], [80, 220, 80], [90, 140, 255], [255, 210, 60], [230, 90, 230], [70, 230, 230]])
"""(6, 3) uint8 RGB of persons 0, 1, ..."""

"""Joints whose bones are drawn: hands and face are too small."""


def draw_skeletons(
    image: np.ndarray, joints: np.ndarray, intrinsics: np.ndarray, camera_from_world: np.ndarray, thickness: int = 1
) -> np.ndarray:
    """A copy of an image (H, W, 3) with the skeletons of K people: joints (K, 55, 3) in the world [m]."""
    image = np.ascontiguousarray(image).copy()
    camera = joints @ camera_from_world[:3, :3].T + camera_from_world[:3, 3]
    pixels = camera @ intrinsics.T
    with np.errstate(divide='ignore', invalid='ignore'):
        pixels = pixels[..., :2] / pixels[..., 2:]
    for person in range(len(joints)):
        color = tuple(int(value) for value in PALETTE[person % len(PALETTE)])
        for bone in BODY_BONES:
            ends = list(bone)
            if (camera[person, ends, 2] > 0.1).all():
                # OpenCV counts from the centre of the first pixel, and takes sixteenths of pixels
                start, end = (np.clip(pixels[person, ends] - 0.5, -4096, 4096) * 16).astype(int)
                cv2.line(image, tuple(start), tuple(end), color, thickness, cv2.LINE_AA, 4)
    return image


def contact_sheet(frames: Frames, scale: int = 2, skeletons: bool = True) -> np.ndarray:
    """(T * H * scale, V * W * scale, 3) uint8: a row per time, a column per view."""
    rows = []
    for t in range(len(frames.times)):
        row = []
        for view in range(len(frames.images)):
            image = cv2.resize(frames.images[view, t], None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
            if skeletons:
                present = frames.truth.present[t]
                camera_from_world = np.linalg.inv(frames.world_from_camera[view, t])
                lens = np.diag([scale, scale, 1]) @ frames.intrinsics[view, t]
                image = draw_skeletons(image, frames.truth.joints[t, present], lens, camera_from_world)
            row.append(image)
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows)


def write_contact_sheet(
    path: Path,
    seed: int = 0,
    worlds: int = 3,
    times: tuple[float, ...] = (1.0, 2.0),
    views: int = 4,
    people: int = 4,
    domain: str = 'studio',
    moving: bool = False,
    skeletons: bool = True,
    scale: int = 2,
) -> Path:
    """Write a PNG with pictures of synthetic worlds.

    Args:
        path: PNG file to write.
        seed: seed of the first world; the others follow.
        worlds: how many worlds.
        times: seconds at which each is shown, a row per time.
        views: cameras of the rig, a column per camera.
        people: most people in a world.
        domain: studio or generic.
        moving: move the cameras.
        skeletons: draw the skeletons of the people that are in the room.
        scale: magnification.
    """
    sheets = []
    for number in range(seed, seed + worlds):
        world = World.sample(number, views, (1, people), moving=moving, domain=domain)
        sheets.append(contact_sheet(world.render(np.array(times)), scale, skeletons))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), np.concatenate(sheets)[..., ::-1]):
        raise OSError(f'could not write {path}; give a path that ends in .png in a folder that can be written to')
    return path
