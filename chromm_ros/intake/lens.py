"""CameraInfo: the intrinsics of this package's pixels, and maps that undo the lens distortion.

A CameraInfo puts the centre of the first pixel at (0, 0); below the nodes it lies at (0.5, 0.5). The half pixel is
added here and nowhere else.

The rectification matrix R is not applied. An image that is rectified here stays in the optical frame that TF places,
whatever stereo partner it may have; of one that arrives rectified ``frame_id`` is taken to be the rectified frame, as
``image_geometry`` and ``stereo_image_proc`` do. Either way P is the matrix of the rectified image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

HALF_PIXEL = 0.5


class CameraInfo(Protocol):
    """What is read of a ``sensor_msgs/CameraInfo``, from wherever it comes."""

    width: int
    height: int
    distortion_model: str
    d: Any
    k: Any
    p: Any
    binning_x: int
    binning_y: int
    roi: Any


COEFFICIENTS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,)}
"""Distortion models and how many coefficients they may have."""
ALIASES = {'': 'plumb_bob', 'radtan': 'plumb_bob', 'fisheye': 'equidistant', 'kannala_brandt4': 'equidistant'}
"""What some drivers call them."""


class CalibrationError(ValueError):
    """A CameraInfo that cannot be used; the text says why."""


@dataclass(frozen=True)
class Lens:
    """How a camera maps rays to the pixels of its images, in OpenCV's convention (first pixel at zero)."""

    model: str
    matrix: np.ndarray  # (3, 3) of the distorted image
    distortion: np.ndarray  # (4), (5), (8), ...
    rectified_matrix: np.ndarray  # (3, 3) of the rectified image
    size: tuple[int, int]
    """Width, height of the image that the matrices are about."""

    @property
    def distorted(self) -> bool:
        return bool(np.any(self.distortion)) or not np.array_equal(self.matrix, self.rectified_matrix)

    def resized(self, width: int, height: int) -> Lens:
        """The same lens for an image of another size, which must show the same field of view."""
        sx, sy = width / self.size[0], height / self.size[1]
        if abs(sx / sy - 1.0) > 0.02:
            raise CalibrationError(
                f'CameraInfo is for {self.size[0]} x {self.size[1]} pixels, the image has {width} x {height}: '
                'other proportions; publish a CameraInfo that fits'
            )
        matrices = (_scaled(self.matrix, sx, sy), _scaled(self.rectified_matrix, sx, sy))
        return Lens(self.model, matrices[0], self.distortion, matrices[1], (width, height))


