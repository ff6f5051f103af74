"""Frames of real cameras for tests: twelve pictures in ``test/network/open/footage``, see the README there."""

from pathlib import Path

import cv2
import numpy as np

from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.recording.calibration_formats import read_cameras

FOOTAGE = Path(__file__).parents[1] / 'network' / 'open' / 'footage'
FRAMES = (0, 12, 24)
RATE = 60


def read(name):
    """(H, W, 3) uint8 RGB."""
    return np.ascontiguousarray(cv2.imread(str(FOOTAGE / name))[..., ::-1])


def real_cameras():
    """Calibration of the four cameras by name."""
    return read_cameras(FOOTAGE / 'cameras.json')


def real_sets():
    """Three instants, 0.2 s apart, of four calibrated cameras. Three people walk about."""
    cameras = real_cameras()
    sets = []
    for frame in FRAMES:
        stamp = round(frame / RATE * 1e9)
        views = {
            name: ViewImage(read(f'{name}_{frame:02}.jpg'), stamp, camera.intrinsics, camera.world_from_camera)
            for name, camera in cameras.items()
        }
        sets.append(ImageSet(stamp, views))
    return sets
