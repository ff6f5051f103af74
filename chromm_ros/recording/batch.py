"""Many jobs, one list: one after the other here, or side by side on a Ray cluster. Failed ones are tried again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

Work = Callable[[dict[str, Any]], Any]
"""Does one job; raises when it fails."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: dict[str, Any]
    tries: int
    error: str | None
    """None: it succeeded."""


def read_jobs(path: Path) -> list[dict[str, Any]]:
    """A JSON list of ``{"inputs": [...], "out": "...", ...}``.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is not such a list; the message names the entry.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no job file at {path}')
    try:
        jobs = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is not JSON: {error}') from error
    if not isinstance(jobs, list):
        raise ValueError(f'{path} must hold a list of jobs')
    for number, job in enumerate(jobs):
        if (
            not isinstance(job, dict)
            or not isinstance(job.get('inputs'), list)
            or not all(isinstance(path, str) for path in job['inputs'])
            or not isinstance(job.get('out'), str)
        ):
            raise ValueError(f'{path}: job {number} needs "inputs" (a list of paths) and "out" (a folder)')
    outs = [job['out'] for job in jobs]
    if len(set(outs)) < len(outs):
        raise ValueError(f'{path}: two jobs write into the same folder')
    return jobs


def run_here(jobs: Sequence[dict[str, Any]], work: Work, retries: int = 1) -> list[Outcome]:
    """Run jobs one after the other in this process."""
    outcomes = []
    for job in tqdm(jobs, desc='jobs', unit='job'):
        outcomes.append(_tried(job, work, retries))
    return outcomes


def run_on_ray(
    jobs: Sequence[dict[str, Any]], work: Work, retries: int = 1, address: str = 'auto', workers: int | None = None
) -> list[Outcome]:
    """Run jobs side by side on a Ray cluster; a worker that dies counts as a failed try.

    Args:
        jobs: each goes to one worker.
        work: must be importable on the workers.
        retries: further tries of a failed job.
        address: of the cluster; ``local`` starts one on this machine, reachable from this machine alone.
        workers: how many jobs run at once at most, on a ``local`` cluster.

    Raises:
        RuntimeError: Ray is not installed, or the cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise RuntimeError('Ray is not installed: pip install ray') from error
    try:
        ray.init(
            address=None if address == 'local' else address,
            num_cpus=workers,
            include_dashboard=False,
            log_to_driver=False,
            _node_ip_address='127.0.0.1' if address == 'local' else None,
        )
    except (ConnectionError, ValueError) as error:
        raise RuntimeError(f'no Ray cluster at {address}: {error}') from error
    try:
        return list(_collect(ray, jobs, work, retries))
    finally:
        ray.shutdown()


def _collect(ray: Any, jobs: Sequence[dict[str, Any]], work: Work, retries: int) -> Iterable[Outcome]:
    remote = ray.remote(max_retries=0)(work)
    running = {remote.remote(job): (index, 1) for index, job in enumerate(jobs)}
    outcomes: dict[int, Outcome] = {}
    with tqdm(total=len(jobs), desc='jobs', unit='job') as bar:
        while running:
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            index, tries = running.pop(done)
            try:
                ray.get(done)
                error = None
            except ray.exceptions.RayError as failure:
                error = _last_line(failure)
            if error is not None and tries <= retries:
                running[remote.remote(jobs[index])] = (index, tries + 1)
                continue
            outcomes[index] = Outcome(jobs[index], tries, error)
            bar.update()
    return [outcomes[index] for index in range(len(jobs))]


def _tried(job: dict[str, Any], work: Work, retries: int) -> Outcome:
    error = None
    for number in range(1, retries + 2):
        try:
            work(job)
            return Outcome(job, number, None)
        except Exception as failure:  # whatever a job dies of must not end the others
            error = f'{type(failure).__name__}: {failure}'
    return Outcome(job, retries + 1, error)


def _last_line(failure: Exception) -> str:
    lines = [line for line in str(failure).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(failure).__name__
