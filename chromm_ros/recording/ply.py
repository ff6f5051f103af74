"""Coloured point clouds as binary PLY files, which every viewer reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chromm_ros.flow import Cloud

ROW = np.dtype(
    [
        ('x', '<f4'),
        ('y', '<f4'),
        ('z', '<f4'),
        ('red', 'u1'),
        ('green', 'u1'),
        ('blue', 'u1'),
        ('confidence', '<f4'),
    ]
)
TYPES = {'<f4': 'float', '|u1': 'uchar'}


def write_ply(path: Path, cloud: Cloud) -> None:
    """Write x, y, z [m], red, green, blue and confidence; the file appears whole or not at all."""
    rows = np.empty(len(cloud.points), ROW)
    rows['x'], rows['y'], rows['z'] = cloud.points.T
    rows['red'], rows['green'], rows['blue'] = cloud.colors.T
    rows['confidence'] = cloud.confidence
    properties = ''.join(f'property {TYPES[ROW[name].str]} {name}\n' for name in ROW.names or ())
    header = f'ply\nformat binary_little_endian 1.0\nelement vertex {len(rows)}\n{properties}end_header\n'
    partial = path.with_name(f'{path.name}.partial')
    partial.write_bytes(header.encode() + rows.tobytes())
    partial.replace(path)


def read_ply(path: Path) -> Cloud:
    """Read a file of :func:`write_ply`.

    Raises:
        ValueError: the file is not one of those, or it is cut short.
    """
    data = path.read_bytes()
    header, found, body = data.partition(b'end_header\n')
    words = header.decode('ascii', errors='replace').split()
    if not found or words[:3] != ['ply', 'format', 'binary_little_endian'] or 'confidence' not in words:
        raise ValueError(f'{path} is not a point cloud written by chromm')
    count = int(words[words.index('vertex') + 1])
    if len(body) != count * ROW.itemsize:
        raise ValueError(f'{path} is cut short: {len(body)} bytes of points, expected {count * ROW.itemsize}')
    rows = np.frombuffer(body, ROW)
    return Cloud(
        np.stack([rows['x'], rows['y'], rows['z']], -1),
        np.stack([rows['red'], rows['green'], rows['blue']], -1),
        rows['confidence'].copy(),
    )
