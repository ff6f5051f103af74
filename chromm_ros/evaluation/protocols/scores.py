"""Errors of clips and how they are averaged: pooled over everything, and over sequences with equal weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class ClipScore:
    """What was measured on one clip."""

    errors: Mapping[str, np.ndarray]
    """One value per thing that is averaged (a frame, a person at an instant, an image); NaN: not defined there."""
    true: int
    """Things that the truth has."""
    compared: int
    """Those that an estimate was compared with."""
    estimates: int = 0
    """Everything that was estimated."""
    matched: int = 0
    """Estimates that belong to a true person."""
    instants: int = 0
    joints: str = ''
    """Layout that was compared; '': no joints were."""
    group: str = ''
    """Whatever the benchmark also averages by (an activity)."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Anything else that is counted and added up."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers must know."""

    @property
    def coverage(self) -> float:
        """Share of the truth that was compared; NaN where there is none."""
        return self.compared / self.true if self.true else float('nan')

    @property
    def extra(self) -> float:
        """Share of the estimates that belong to nobody; NaN where there is none."""
        return 1 - self.matched / self.estimates if self.estimates else float('nan')

    def means(self) -> dict[str, float]:
        """Mean of every error; NaN where none is defined."""
        return {name: mean(values) for name, values in self.errors.items()}


def pooled(scores: Iterable[ClipScore], name: str) -> float:
    """Mean over everything: long sequences weigh more, as WHAM, GVHMR and TRAM average."""
    values = [score.errors[name] for score in scores if name in score.errors]
    return mean(np.concatenate(values)) if values else float('nan')


def over_sequences(scores: Iterable[ClipScore], name: str) -> float:
    """Mean of the means of the clips."""
    return mean(np.array([mean(score.errors[name]) for score in scores if name in score.errors]))


def over_groups(scores: Iterable[ClipScore], name: str) -> dict[str, float]:
    """Pooled mean of each group."""
    groups: dict[str, list[ClipScore]] = {}
    for score in scores:
        if score.group:
            groups.setdefault(score.group, []).append(score)
    return {group: pooled(members, name) for group, members in sorted(groups.items())}


def total(scores: Iterable[ClipScore]) -> ClipScore:
    """The counts of all clips together, without errors."""
    scores = list(scores)
    counts: dict[str, int] = {}
    for score in scores:
        for name, number in score.counts.items():
            counts[name] = counts.get(name, 0) + number
    layouts = sorted({score.joints for score in scores if score.joints})
    return ClipScore(
        errors={},
        true=sum(score.true for score in scores),
        compared=sum(score.compared for score in scores),
        estimates=sum(score.estimates for score in scores),
        matched=sum(score.matched for score in scores),
        instants=sum(score.instants for score in scores),
        joints=' and '.join(layouts),
        counts=counts,
        notes=tuple(dict.fromkeys(note for score in scores for note in score.notes)),
    )


def mean(values: np.ndarray) -> float:
    """Mean of the finite values; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float('nan')
