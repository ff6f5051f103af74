"""Depth in OpenEXR files."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read_exr(path: Path, channel: str) -> np.ndarray:
    """(H, W) float32: one channel of the one part of an EXR file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no EXR file, or has other channels or parts; names them.
        RuntimeError: the library that reads EXR files is not installed.
    """
    try:
        import OpenEXR
    except ImportError as error:
        raise RuntimeError(f'{path}: needs the library OpenEXR (pip install "chromm_ros[datasets]")') from error
    if not path.is_file():
        raise FileNotFoundError(f'{path} does not exist; is the download complete?')
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            parts = file.parts
            channels = {name: np.asarray(value.pixels) for name, value in parts[0].channels.items()}
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        raise ValueError(f'{path}: is no EXR file that can be read ({str(error).splitlines()[0]})') from error
    if len(parts) != 1 or channel not in channels:
        found = ', '.join(sorted(channels)) or 'nothing'
        raise ValueError(f'{path}: expected one part with the channel {channel}, found {len(parts)} with {found}')
    return channels[channel].astype(np.float32)
