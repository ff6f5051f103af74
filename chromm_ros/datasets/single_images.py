"""What MPII and MSCOCO share: which fits are used, and whether the pictures are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Findings
from chromm_ros.datasets.neuralannot import FitFiles

LOOKED_AT = 2000
"""Pictures that a check looks for, evenly spread over the set."""


def chosen_fits(kind: str, annotations: Path, fits: Mapping[str, Path], model: str) -> FitFiles:
    """The fits of the preferred model, or of the other one.

    Raises:
        FileNotFoundError: there are none of either.
        ValueError: there is no such model.
    """
    if model not in fits:
        raise ValueError(f'fits are of {" or ".join(fits)}, not of {model!r}')
    for name in (model, *fits):
        if fits[name].is_file():
            return FitFiles(kind, annotations, fits[name], name)
    words = ' or '.join(str(path) for path in fits.values())
    raise FileNotFoundError(f'{words}: not there; expected fits from the page of NeuralAnnot')


def found_images(files: Callable[[], FitFiles], place: Callable[[str, str], Path], bodies: BodyLibrary) -> Findings:
    """What a check says of a set of single images."""
    try:
        chosen = files()
        index = chosen.index()
    except (OSError, ValueError) as error:
        return Findings((), (str(error),), ())
    missing, notes = [], []
    with_fits = np.unique(np.repeat(np.arange(len(index['file'])), np.diff(index['start']))[index['fitted']])
    looked = with_fits[:: max(1, len(with_fits) // LOOKED_AT)]
    lost = [path for row in looked if not (path := place(str(index['file'][row]), '')).is_file()]
    if lost:
        missing.append(
            f'{lost[0]}: not there, nor {len(lost) - 1} more of {len(looked)} pictures that were looked for'
        )
    people, fitted = len(index['fitted']), int(index['fitted'].sum())
    found = f'{len(with_fits)} images, {fitted} of {people} people have parameters of {chosen.model}'
    if not fitted:
        missing.append(f'{chosen.parameters}: has parameters of none of the people in {chosen.annotations.name}')
    notes += fit_faults(chosen)
    if not bodies.has(chosen.model, 'neutral'):
        notes.append(f'needs the neutral body file of {chosen.model} to be used for training')
    return Findings((found,), tuple(missing), tuple(notes))


def fit_faults(files: FitFiles) -> list[str]:
    """A line about fits that cannot be used; none where all can."""
    faults = files.index()['faults']
    return [f'{len(faults)} fits cannot be used, such as {faults[0]}'] if len(faults) else []
