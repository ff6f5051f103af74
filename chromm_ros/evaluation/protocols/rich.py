"""RICH: global human motion before standing cameras, one by one or all together (the paper's Tables 1 and 5)."""

from __future__ import annotations

from functools import partial

from chromm_ros.datasets.rich import Rich
from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Benchmark
from chromm_ros.evaluation.protocols.clips import ClipPlan
from chromm_ros.evaluation.protocols.emdb import ALIGNMENT, MATCHING, MOTION, POOLED
from chromm_ros.evaluation.protocols.motion import score_motion
from chromm_ros.evaluation.protocols.sets import make_clip


def rich(dataset: Rich, joints: str = 'smpl24', segment: int = 100) -> Benchmark:
    """Every camera of a sequence is a video of its own (``mono``), or all its cameras are taken together."""
    mono = dataset.views == 'mono'
    plans = [
        ClipPlan(sequence.name, partial(make_clip, sequence.name, sequence, dataset.bodies))
        for sequence in dataset.sequences()
    ]
    reasons = [] if segment == 100 else [f'segments of {segment} frames, not 100']
    if dataset.two_people:
        reasons.append('the sequence with two people is kept')
    return Benchmark(
        name='rich',
        title='RICH, one camera at a time' if mono else 'RICH, all cameras',
        plans=plans,
        score=lambda clip, estimates: score_motion(clip, estimates, joints, segment),
        columns=MOTION,
        paper=paper.RICH_MONO if mono else paper.RICH_MULTI,
        protocol={
            'views': dataset.views,
            'segment': segment,
            'alignment': ALIGNMENT,
            'matching': MATCHING,
            'averaging': POOLED,
            'frames': 'image of every camera, fit, and pelvis inside',
            'stitching': 'Sim(3) between the mean poses of each camera in neighbouring chunks',
        },
        expected=dataset.expected(),
        reasons=tuple(reasons),
    )
