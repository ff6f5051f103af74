"""EMDB-2: global human motion before a moving camera (the paper's Tables 1, 4, 7 and 10)."""

from __future__ import annotations

from functools import partial

from chromm_ros.datasets.emdb import Emdb
from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Benchmark, Column
from chromm_ros.evaluation.protocols.clips import ClipPlan
from chromm_ros.evaluation.protocols.motion import score_motion
from chromm_ros.evaluation.protocols.sets import make_clip

MOTION = (
    Column('wa_mpjpe', 'WA-MPJPE mm', 1),
    Column('w_mpjpe', 'W-MPJPE mm', 1),
    Column('rte', 'RTE %', 2),
    Column('rte_segment', 'RTE seg. %', 2),
)

SEQUENCES = 25

ALIGNMENT = 'WA: Sim(3) on all frames of a segment; W: Sim(3) on its first two; RTE: SE(3) over the clip'

MATCHING = 'key points in the image, IoU of their boxes at least 0.05, optimal'

POOLED = 'mean: everything pooled; sequence_mean: sequences with equal weight'


def emdb(dataset: Emdb, joints: str = 'smpl24', segment: int = 100) -> Benchmark:
    """Good frames only, in segments of 100; people are matched by key points."""
    plans = [
        ClipPlan(sequence.name, partial(make_clip, sequence.name, sequence, dataset.bodies))
        for sequence in dataset.sequences()
    ]
    return Benchmark(
        name='emdb',
        title='EMDB-2',
        plans=plans,
        score=lambda clip, estimates: score_motion(clip, estimates, joints, segment),
        columns=MOTION,
        paper=paper.EMDB,
        protocol={
            'segment': segment,
            'alignment': ALIGNMENT,
            'matching': MATCHING,
            'averaging': POOLED,
            'frames': 'good_frames_mask',
        },
        expected=SEQUENCES,
        reasons=() if segment == 100 else (f'segments of {segment} frames, not 100',),
    )
