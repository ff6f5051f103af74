"""What each part of the people logic is worth, on simulated estimates: the paper's Tables 4 to 6, and a step beyond.

Every row of a table sees the same scenes. They have no network, so that every error is known; what a decoder makes of
a pooled token (the paper's Max-Pool row) can therefore not be simulated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from chromm_ros.body.model import BodyModel
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.evaluation import metrics
from chromm_ros.evaluation.tracking.orders import identity_f1, paper_order, tracker_order
from chromm_ros.flow import People, Tracklets
from chromm_ros.people import PeopleSettings, associate, fuse, rescaled, scale_ratio, track
from chromm_ros.settings import changed
from chromm_ros.skeleton import BODY_JOINTS
from chromm_ros.synthetic.estimates import Errors, Estimates, crowd, simulate

HARD = Errors(
    head=0.006, pelvis=0.01, depth=0.04, depth_bias=0.04, rotation=0.15, rotation_bias=0.1, pose=0.15, pose_bias=0.1,
    betas=0.5, token=0.4, uniform=0.3, camera_rotation=0.01, camera_position=0.04, dropout=0.1, outlier=0.01,
    occlusion=0.03,
)  # fmt: skip
"""Errors of every scene: depths wrong by 6 %, cameras by 4 cm and 0.6 degrees, a tenth of the detections missing, the
pelvis off by 0.035 of a person's height as in the paper's Table 8 (seen from 6 m)."""

NETWORK = EstimateErrors()
"""What is assumed of them."""

ALIKE = 0.8
"""How much everybody does the same: people in one place mostly do."""

SPREAD = 2.0
"""Radius of the floor on which the people walk [m]."""

SCALE_SPREAD = 0.25
"""Standard deviation of the logarithm of the scene's scale in the table on scale."""

MIN_STEPS = 5
"""Steps that a person must have been seen for to be scored."""

MIN_PATH = 0.5
"""Path of a person [m] from which RTE, which is relative to it, says something."""


@dataclass(frozen=True)
class Variant:
    """One row of a table."""

    name: str
    settings: dict = field(default_factory=dict)
    """Changed settings, by dotted name."""
    adjust_scale: bool = False
    live: bool = False
    """By the tracker of the live capture instead of the paper's order."""


@dataclass(frozen=True)
class Table:
    """One question, its variants, and who should win."""

    title: str
    question: str
    errors: Errors
    variants: tuple[Variant, ...]
    score: Callable[[Estimates, Variant, BodyModel], dict[str, float]]
    orders: tuple[tuple[str, int, int], ...]
    """(column, better row, worse row) as the paper, or reason, expects."""
    views: int = 4
    interval: float = 0.1
    """Seconds between steps."""


def fusion_scores(estimates: Estimates, variant: Variant, body: BodyModel) -> dict[str, float]:
    """World errors of fused people whose identities are known, so that fusion alone is judged."""
    settings, people = changed(PeopleSettings(), variant.settings), estimates.people
    if variant.adjust_scale:
        people = rescaled(people, scale_ratio(people, settings.scale).ratio)
    return world_scores(fuse(people, estimates.person, settings.fusion, NETWORK, body), estimates)


def association_scores(estimates: Estimates, variant: Variant, body: BodyModel) -> dict[str, float]:
    """Pairs of detections over views after tracking, and switches of tracklets."""
    settings = changed(PeopleSettings(), variant.settings)
    tracklets = track(estimates.people, settings.tracking, NETWORK)
    identity = associate(estimates.people, tracklets, settings.association, NETWORK)
    score = metrics.association_score(estimates.person, identity)
    return {
        'Acc. %': 100 * score.accuracy,
        'Prec. %': 100 * score.precision,
        'Recall %': 100 * score.recall,
        'F1 %': 100 * score.f1,
        'switches': metrics.identity_switches(estimates.person, tracklets.ids),
    }


def order_scores(estimates: Estimates, variant: Variant, body: BodyModel) -> dict[str, float]:
    """Who is who over the whole window, from detections to identities."""
    settings, people = changed(PeopleSettings(), variant.settings), estimates.people
    if variant.live:
        identity = tracker_order(people, estimates.stage.image_size, settings, NETWORK)
    else:
        identity = paper_order(people, settings, NETWORK)
    return {
        'F1 %': 100 * metrics.association_score(estimates.person, identity).f1,
        'ID F1 %': 100 * identity_f1(estimates.person, identity),
        'switches': metrics.identity_switches(estimates.person, identity),
    }


def matching_scores(estimates: Estimates, variant: Variant, body: BodyModel) -> dict[str, float]:
    """The same with the true tracklets, so that association alone is judged."""
    settings = changed(PeopleSettings(), variant.settings)
    identity = associate(estimates.people, Tracklets(estimates.person), settings.association, NETWORK)
    score = metrics.association_score(estimates.person, identity)
    return {
        'Acc. %': 100 * score.accuracy,
        'Prec. %': 100 * score.precision,
        'Recall %': 100 * score.recall,
        'F1 %': 100 * score.f1,
    }


