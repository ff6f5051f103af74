"""``chromm batch``: a list of ``chromm reconstruct`` jobs, here or on a Ray cluster."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

from tyro.conf import Positional

from chromm_ros.apps.inputs import InputFlags
from chromm_ros.apps.reconstruct import Options, reconstruct_files
from chromm_ros.recording.batch import read_jobs, run_here, run_on_ray
from chromm_ros.recording.reconstruct import SUMMARY

PATHS = ('out', 'calibration', 'weights', 'body', 'params')


def batch(jobs: Positional[Path], retries: int = 1, ray: str = '', workers: int | None = None) -> int:
    """Reconstruct many recordings; finished ones are skipped, failed ones are tried again and reported.

    Args:
        jobs: JSON list of {"inputs": [...], "out": "...", and any option of chromm reconstruct}.
        retries: further tries of a failed job.
        ray: address of a Ray cluster (auto, local, host:port); empty runs here, one after the other.
        workers: jobs at once on a local Ray cluster.
    """
    todo = [job for job in read_jobs(jobs) if not (Path(job['out']).expanduser() / SUMMARY).exists()]
    for job in todo:
        options_of(job)  # a misspelt option is found before the first job starts
    outcomes = run_on_ray(todo, work, retries, ray, workers) if ray else run_here(todo, work, retries)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    print(f'{len(outcomes) - len(failed)} of {len(todo)} jobs done')
    for outcome in failed:
        print(f'failed after {outcome.tries} tries: {outcome.job["out"]}: {outcome.error}', file=sys.stderr)
    return 1 if failed else 0


def work(job: dict[str, Any]) -> None:
    """One job, in whatever process."""
    reconstruct_files(tuple(Path(path) for path in job['inputs']), options_of(job))


def options_of(job: dict[str, Any]) -> Options:
    """The options of a job.

    Raises:
        ValueError: an option is not known.
    """
    given = {key: value for key, value in job.items() if key != 'inputs'}
    flags = {field.name for field in dataclasses.fields(InputFlags)}
    known = {field.name for field in dataclasses.fields(Options)} - {'inputs'} | flags
    if set(given) - known:
        raise ValueError(f'job {job["out"]}: unknown options {sorted(set(given) - known)}; known are {sorted(known)}')
    given |= {key: Path(given[key]) for key in PATHS if given.get(key)}
    lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    inputs = InputFlags(**{key: value for key, value in {**given, **lists}.items() if key in flags})
    own = {key: value for key, value in {**given, **lists}.items() if key not in flags}
    options = Options(**{'quiet': True, **own, 'inputs': inputs})
    options.resolved()
    return options
