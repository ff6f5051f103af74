"""``chromm evaluate emdb|rich|egohumans|egoexo4d|3dpw|prox|table``: the paper's tables from its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from chromm_ros.evaluation.protocols.ablations import TABLES, Ablation, Row, ablation_table
from chromm_ros.evaluation.protocols.evaluation import Evaluation
from chromm_ros.evaluation.protocols.evaluations import (
    EgoExo4DEvaluation,
    EgoHumansEvaluation,
    EmdbEvaluation,
    ProxEvaluation,
    RichEvaluation,
    ThreeDpwEvaluation,
)
from chromm_ros.evaluation.protocols.report import write_json
from chromm_ros.settings import UsageError

EVALUATIONS: dict[str, type[Evaluation]] = {
    'emdb': EmdbEvaluation,
    'rich': RichEvaluation,
    'egohumans': EgoHumansEvaluation,
    'egoexo4d': EgoExo4DEvaluation,
    '3dpw': ThreeDpwEvaluation,
    'prox': ProxEvaluation,
}
"""By the name of the command."""


def rich(evaluation: Annotated[RichEvaluation, tyro.conf.arg(name='')]) -> int:
    """Score global human motion on RICH, before one camera or all of them (the paper's Table 1)."""
    return evaluation.run()


def egohumans(evaluation: Annotated[EgoHumansEvaluation, tyro.conf.arg(name='')]) -> int:
    """Score people at single instants before several cameras on EgoHumans (the paper's Tables 2 and 6)."""
    return evaluation.run()


def egoexo4d(evaluation: Annotated[EgoExo4DEvaluation, tyro.conf.arg(name='')]) -> int:
    """Score one person at single instants before several cameras on Ego-Exo4D (the paper's Table 2)."""
    return evaluation.run()


def prox(evaluation: Annotated[ProxEvaluation, tyro.conf.arg(name='')]) -> int:
    """Score depth of single images on PROX (the paper's Table 9)."""
    return evaluation.run()


def threedpw(evaluation: Annotated[ThreeDpwEvaluation, tyro.conf.arg(name='')]) -> int:
    """Score the pelvis in single images on 3DPW (the paper's Table 8)."""
    return evaluation.run()


def emdb(evaluation: Annotated[EmdbEvaluation, tyro.conf.arg(name='')]) -> int:
    """Score global human motion on EMDB-2 (the paper's Table 1)."""
    return evaluation.run()


@dataclass(kw_only=True)
class TableEvaluation:
    """An ablation of the paper."""

    number: Annotated[Literal[4, 5, 6, 7, 8, 9, 10], tyro.conf.Positional]
    """4 scale (EMDB-2), 5 fusion (RICH), 6 association (EgoHumans), 7 translation (EMDB-2), 8 pelvis (3DPW), 9 early
    and late fusion (PROX), 10 stages of training (EMDB-2)."""
    data: Path
    """Folder of the data set of the table."""
    json: Path | None = None
    """File for the numbers of all rows; the estimates are kept beside it."""
    resume: bool = False
    """Take the estimates that an earlier run of the same command kept."""
    weights: tuple[Path, ...] = ()
    """Weight file; for Tables 7, 9 and 10 one for each row, in their order."""
    oracle: str = ''
    """Score the truth itself instead of a network's estimates."""
    bodies: Path | None = None
    """Folder with SMPL and SMPL-X files, smplx2smpl, J_regressor."""
    sequences: str = '*'
    """Only clips whose name fits this pattern."""
    limit: int = 0
    """Only so many clips; 0: all."""
    preset: Literal['auto', 'tiny', 'full'] = 'auto'
    """Network; auto: that of the weights."""
    device: str = 'cpu'
    """cpu, cuda, cuda:1."""
    precision: str = 'auto'
    """fp32, bf16 or fp16 (GPU only); auto: bf16 where it costs no accuracy."""

    def run(self) -> int:
        """Score every row and print them beside the paper's; 1 where a clip was lost."""
        ablation = TABLES[self.number]
        results: dict[str, dict[str, Any]] = {}
        for row, weights in zip(ablation.rows, self._weights(ablation)):
            print(f'Table {self.number}, {row.name}', flush=True)
            _, results[row.name] = self._evaluation(ablation, row, weights).evaluate()
        print(ablation_table(ablation, results))
        if self.json is not None:
            write_json(self.json, {'table': self.number, 'rows': results, 'paper': dict(ablation.paper)})
        return 1 if any(result['data']['missing'] for result in results.values()) else 0

    def _evaluation(self, ablation: Ablation, row: Row, weights: Path | None) -> Evaluation:
        name = row.name.replace(', ', '_').replace(' ', '_')
        return EVALUATIONS[ablation.benchmark](
            data=self.data,
            json=None if self.json is None else self.json.with_name(f'{self.json.name}.{name}'),
            resume=self.resume,
            oracle=self.oracle,
            bodies=self.bodies,
            sequences=self.sequences,
            limit=self.limit,
            preset=self.preset,
            weights=weights,
            device=self.device,
            precision=self.precision,
            set=row.changes,
            **ablation.options,
        )

    def _weights(self, ablation: Ablation) -> tuple[Path | None, ...]:
        """The weight file of each row."""
        rows = len(ablation.rows)
        if self.oracle:
            return (None,) * rows
        if not ablation.rows[0].own_weights:
            if len(self.weights) > 1:
                raise UsageError(f'all rows of table {self.number} have the same weights; give one file')
            return (self.weights[0] if self.weights else None,) * rows
        if len(self.weights) != rows:
            names = ', '.join(row.name for row in ablation.rows)
            raise UsageError(
                f'table {self.number} compares networks that were trained apart; give --weights with {rows} files, '
                f'for {names}'
            )
        return self.weights


def table(evaluation: Annotated[TableEvaluation, tyro.conf.arg(name='')]) -> int:
    """Run an ablation of the paper (Tables 4 to 10) on its data set and print every row beside the paper's."""
    return evaluation.run()
