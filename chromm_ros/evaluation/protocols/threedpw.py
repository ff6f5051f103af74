"""3DPW test: the pelvis in single images (the paper's Table 8)."""

from __future__ import annotations

from functools import partial

from chromm_ros.datasets.interface import Instant
from chromm_ros.datasets.threedpw import ThreeDpw
from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Benchmark, Column
from chromm_ros.evaluation.protocols.clips import ClipPlan
from chromm_ros.evaluation.protocols.emdb import POOLED
from chromm_ros.evaluation.protocols.pelvis import score_pelvis
from chromm_ros.evaluation.protocols.sets import make_clip


def threedpw(dataset: ThreeDpw, stride: int = 1) -> Benchmark:
    """Everybody with a valid fit in every image of the test split."""
    truth = dataset.truth()
    reasons = [] if truth == 'neuralannot' else ["the truth is 3DPW's own SMPL, not NeuralAnnot's fits"]
    if stride != 1:
        reasons.append(f'one of every {stride} images')
    return Benchmark(
        name='3dpw',
        title='3DPW test, pelvis',
        plans=[
            ClipPlan(
                sequence.name,
                partial(
                    make_clip, sequence.name, sequence, dataset.bodies, stride=stride, counted=_somebody_has_a_body
                ),
            )
            for sequence in dataset.sequences()
        ],
        score=lambda clip, estimates: score_pelvis(clip, estimates, dataset.bodies),
        columns=(Column('pelvis_coarse', 'coarse', 4), Column('pelvis', 'fine', 4)),
        paper=paper.PELVIS,
        protocol={
            'truth': truth,
            'matching': 'heads within half the longer side of the true box, least total distance',
            'alignment': 'none; distance over the longer side of the box (eq. 7)',
            'averaging': f'people of an image, {POOLED}',
            'frames': 'all with a valid person' if stride == 1 else f'one of {stride}',
        },
        expected=dataset.expected(),
        joints=('smpl24', 'body22'),
        reasons=tuple(reasons),
    )


def _somebody_has_a_body(instant: Instant) -> bool:
    return any(person.valid and person.body is not None for person in instant.people)
