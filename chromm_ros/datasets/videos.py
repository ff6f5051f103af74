"""Single frames of videos, exactly: seeking to a time may land on another frame, so times are looked at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

AHEAD = 2.0
"""Seconds before the frame that is sought at first; a key frame at or before it is where decoding begins."""


def read_frame(path: Path, number: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB frame ``number`` (from 0) of a video of constant frame rate.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no video, or has no such frame.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; is the download complete?')
    video = cv2.VideoCapture(str(path))
    try:
        rate, count = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        if not video.isOpened() or not rate > 0:
            raise ValueError(f'{path}: is no video that can be read')
        if not 0 <= number < max(count, 1):
            raise ValueError(f'{path}: has {count} frames, frame {number} was asked for')
        for start in (number - round(AHEAD * rate), number - round(10 * AHEAD * rate), 0):
            if start > 0:
                video.set(cv2.CAP_PROP_POS_FRAMES, start)
            else:
                video.release()
                video.open(str(path))
            image = _forward(video, number, rate)
            if image is not None:
                return np.ascontiguousarray(image[..., ::-1])
            if start <= 0:
                break
        raise ValueError(f'{path}: frame {number} cannot be decoded')
    finally:
        video.release()


def video_size(path: Path) -> tuple[int, int]:
    """Width and height [px].

    Raises:
        FileNotFoundError, ValueError: as :func:`read_frame`.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; is the download complete?')
    video = cv2.VideoCapture(str(path))
    size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
    video.release()
    if min(size) <= 0:
        raise ValueError(f'{path}: is no video that can be read')
    return size


def _forward(video: cv2.VideoCapture, number: int, rate: float) -> np.ndarray | None:
    """Decode until the frame; None when decoding began after it, or ended before."""
    while video.grab():
        here = round(video.get(cv2.CAP_PROP_POS_MSEC) * rate / 1000)
        if here > number:
            return None
        if here == number:
            return video.retrieve()[1]
    return None