def world_scores(people: People, estimates: Estimates) -> dict[str, float]:
    """WA-MPJPE, W-MPJPE [mm], RTE [%], PA-MPJPE [mm] and the error without any alignment [mm], means over people."""
    truth = estimates.stage.truth
    rows: dict[str, list[float]] = {'WA-M. mm': [], 'W-M. mm': [], 'RTE %': [], 'PA-M. mm': [], 'world mm': []}
    for person in range(truth.present.shape[1]):
        steps = people.valid[:, person] if person < people.valid.shape[1] else np.zeros(0, bool)
        if steps.sum() < MIN_STEPS:
            continue
        true, guess = truth.joints[steps, person, :BODY_JOINTS], people.joints[steps, person, :BODY_JOINTS]
        rows['WA-M. mm'].append(1000 * metrics.world_aligned_error(true, guess).mean())
        rows['W-M. mm'].append(1000 * metrics.world_error(true, guess).mean())
        rows['PA-M. mm'].append(1000 * metrics.procrustes_error(true, guess).mean())
        rows['world mm'].append(1000 * np.linalg.norm(guess - true, axis=-1).mean())
        if np.linalg.norm(np.diff(true[:, 0], axis=0), axis=-1).sum() >= MIN_PATH:
            rows['RTE %'].append(metrics.root_translation_error(true[:, 0], guess[:, 0]).mean())
    return {name: float(np.mean(values)) if values else float('nan') for name, values in rows.items()}


LITERAL = {'association.along_rays': False}
TOLERANT = {'association.along_rays': True}
POSE = {'association.position_weight': 0.0, 'association.pose_weight': 1.0}
POSITION = {'association.position_weight': 1.0, 'association.pose_weight': 0.0}

TABLES = (
    Table(
        'Scale adjustment (paper: Table 4)',
        'Scenes whose scale is off by a quarter (standard deviation), 10 s long; bodies are metric.',
        HARD,
        (
            Variant('without'),
            Variant('mean of the ratios (paper)', adjust_scale=True),
            Variant('mean, 5 passes', {'scale.passes': 5}, adjust_scale=True),
            Variant('median', {'scale.estimator': 'median'}, adjust_scale=True),
            Variant('median, 5 passes', {'scale.estimator': 'median', 'scale.passes': 5}, adjust_scale=True),
            Variant('ratio of sums, 5 passes', {'scale.estimator': 'sums', 'scale.passes': 5}, adjust_scale=True),
        ),
        fusion_scores,
        (('WA-M. mm', 1, 0), ('W-M. mm', 1, 0), ('RTE %', 1, 0)),
        interval=0.4,
    ),
    Table(
        'Fusion of views (paper: Table 5)',
        'Identities known. The paper compares averaging everything with triangulating the head.',
        HARD,
        (
            Variant('average', {'fusion.position': 'average'}),
            Variant('triangulation (paper)', {'fusion.position': 'triangulation'}),
            Variant('rays and depths weighted', {'fusion.position': 'weighted'}),
            Variant('triangulation, axis-angle means', {'fusion.pose_mean': 'axis_angle'}),
        ),
        fusion_scores,
        (('WA-M. mm', 1, 0), ('W-M. mm', 1, 0), ('RTE %', 1, 0), ('W-M. mm', 1, 3)),
    ),
    Table(
        'Fusion of two views',
        'The same with two cameras that face each other, where rays determine the head badly.',
        HARD,
        (
            Variant('average', {'fusion.position': 'average'}),
            Variant('triangulation (paper)', {'fusion.position': 'triangulation'}),
            Variant('rays and depths weighted', {'fusion.position': 'weighted'}),
        ),
        fusion_scores,
        (('world mm', 2, 0), ('world mm', 2, 1)),
        views=2,
    ),
    Table(
        'Association over views (paper: Table 6)',
        'Tracklets known; eq. 4 with its parts, and with people moved along their viewing rays as far as errors of '
        'depth explain.',
        HARD,
        (
            Variant('pose', POSE | LITERAL),
            Variant('position', POSITION | LITERAL),
            Variant('combined (paper)', LITERAL),
            Variant('position, depth tolerance', POSITION | TOLERANT),
            Variant('combined, depth tolerance', TOLERANT),
        ),
        matching_scores,
        (('Prec. %', 2, 0), ('F1 %', 2, 0), ('F1 %', 2, 1), ('F1 %', 4, 2), ('F1 %', 4, 3)),
    ),
    Table(
        'Tracking in a view, then association',
        'People in uniform (tokens 80 % alike); settings of association as they are by default.',
        dataclasses.replace(HARD, uniform=0.8),
        (
            Variant('tokens alone (paper)', {'tracking.motion_weight': 0.0}),
            Variant('tokens and movement'),
        ),
        association_scores,
        (('F1 %', 1, 0), ('switches', 1, 0)),
    ),
    Table(
        'From detections to identities: the order',
        'The paper tracks each view alone, then associates the tracklets (algorithm 1), which takes the window. '
        'The live capture predicts everybody and explains each image set by all views together. People in uniform, '
        'four image sets per second.',
        dataclasses.replace(HARD, uniform=0.8),
        (Variant('paper (algorithm 1)'), Variant('one multi-view tracker', live=True)),
        order_scores,
        (('F1 %', 1, 0), ('ID F1 %', 1, 0), ('switches', 1, 0)),
        interval=0.25,
    ),
)


