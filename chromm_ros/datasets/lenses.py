"""Lenses with distortion: undistorted images, and where points fall on the image."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from chromm_ros.datasets.interface import Lens
from chromm_ros.geometry.cameras import project


def undistorted(image: np.ndarray, lens: Lens) -> np.ndarray:
    """The image (H, W, 3) as a pinhole camera of the same intrinsics would have taken it; black where it saw more."""
    if lens.model == 'pinhole':
        return image
    maps = _maps(lens.model, lens.intrinsics.tobytes(), lens.distortion.tobytes(), lens.size)
    return cv2.remap(image, *maps, cv2.INTER_LINEAR)


def pixels(points: np.ndarray, lens: Lens) -> np.ndarray:
    """(..., 2) pixels of points (..., 3) in the camera frame; of those behind the camera they mean nothing."""
    if lens.model == 'pinhole':
        return project(points, lens.intrinsics)
    flat = np.ascontiguousarray(points.reshape(1, -1, 3), np.float64)
    still = np.zeros(3)
    if lens.model == 'fisheye':
        found, _ = cv2.fisheye.projectPoints(flat, still, still, lens.intrinsics, lens.distortion)
    else:
        found, _ = cv2.projectPoints(flat, still, still, lens.intrinsics, lens.distortion)
    return found.reshape(*points.shape[:-1], 2)


@lru_cache(maxsize=12)
def _maps(model: str, intrinsics: bytes, distortion: bytes, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    matrix = np.frombuffer(intrinsics).reshape(3, 3)
    coefficients = np.frombuffer(distortion)
    if model == 'fisheye':
        return cv2.fisheye.initUndistortRectifyMap(matrix, coefficients, np.eye(3), matrix, size, cv2.CV_16SC2)
    return cv2.initUndistortRectifyMap(matrix, coefficients, np.eye(3), matrix, size, cv2.CV_16SC2)
