"""EgoHumans: several people before four cameras at single instants (the paper's Tables 2 and 6)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from chromm_ros.datasets.egohumans import EgoHumans, EgoHumansSequence
from chromm_ros.evaluation.protocols import paper
from chromm_ros.evaluation.protocols.benchmark import Benchmark, Column
from chromm_ros.evaluation.protocols.clips import Clip, ClipPlan
from chromm_ros.evaluation.protocols.emdb import MATCHING, POOLED
from chromm_ros.evaluation.protocols.estimates import Estimates
from chromm_ros.evaluation.protocols.instants import score_instants
from chromm_ros.evaluation.protocols.scores import ClipScore
from chromm_ros.evaluation.protocols.sets import make_clip

CAMERA_ALIGNED = Column('w_mpjpe_cameras', 'W-MPJPE† m', 3)
GROUP_ALIGNED = Column('ga_mpjpe', 'GA-MPJPE m', 3)
PROCRUSTES = Column('pa_mpjpe', 'PA-MPJPE m', 3)

CAMERAS = (
    Column('te', 'TE m', 2), Column('s_te', 's-TE m', 2), Column('ae', 'AE deg', 2),
    Column('rra', 'RRA@10', 2, 'high'), Column('cca', 'CCA@10', 2, 'high'), Column('s_cca', 's-CCA@10', 2, 'high'),
)  # fmt: skip
"""What HSfM and HAMSt3R report of the cameras, and CHROMM does not."""

ALIGNMENT = 'W†: SE(3) on the cameras of the instant; GA: Sim(3) of all people; PA: Sim(3) per person'


def egohumans(
    dataset: EgoHumans, joints: str = 'smpl24', association: bool = True, cameras: bool = False
) -> Benchmark:
    """Every chosen frame by itself; people and numbers are the method's own, no identity is given to it."""
    sequences = dataset.sequences()
    activities = {sequence.name: sequence.activity for sequence in sequences}

    def score(clip: Clip, estimates: Estimates) -> ClipScore:
        result = score_instants(clip, estimates, joints, association, cameras)
        return replace(result, group=activities[clip.name])

    reasons = []
    if dataset.frames is None:
        reasons.append(f'frames are every {dataset.stride}th, for the list of the paper is not published')
    if dataset.views != '4':
        reasons.append(f'{dataset.views} views, the tables have 4')
    if not dataset.undistort:
        reasons.append('images are not undistorted')
    return Benchmark(
        name='egohumans',
        title=f'EgoHumans, {dataset.views} views',
        plans=[ClipPlan(sequence.name, partial(_clip, sequence, dataset)) for sequence in sequences],
        score=score,
        columns=(CAMERA_ALIGNED, GROUP_ALIGNED, PROCRUSTES, *(CAMERAS if cameras else ())),
        paper=paper.EGOHUMANS,
        protocol={
            'views': dataset.views,
            'alignment': ALIGNMENT,
            'matching': f'{MATCHING}; most views decide',
            'averaging': f'{POOLED}; groups: by activity',
            'frames': 'a list' if dataset.frames is not None else f'every {dataset.stride}th',
            'association': 'pairs of detections of two views, both of a true person',
        },
        expected=dataset.expected(),
        reasons=tuple(reasons),
    )


def _clip(sequence: EgoHumansSequence, dataset: EgoHumans) -> Clip:
    return make_clip(sequence.name, sequence, dataset.bodies, views=sequence.cameras)
