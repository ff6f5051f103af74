"""The data sets by the names that commands know them by."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Dataset

PLACES = {
    'emdb': 'emdb:Emdb',
    'egoexo4d': 'egoexo4d:EgoExo4D',
    'egohumans': 'egohumans:EgoHumans',
    'prox': 'prox:Prox',
    'bedlam': 'bedlam:Bedlam',
    '3dpw': 'threedpw:ThreeDpw',
    'coco': 'coco:Coco',
    'mpii': 'mpii:Mpii',
    'rich': 'rich:Rich',
}
"""Kind -> module and class."""


def open_dataset(kind: str, folder: str | Path, bodies: BodyLibrary | None = None, **options: Any) -> Dataset:
    """The data set of a kind in a folder.

    Args:
        options: what the class of the data set takes besides.

    Raises:
        ValueError: there is no such kind.
        FileNotFoundError: the folder is not that of the data set.
    """
    if kind not in PLACES:
        raise ValueError(f'there is no data set {kind!r}; there are {", ".join(sorted(PLACES))}')
    module, _, name = PLACES[kind].partition(':')
    return getattr(importlib.import_module(f'chromm_ros.datasets.{module}'), name)(folder, bodies, **options)


def split_kind(argument: str) -> tuple[str, Path]:
    """``KIND:DIR`` as kind and folder.

    Raises:
        ValueError: the argument has no colon, or no such kind before it.
    """
    kind, colon, folder = argument.partition(':')
    if not colon or not folder or kind not in PLACES:
        raise ValueError(f'{argument!r}: expected KIND:DIR with KIND one of {", ".join(sorted(PLACES))}')
    return kind, Path(folder)
