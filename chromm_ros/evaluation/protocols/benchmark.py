"""What makes a benchmark: its clips, its score, the columns of its table and the paper's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chromm_ros.evaluation.protocols.clips import Clip, ClipPlan
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.scores import ClipScore

MIN_COVERAGE = 0.95
"""Share of the truth that must be compared before a row is comparable: averages over matched frames hide misses."""


@dataclass(frozen=True)
class Column:
    """One number of a table."""

    name: str
    """Of the error."""
    title: str
    digits: int
    better: str = 'low'
    """``low`` or ``high``."""

    @property
    def header(self) -> str:
        """The title with the arrow that the paper's tables have."""
        return f'{self.title} {"↑" if self.better == "high" else "↓"}'


def clips(number: int) -> str:
    """So many clips, in words."""
    return f'{number} clip' if number == 1 else f'{number} clips'


@dataclass(frozen=True)
class Benchmark:
    """One table of the paper on one data set."""

    name: str
    title: str
    plans: list[ClipPlan]
    score: Callable[[Clip, Estimates], ClipScore]
    columns: tuple[Column, ...]
    paper: Mapping[str, Mapping[str, float]]
    protocol: Mapping[str, Any]
    """Every choice, for the JSON."""
    expected: int | None = None
    """Clips that the paper's protocol has; None: nobody knows."""
    joints: tuple[str, ...] = ('smpl24',)
    """Layouts with which the numbers compare; ('',): none is compared."""
    reasons: tuple[str, ...] = ()
    """Why the numbers would not be the paper's, known before the run."""


def why_not_comparable(benchmark: Benchmark, total: ClipScore, scored: int, lost: int) -> list[str]:
    """Everything that makes a run differ from the paper's protocol; empty: it is comparable."""
    reasons = list(benchmark.reasons)
    if lost:
        reasons.append(f'{lost} of {clips(scored + lost)} lost')
    if benchmark.expected is not None and scored + lost != benchmark.expected:
        reasons.append(f'{clips(scored + lost)}, the protocol has {benchmark.expected}')
    if not scored:
        reasons.append('nothing was scored')
    elif total.joints not in benchmark.joints:
        reasons.append(f'joints are {total.joints or "none"}, not {" or ".join(benchmark.joints)}')
    if scored and not total.coverage >= MIN_COVERAGE:
        reasons.append(f'coverage is {total.coverage:.3f}, below {MIN_COVERAGE}')
    return reasons