def lens_of(info: CameraInfo) -> Lens | None:
    """The lens that a CameraInfo describes; None when it says "not calibrated" (K[0] = 0).

    Raises:
        CalibrationError: numbers that cannot be, or a distortion model that is not known.
    """
    matrix = np.array(info.k, float).reshape(3, 3)
    distortion = np.array(info.d, float)
    projection = np.array(info.p, float).reshape(3, 4)[:, :3]
    if not np.any(matrix):
        return None
    if not (np.isfinite(matrix).all() and np.isfinite(distortion).all() and np.isfinite(projection).all()):
        raise CalibrationError('CameraInfo contains NaN or infinity')
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise CalibrationError(
            f'CameraInfo has the focal lengths {matrix[0, 0]:g}, {matrix[1, 1]:g}; positive expected'
        )
    if not info.width or not info.height:
        raise CalibrationError('CameraInfo does not say the size of the image')
    check_centre(matrix, (info.width, info.height), 'CameraInfo')
    model, distortion = known_distortion(info.distortion_model, distortion)
    rectified = projection if projection[0, 0] > 0 and projection[1, 1] > 0 else matrix
    size = (info.roi.width or info.width, info.roi.height or info.height)
    binning = (max(info.binning_x, 1), max(info.binning_y, 1))
    return Lens(
        model,
        _cropped_and_binned(matrix, info, binning),
        distortion,
        _cropped_and_binned(rectified, info, binning),
        (size[0] // binning[0], size[1] // binning[1]),
    )


class Rectifier:
    """Undoes the distortion of the images of one camera; the maps are made once per lens and image size."""

    def __init__(self, lens: Lens) -> None:
        self.lens = lens
        self._for_size: Lens | None = None
        self._maps: tuple[np.ndarray, np.ndarray] | None = None

    def intrinsics(self, width: int, height: int) -> np.ndarray:
        """(3, 3) of the rectified image; first pixel at (0.5, 0.5).

        Raises:
            CalibrationError: the image has other proportions than the calibration.
        """
        matrix = self._prepared(width, height).rectified_matrix.copy()
        matrix[:2, 2] += HALF_PIXEL
        return matrix

    def rectify(self, pixels: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 -> the same without distortion, black where the camera saw nothing."""
        lens = self._prepared(pixels.shape[1], pixels.shape[0])
        if not lens.distorted:
            return pixels
        if self._maps is None:
            self._maps = _maps(lens)
        return cv2.remap(pixels, *self._maps, cv2.INTER_LINEAR)

    def rectify_depth(self, depth: np.ndarray) -> np.ndarray:
        """(H, W) float32 depth registered to the image -> the same without distortion, NaN where nothing is known."""
        lens = self._prepared(depth.shape[1], depth.shape[0])
        if not lens.distorted:
            return depth
        if self._maps is None:
            self._maps = _maps(lens)
        return cv2.remap(depth, *self._maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=np.nan)

    def _prepared(self, width: int, height: int) -> Lens:
        if self._for_size is None or self._for_size.size != (width, height):
            same = self.lens.size == (width, height)
            self._for_size = self.lens if same else self.lens.resized(width, height)
            self._maps = None
        return self._for_size


def check_centre(matrix: np.ndarray, size: tuple[int, int], what: str) -> None:
    """Refuse a matrix (3, 3) whose principal point lies outside of an image of ``size`` (width, height).

    Raises:
        CalibrationError: with what the numbers look like instead.
    """
    centre = matrix[0, 2], matrix[1, 2]
    if not all(0 < place < length for place, length in zip(centre, size)):
        raise CalibrationError(
            f'{what} has the principal point ({centre[0]:g}, {centre[1]:g}) outside of its image of '
            f'{size[0]} x {size[1]} pixels; is the size right, or are rows and columns exchanged?'
        )


def known_distortion(model: str, coefficients: np.ndarray) -> tuple[str, np.ndarray]:
    """The model by its usual name, and its coefficients in a number that it takes: zeros behind the last one that is
    not zero mean nothing.

    Raises:
        CalibrationError: the model is not known, or takes fewer coefficients.
    """
    if not coefficients.any():
        return 'plumb_bob', np.zeros(5)
    model = ALIASES.get(model.lower(), model.lower())
    if model not in COEFFICIENTS:
        raise CalibrationError(f'distortion model {model!r} is not known; known are {", ".join(COEFFICIENTS)}')
    used = int(np.flatnonzero(coefficients)[-1]) + 1
    fitting = [count for count in COEFFICIENTS[model] if count >= used]
    if not fitting:
        raise CalibrationError(f'{model} takes {COEFFICIENTS[model]} coefficients, found {used}')
    made = np.zeros(len(coefficients) if len(coefficients) in fitting else fitting[0])
    made[:used] = coefficients[:used]
    return model, made


def _cropped_and_binned(matrix: np.ndarray, info: CameraInfo, binning: tuple[int, int]) -> np.ndarray:
    moved = matrix.copy()
    moved[0, 2] -= info.roi.x_offset
    moved[1, 2] -= info.roi.y_offset
    return _scaled(moved, 1 / binning[0], 1 / binning[1])


def _scaled(matrix: np.ndarray, sx: float, sy: float) -> np.ndarray:
    """Scale about the corner of the image, which lies half a pixel outside of the first centre."""
    scaled = matrix.copy()
    scaled[:2, 2] += HALF_PIXEL
    scaled[0] *= sx
    scaled[1] *= sy
    scaled[:2, 2] -= HALF_PIXEL
    return scaled


def _maps(lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    # CV_16SC2 with a table of fractions is OpenCV's fast form of a map.
    make = cv2.fisheye.initUndistortRectifyMap if lens.model == 'equidistant' else cv2.initUndistortRectifyMap
    return make(lens.matrix, lens.distortion, np.eye(3), lens.rectified_matrix, lens.size, cv2.CV_16SC2)
