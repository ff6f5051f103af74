"""``chromm evaluate tracking`` and ``chromm evaluate errors``."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Literal

from tqdm import tqdm

COLUMNS = (
    ('idf1', 'IDF1', '.3f'), ('mota', 'MOTA', '.3f'), ('hota', 'HOTA', '.3f'), ('false_alarms', 'FP', '.3f'),
    ('misses', 'FN', '.3f'), ('switches_per_person_minute', 'switches', '.2f'), ('ids', 'ids', 'd'),
    ('people', 'people', 'd'), ('ghosts_per_person_minute', 'ghosts', '.2f'), ('ghost_steps_median', 'length', '.0f'),
    ('ghost_seconds_p90', 'p90 s', '.2f'), ('head_error_m', 'head m', '.3f'),
)  # fmt: skip
"""Key of the summary, heading, format."""


def tracking(
    seeds: int = 6,
    first_seed: int = 2_000_000,
    people: tuple[int, ...] = (3, 5),
    minutes: float = 40 / 60,
    rate: float = 4.0,
    views: int = 4,
    extrinsics: Literal['known', 'estimated'] = 'known',
    scripts: int = 2,
    weights: Path | None = None,
    recordings: Path | None = None,
    every: int = 1,
    json: Path | None = None,
    pictures: Path | None = None,
) -> int:
    """See over long runs whether people keep their ids, and whether anybody is published who is not there.

    Runs the whole capture with the tiny network on synthetic rooms that it was never trained or selected on. Ghosts
    are streaks of a published id that is nobody, per person and minute, with their median length in image sets. Each
    line is given twice: for everybody published, and for people in state TRACKED alone.

    Args:
        seeds: rooms for each number of people.
        first_seed: of the first room; the others follow.
        people: how many people are in the rooms, one group of rooms for each.
        minutes: length of a run.
        rate: image sets per second.
        views: cameras per room.
        extrinsics: known (the capture is given the camera poses) or estimated.
        scripts: worlds for each script (walks, leaves_and_returns, crossing, hidden); known cameras only; 0: none.
        weights: another weight file than the one of this package.
        recordings: folder for what the tracker was given. Of a run that is in it already the tracker runs alone.
        every: give the tracker one recorded image set out of so many: how accuracy depends on the rate.
        json: file for the numbers.
        pictures: folder for timelines: one PNG per group.
    """
    from chromm_ros.body.model import BodyModel
    from chromm_ros.evaluation.tracking.runs import runs, summary, worlds
    from chromm_ros.evaluation.tracking.timelines import write_timelines
    from chromm_ros.network.chromm import Chromm

    if seeds < 0 or scripts < 0 or minutes <= 0 or rate <= 0 or every < 1:
        raise ValueError('seeds and scripts must be at least 0, every at least 1, minutes and rate more than 0')
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', weights, body=body)
    groups = worlds(seeds, first_seed, people, minutes, rate, views, scripts if extrinsics == 'known' else 0)
    print(f'{"":<24}' + ''.join(f'{heading:>9}' for _, heading, _ in COLUMNS))
    report = {}
    for name, plans in groups.items():
        going = runs(plans, network, body, extrinsics == 'estimated', recordings, every)
        done = list(tqdm(going, name, len(plans), False))
        scores = {'published': summary(done), 'tracked': summary(done, tracked_alone=True)}
        _print_scores(name, scores)
        report[name] = {**scores, 'ids': {run.name: run.ids_of_people() for run in done}}
        if pictures is not None:
            write_timelines(pictures / f'{name.replace(" ", "_")}.png', done)
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(dumps(report, indent=1))
    return 0


def _print_scores(name: str, scores: dict[str, dict]) -> None:
    for kind, row in scores.items():
        print(f'{f"{name}, {kind}":<24}' + ''.join(f'{row[key]:>9{form}}' for key, _, form in COLUMNS), flush=True)


def errors(
    preset: str = 'tiny',
    seeds: int = 10,
    first_seed: int = 1_000_000,
    people: tuple[int, ...] = (3, 5),
    minutes: float = 40 / 60,
    rate: float = 4.0,
    views: int = 4,
    weights: Path | None = None,
    recordings: Path | None = None,
    write: Path | None = None,
) -> int:
    """Measure how the detections of a network err, and whom it does not detect: the numbers that tracking rests on.

    Directions, lasting and passing errors of depth, detection probability near edges, behind things and near other
    heads, false detections, what a score is worth, posture and shape: measured on synthetic rooms with given cameras.

    Args:
        preset: whose network; its present numbers are kept where the rooms do not tell.
        seeds: rooms for each number of people. Take selection seeds: numbers are chosen on them.
        first_seed: of the first room; the others follow.
        people: how many people are in the rooms, one group of rooms for each.
        minutes: length of a run.
        rate: image sets per second.
        views: cameras per room.
        weights: another weight file than the one of this package.
        recordings: folder of recorded runs, as for "chromm evaluate tracking".
        write: JSON file for the numbers; chromm_ros/network/errors/PRESET.json is what the preset reads.
    """
    from chromm_ros.body.model import BodyModel
    from chromm_ros.evaluation.tracking.errors import measure
    from chromm_ros.evaluation.tracking.runs import LongWorld, recorded
    from chromm_ros.network.chromm import Chromm

    body = BodyModel.load()
    network = Chromm.from_preset(preset, weights, body=body)
    numbers = range(first_seed, first_seed + seeds)
    plans = [LongWorld.sample(seed, count, views, minutes, rate) for count in people for seed in numbers]
    done = [recorded(plan, network, body, recordings) for plan in tqdm(plans, unit='run')]
    measured = measure(done, network.errors)
    print(measured.to_json(), end='')
    if write is not None:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(measured.to_json())
    return 0
