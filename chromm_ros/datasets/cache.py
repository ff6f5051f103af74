"""Indexes of data sets, made once from files of hundreds of megabytes and kept in the user's cache folder.

A data set's own folder may be read-only and shared; nothing is written there. The arrays are mapped into memory, so
that many loading processes share them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

FORMAT = 1
"""Raised when what is kept changes; older indexes are then made again."""


MOST_OPENED = 64
"""Indexes that a process keeps open: each of their arrays holds a file open."""

_opened: dict[Path, dict[str, np.ndarray]] = {}


def cache_folder() -> Path:
    """Where indexes are kept: ``$XDG_CACHE_HOME`` or ``~/.cache``, then ``chromm_ros/datasets``."""
    base = os.environ.get('XDG_CACHE_HOME') or str(Path.home() / '.cache')
    return Path(base) / 'chromm_ros' / 'datasets'


def indexed(kind: str, sources: Iterable[Path], build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What ``build`` makes of the source files, read-only; made again when a source changes.

    Where the cache cannot be written, the index is made anew by every process, which is said once.

    Raises:
        OSError, ValueError: a source is missing, or what ``build`` raises.
    """
    described = [f'{kind} {FORMAT}']
    for source in sources:
        state = source.stat()
        described.append(f'{source.resolve()} {state.st_size} {state.st_mtime_ns}')
    key = hashlib.sha256('\n'.join(described).encode()).hexdigest()[:24]
    place = cache_folder() / f'{kind}-{key}'
    if place not in _opened:
        if len(_opened) >= MOST_OPENED:
            _opened.pop(next(iter(_opened)))
        _opened[place] = _load(place) or _made(kind, place, build)
    return _opened[place]


def _made(kind: str, place: Path, build: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    arrays = build()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix='draft-', dir=place.parent))
        try:
            for name, array in arrays.items():
                np.save(draft / f'{name}.npy', array, allow_pickle=False)
            draft.replace(place)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            if not place.is_dir():  # another process may have been first
                raise
    except OSError as error:
        warnings.warn(
            f'the index of {kind} cannot be kept in {place.parent} ({error}); it is made anew each time', stacklevel=2
        )
        return arrays
    return _load(place) or arrays


def _load(place: Path) -> dict[str, np.ndarray] | None:
    if not place.is_dir():
        return None
    try:
        return {path.stem: np.load(path, mmap_mode='r', allow_pickle=False) for path in sorted(place.glob('*.npy'))}
    except (OSError, ValueError):
        shutil.rmtree(place, ignore_errors=True)
        return None
