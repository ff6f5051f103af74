"""The ablations of the paper's Tables 4 to 10, each row a change of the one method or other weights for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Column
from chromm_ros.evaluation.protocols.emdb import MOTION
from chromm_ros.evaluation.protocols.report import RE_ID, rows


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    """As in the paper's rows of the table."""
    changes: tuple[str, ...] = ()
    """Of the method, see :func:`chromm_ros.evaluation.protocols.pass_settings.with_words`."""
    own_weights: bool = False
    """It needs weights that were trained for it."""


@dataclass(frozen=True)
class Ablation:
    """One table."""

    number: int
    title: str
    benchmark: str
    """Command that scores a row."""
    options: Mapping[str, Any]
    """Of that command."""
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    paper: Mapping[str, Mapping[str, float]]


TABLES = {
    table.number: table
    for table in (
        Ablation(
            4,
            'Scale adjustment on EMDB-2',
            'emdb',
            {},
            (Row('without scale adjustment', ('adjust_scale=false',)), Row('with scale adjustment')),
            MOTION[:3],
            paper.SCALE,
        ),
        Ablation(
            5,
            'Fusion of the views on RICH',
            'rich',
            {'views': 'all'},
            (
                Row('average', ('people.fusion.position=average',)),
                Row('max-pooling, triangulation', ('pooling=max',)),
                Row('average, triangulation'),
            ),
            MOTION[:3],
            paper.FUSION,
        ),
        Ablation(
            6,
            'Association over the views on EgoHumans',
            'egohumans',
            {},
            (
                Row('pose', ('people.association.position_weight=0', 'people.association.pose_weight=1')),
                Row('position', ('people.association.position_weight=1', 'people.association.pose_weight=0')),
                Row('combined'),
            ),
            RE_ID,
            paper.ASSOCIATION,
        ),
        Ablation(
            7,
            'Translation on EMDB-2 (stage 1)',
            'emdb',
            {},
            tuple(Row(name, own_weights=True) for name in paper.TRANSLATION),
            MOTION[:3],
            paper.TRANSLATION,
        ),
        Ablation(
            8,
            'Pelvis on 3DPW',
            '3dpw',
            {},
            (Row('CHROMM'),),
            (Column('pelvis_coarse', 'coarse', 4), Column('pelvis', 'fine', 4)),
            paper.PELVIS,
        ),
        Ablation(
            9,
            'Fusion of human tokens, depth on PROX (stage 1)',
            'prox',
            {},
            tuple(Row(name.removeprefix('CHROMM '), own_weights=True) for name in paper.PROX),
            (Column('absrel', 'AbsRel', 4), Column('delta', 'delta < 1.25', 4, 'high')),
            {name.removeprefix('CHROMM '): row for name, row in paper.PROX.items()},
        ),
        Ablation(
            10,
            'Stages of training on EMDB-2',
            'emdb',
            {},
            tuple(Row(name, own_weights=True) for name in paper.STAGES),
            MOTION[:3],
            paper.STAGES,
        ),
    )
}


def values(result: Mapping[str, Any]) -> dict[str, float | None]:
    """The numbers of a row out of the JSON of its benchmark."""
    found = {name: averages['mean'] for name, averages in result['metrics'].items()}
    return found | result.get('association', {}).get('combined', {})


def ablation_table(ablation: Ablation, results: Mapping[str, Mapping[str, Any]]) -> str:
    """Every row above the paper's."""
    lines = {}
    for row in ablation.rows:
        lines[row.name] = values(results[row.name])
        lines[f'  paper: {row.name}'] = dict(ablation.paper[row.name])
    text = [f'Table {ablation.number}: {ablation.title}', '', *rows(lines, ablation.columns), '']
    reasons = dict.fromkeys(reason for result in results.values() for reason in result['why_not'])
    if reasons:
        text += ['NOT comparable with the paper:', *(f'  - {reason}' for reason in reasons)]
    return '\n'.join(text)
