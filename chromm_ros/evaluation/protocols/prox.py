"""PROX: depth of single images (the paper's Table 9)."""

from __future__ import annotations

from functools import partial

from chromm_ros.datasets.prox import Prox
from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Benchmark, Column
from chromm_ros.evaluation.protocols.clips import ClipPlan
from chromm_ros.evaluation.protocols.depth import score_depth
from chromm_ros.evaluation.protocols.emdb import POOLED
from chromm_ros.evaluation.protocols.sets import make_clip

EVERY = 100


def prox(dataset: Prox, part: str = 'qualitative', scale: str = 'median') -> Benchmark:
    """Every hundredth picture by itself, its depth scaled to the truth."""
    reasons = []
    if dataset.every != EVERY:
        reasons.append(f'one of every {dataset.every} pictures, the paper takes one of {EVERY}')
    if part != 'qualitative':
        reasons.append(f'the {part} part')
    if scale != 'median':
        reasons.append(f'scale by {scale}')
    return Benchmark(
        name='prox',
        title=f'PROX, {part}',
        plans=[
            ClipPlan(
                sequence.name,
                partial(make_clip, sequence.name, sequence, dataset.bodies, counted=lambda instant: True),
            )
            for sequence in dataset.sequences(part)
        ],
        score=lambda clip, estimates: score_depth(clip, estimates, scale),
        columns=(Column('absrel', 'AbsRel', 4), Column('delta', 'delta < 1.25', 4, 'high')),
        paper=paper.PROX,
        protocol={
            'every': dataset.every,
            'alignment': f'one scale per image, {scale}',
            'averaging': f'per image, {POOLED}',
            'truth': 'infrared depth in the colour image, people included',
            'undistort': dataset.undistort,
        },
        expected=dataset.expected(part),
        joints=('',),
        reasons=tuple(reasons),
    )
