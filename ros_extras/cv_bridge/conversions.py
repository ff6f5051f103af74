"""Pixels of one encoding turned into another, with cv_bridge's rules of what may become what."""

from __future__ import annotations

import cv2
import numpy as np

from cv_bridge.encodings import Encoding, parse

PLAIN = ('GRAY', 'RGB', 'BGR', 'RGBA', 'BGRA')


def convert(image: np.ndarray, source: str, target: str) -> np.ndarray:
    """``image`` (H, W) or (H, W, C) of encoding ``source`` as a new array of encoding ``target``.

    8 and 16 bit are scaled into each other ([0, 255] and [0, 65535]); other number types are cast, with rounding and
    saturation.

    Raises:
        ValueError: the conversion makes no sense or is not supported.
    """
    old, new = parse(source), parse(target)
    code = _colour_code(old, new, source, target)
    if code is not None:
        image = cv2.cvtColor(np.ascontiguousarray(image), code)
    if old.dtype != new.dtype:
        return _cast(image, old, new)
    return image if code is not None else image.copy()


def _colour_code(old: Encoding, new: Encoding, source: str, target: str) -> int | None:
    """OpenCV's code for the change of colour space; None where there is nothing to change."""
    if old.colour is None and new.colour is not None:
        raise ValueError(f'[{source}] is not a color format. but [{target}] is. The conversion does not make sense')
    if new.colour is None:
        if old.channels != new.channels:
            raise ValueError(f'[{source}] and [{target}] do not have the same number of channels')
        return None
    if old.colour == new.colour:
        return None
    name = _code_name(str(old.colour), new.colour)
    if name is None:
        raise ValueError(f'Unsupported conversion from [{source}] to [{target}]')
    return getattr(cv2, name)


def _code_name(old: str, new: str) -> str | None:
    if new not in PLAIN:
        return None
    if old.startswith('Bayer'):
        return f'COLOR_{old}2{new}' if new in ('GRAY', 'RGB', 'BGR') else None
    family, _, order = old.partition('_')
    return f'COLOR_{family}2{new}_{order}' if order else f'COLOR_{old}2{new}'


def _cast(image: np.ndarray, old: Encoding, new: Encoding) -> np.ndarray:
    if (old.bits, new.bits) == (8, 16):
        image = image * (65535.0 / 255.0)
    elif (old.bits, new.bits) == (16, 8):
        image = image * (255.0 / 65535.0)
    if np.issubdtype(new.dtype, np.floating):
        return image.astype(new.dtype)
    limits = np.iinfo(new.dtype)
    return np.clip(np.rint(image), limits.min, limits.max).astype(new.dtype)
