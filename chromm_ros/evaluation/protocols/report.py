"""The results of a run as JSON for programs and as a table beside the paper's rows."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chromm_ros.evaluation.protocols.benchmark import Benchmark, Column, clips, why_not_comparable
from chromm_ros.evaluation.protocols.instants import PAIRS
from chromm_ros.evaluation.protocols.paper import ASSOCIATION
from chromm_ros.evaluation.protocols.runner import Outcome
from chromm_ros.evaluation.protocols.scores import ClipScore, over_groups, over_sequences, pooled, total

RE_ID = (
    Column('accuracy', 'Acc. %', 1, 'high'),
    Column('precision', 'Prec. %', 1, 'high'),
    Column('recall', 'Recall %', 1, 'high'),
)


def summary(benchmark: Benchmark, outcome: Outcome, about: str) -> dict[str, Any]:
    """Everything that a run found; NaN becomes None.

    Args:
        about: what made the estimates.
    """
    scores = list(outcome.scores.values())
    everything = total(scores)
    reasons = why_not_comparable(benchmark, everything, len(scores), len(outcome.lost))
    names = [column.name for column in benchmark.columns]
    measured = sorted({name for score in scores for name in score.errors})
    order = [name for name in names if name in measured] + [name for name in measured if name not in names]
    result = {
        'benchmark': benchmark.name,
        'estimates': about,
        'data': {
            'sequences': len(scores),
            'instants': everything.instants,
            'expected': benchmark.expected,
            'missing': dict(outcome.lost),
        },
        'protocol': {**benchmark.protocol, 'joints': everything.joints},
        'metrics': {name: _averages(scores, name) for name in order},
        'coverage': everything.coverage,
        'extra': everything.extra,
        'counts': dict(everything.counts),
        'notes': list(everything.notes),
        'per_sequence': {name: _clip(score) for name, score in sorted(outcome.scores.items())},
        'paper': {name: dict(row) for name, row in benchmark.paper.items()},
        'comparable': not reasons,
        'why_not': reasons,
    }
    ways = [way for way in ('pose', 'position', 'combined') if f'{way} {PAIRS[0]}' in everything.counts]
    if ways:
        found = {way: association(everything.counts, way) for way in ways}
        result['association'] = found | {'paper': {way: dict(row) for way, row in ASSOCIATION.items()}}
    return _without_nan(result)


def association(counts: Mapping[str, int], way: str) -> dict[str, float]:
    """Accuracy, precision, recall [%] and the share of positive pairs (0.28 in the paper's Table 6)."""
    right, wrong, missed, rest = (counts[f'{way} {name}'] for name in PAIRS)
    pairs = right + wrong + missed + rest
    return {
        'accuracy': _percent(right + rest, pairs),
        'precision': _percent(right, right + wrong),
        'recall': _percent(right, right + missed),
        'positive_share': (right + missed) / pairs if pairs else math.nan,
        'pairs': pairs,
    }


def table(result: Mapping[str, Any], benchmark: Benchmark, name: str = 'this') -> str:
    """The means beside the paper's rows, coverage and extra below, and why the numbers compare or do not."""
    own = {key: averages['mean'] for key, averages in result['metrics'].items()}
    data = result['data']
    lines = [f'{benchmark.title}: {clips(data["sequences"])}, {data["instants"]} instants', '']
    lines += rows({name: own} | dict(result['paper']), benchmark.columns)
    if 'association' in result:
        found = {way: row for way, row in result['association'].items() if way != 'paper'}
        share = found['combined']['positive_share']
        lines += ['', f'Re-identification (positive_share {_text(share, 3)}, the paper has 0.28)']
        lines += rows(found | {f'CHROMM {way}': row for way, row in result['association']['paper'].items()}, RE_ID)
    lines += ['', f'coverage {_text(result["coverage"], 3)}, extra {_text(result["extra"], 3)}']
    for key, count in result['counts'].items():
        if not key.endswith(PAIRS):
            lines[-1] += f', {key.replace("_", " ")} {count}'
    lines += [f'note: {note}' for note in result['notes'][:5]]
    if result['comparable']:
        lines.append('comparable with the paper')
    else:
        lines += ['NOT comparable with the paper:', *(f'  - {reason}' for reason in result['why_not'])]
    lost = data['missing']
    if lost:
        lines += [f'{clips(len(lost))} lost:', *(f'  - {clip}: {reason}' for clip, reason in lost.items())]
    return '\n'.join(lines)


def rows(values: Mapping[str, Mapping[str, float | None]], columns: tuple[Column, ...]) -> list[str]:
    """Aligned lines: a header, then a row per name."""
    first = max(map(len, values))
    widths = [max(len(column.header), 8) for column in columns]
    lines = [' ' * first + ''.join(f'  {column.header:>{width}}' for column, width in zip(columns, widths))]
    for name, row in values.items():
        cells = (f'  {_text(row.get(column.name), column.digits):>{width}}' for column, width in zip(columns, widths))
        lines.append(f'{name:<{first}}' + ''.join(cells))
    return lines


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + '.part')
    partial.write_text(json.dumps(result, indent=1, allow_nan=False))
    os.replace(partial, path)


def _averages(scores: list[ClipScore], name: str) -> dict[str, Any]:
    averages: dict[str, Any] = {'mean': pooled(scores, name), 'sequence_mean': over_sequences(scores, name)}
    groups = over_groups(scores, name)
    if groups:
        known = [value for value in groups.values() if not math.isnan(value)]
        averages['groups'] = groups
        averages['group_mean'] = sum(known) / len(known) if known else math.nan
    return averages


def _clip(score: ClipScore) -> dict[str, Any]:
    return {
        **score.means(),
        'coverage': score.coverage,
        'extra': score.extra,
        'instants': score.instants,
        **score.counts,
    }


def _text(value: float | None, digits: int) -> str:
    return '-' if value is None or math.isnan(value) else f'{value:.{digits}f}'


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else math.nan


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
