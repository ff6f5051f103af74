"""``chromm datasets check``: whether the folders of data sets hold what a run over them needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from chromm_ros.body.library import BodyLibrary
from chromm_ros.datasets.interface import Dataset, Findings
from chromm_ros.datasets.registry import open_dataset, split_kind

OPENED = 8
"""Sequences of a set that are opened, at their begin, middle and end."""

LINES = 20
"""Lines of one sort that are shown; a half download would fill screens."""


def check(
    data: Annotated[tuple[str, ...], tyro.conf.Positional],
    split: str = '',
    bodies: Path | None = None,
    all: bool = False,
) -> int:
    """Say what is found and missing in folders of data sets, their licence, and how counts compare.

    Some pictures, depths and masks are opened too, spread over the set. The exit status is 1 when something is
    missing that a run would stumble over.

    Args:
        data: KIND:DIR, any number of them; KIND is 3dpw, bedlam, coco, egoexo4d, egohumans, emdb, mpii, prox or rich.
        split: which part to look at; the one that the paper uses by default.
        bodies: folder with SMPL and SMPL-X body files, smplx2smpl.pkl and J_regressor_*.npy.
        all: show every line instead of the first 20 of a sort.
    """
    if not data:
        raise ValueError('no data set was named; expected KIND:DIR, such as emdb:/data/EMDB')
    library = BodyLibrary(bodies)
    if bodies is not None:
        print('\n'.join([f'body files in {bodies}', *(f'  {line}' for line in library.describe() or ['none'])]))
    lacking = False
    for argument in data:
        kind, folder = split_kind(argument)
        try:
            dataset = open_dataset(kind, folder, library)
            findings = looked_into(dataset, split)
        except (OSError, ValueError) as error:
            print(f'{argument}\n  missing  {error}')
            lacking = True
            continue
        print('\n'.join(report(argument, dataset, findings, None if all else LINES)))
        lacking |= bool(findings.missing)
    return int(lacking)


def looked_into(dataset: Dataset, split: str = '') -> Findings:
    """The findings of :meth:`Dataset.check`, and what comes out when some instants are opened."""
    findings = dataset.check(split)
    if not findings.found:
        return findings
    sequences = dataset.sequences(split)
    missing = list(findings.missing)
    for sequence in sequences[:: max(1, -(-len(sequences) // OPENED))]:
        try:
            count = len(sequence)
            for index in sorted({0, count // 2, count - 1}):
                for view in sequence.instant(index).views[:1]:
                    for opens in (view.image, view.depth, view.instance):
                        opens()
        except (OSError, ValueError) as error:
            if str(error) not in missing:
                missing.append(str(error))
    return replace(findings, missing=tuple(missing))


def report(title: str, dataset: Dataset, findings: Findings, most: int | None = LINES) -> list[str]:
    """The lines that a check prints of one data set."""
    lines = [title, f'  licence  {dataset.licence}']
    for word, sentences in (('found', findings.found), ('missing', findings.missing), ('note', findings.notes)):
        lines += [f'  {word:<7}  {sentence}' for sentence in sentences[:most]]
        if most is not None and len(sentences) > most:
            lines.append(f'  {word:<7}  ... and {len(sentences) - most} more (--all shows them)')
    return lines
