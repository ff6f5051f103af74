"""Ego-Exo4D: one person before four or five cameras at single instants (the paper's Table 2)."""

from __future__ import annotations

from functools import partial

from chromm_ros.datasets.egoexo4d import EgoExo4D
from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Benchmark
from chromm_ros.evaluation.protocols.clips import ClipPlan
from chromm_ros.evaluation.protocols.egohumans import ALIGNMENT, CAMERA_ALIGNED, CAMERAS, PROCRUSTES
from chromm_ros.evaluation.protocols.emdb import MATCHING, POOLED
from chromm_ros.evaluation.protocols.instants import score_instants
from chromm_ros.evaluation.protocols.sets import make_clip

TAKES = 182
"""Takes, a frame of each, that HSfM evaluated."""


def egoexo4d(dataset: EgoExo4D, cameras: bool = False) -> Benchmark:
    """Twelve joints of the limbs, which are what the labels and every body model share."""
    reasons = []
    if dataset.frames is None:
        reasons.append('frames are the first labelled ones, not those of HSfM; give their list with --frames')
    if dataset.labels != 'annotation':
        reasons.append('labels are automatic')
    if not dataset.undistort:
        reasons.append('images are not undistorted')
    return Benchmark(
        name='egoexo4d',
        title='Ego-Exo4D',
        plans=[
            ClipPlan(sequence.name, partial(make_clip, sequence.name, sequence, dataset.bodies))
            for sequence in dataset.sequences()
        ],
        score=lambda clip, estimates: score_instants(clip, estimates, association=False, cameras=cameras),
        columns=(CAMERA_ALIGNED, PROCRUSTES, *(CAMERAS if cameras else ())),
        paper=paper.EGOEXO4D,
        protocol={
            'alignment': ALIGNMENT,
            'matching': f'{MATCHING}; most views decide',
            'averaging': POOLED,
            'frames': 'a list' if dataset.frames is not None else 'the first labelled one of each take',
            'labels': dataset.labels,
            'seen_by': dataset.seen_by,
        },
        expected=TAKES,
        joints=('coco12',),
        reasons=tuple(reasons),
    )