Results = list[list[dict[str, float]]]
"""Scores by name, of every variant (outer) in every scene (inner)."""


def run_table(table: Table, scenes: range, size: tuple[int, int], body: BodyModel) -> Results:
    """Scores of the variants in scenes of ``size`` = (steps, people)."""
    results: Results = [[] for _ in table.variants]
    for seed in tqdm(scenes, desc=table.title, unit='scene', leave=False):
        errors = table.errors
        if any(variant.adjust_scale for variant in table.variants):
            factor = np.exp(SCALE_SPREAD * np.random.default_rng(seed).normal())
            errors = dataclasses.replace(errors, scale=float(factor))
        stage = crowd(table.views, *size, seed, body, table.interval, SPREAD, ALIKE)
        estimates = simulate(stage, errors, seed, body)
        for row, variant in zip(results, table.variants):
            row.append(table.score(estimates, variant, body))
    return results


def markdown(table: Table, results: Results) -> str:
    """The table with the best of each column in bold, and whether the expected orders hold."""
    columns = list(results[0][0])
    means = np.array([[np.nanmean([scene[name] for scene in row]) for name in columns] for row in results])
    best = [_best(name, means[:, column]) for column, name in enumerate(columns)]
    lines = [f'## {table.title}', '', table.question, '', '| | ' + ' | '.join(columns) + ' |']
    lines.append('|---' * (len(columns) + 1) + '|')
    for variant, row in zip(table.variants, means):
        cells = [f'**{value:.1f}**' if value == top else f'{value:.1f}' for value, top in zip(row, best)]
        lines.append(f'| {variant.name} | ' + ' | '.join(cells) + ' |')
    lines.append('')
    for name, better, worse in table.orders:
        sign = -1 if _higher_is_better(name) else 1
        gains = np.array([sign * (w[name] - b[name]) for b, w in zip(results[better], results[worse])])
        gains = gains[np.isfinite(gains)]
        verdict = 'holds' if gains.mean() > 0 else 'a tie' if gains.mean() == 0 else 'DOES NOT HOLD'
        lines.append(
            f'- {name}: “{table.variants[better].name}” better than “{table.variants[worse].name}”: {verdict} '
            f'(better in {(gains > 0).sum()}, worse in {(gains < 0).sum()} of {len(gains)} scenes).'
        )
    return '\n'.join([*lines, ''])


def write_ablation(path: Path, scenes: range, size: tuple[int, int], command: str) -> None:
    """Run all tables and write them with what is needed to repeat them."""
    body = BodyModel.load()
    steps, people = size
    parts = [
        '# Ablations of the people logic',
        '',
        f'Written by `{command}`. {len(scenes)} simulated scenes (seeds {scenes.start} to {scenes.stop - 1}) of '
        f'{people} people over {steps} steps, from `chromm_ros/synthetic/estimates.py`; every row of a table sees '
        f'the same scenes, and means are over scenes. People walk within {SPREAD:g} m and do alike by {ALIKE:.0%}; '
        'cameras stand in a ring, twice as far away. Errors of the estimates (definitions: `Errors` in that file):',
        '',
        '`' + ', '.join(f'{f.name} {getattr(HARD, f.name)}' for f in dataclasses.fields(HARD)) + '`',
        '',
        'The numbers compare variants; they say nothing about a network. The Max-Pool row of the paper’s Table 5 '
        'needs a decoder of pooled tokens and is not simulated.',
        '',
    ]
    for table in tqdm(TABLES, unit='table'):
        parts.append(markdown(table, run_table(table, scenes, size, body)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(parts))


def _higher_is_better(column: str) -> bool:
    return column in ('Acc. %', 'Prec. %', 'Recall %', 'F1 %', 'ID F1 %')


def _best(column: str, values: np.ndarray) -> float:
    return float(np.nanmax(values) if _higher_is_better(column) else np.nanmin(values))
