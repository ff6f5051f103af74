"""How long tracking, association and fusion take on one core, stage by stage, and how that grows."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path

import numpy as np
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.identity.identities import Identities
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ViewPeople
from chromm_ros.people import PeopleSettings, associate, fuse, scale_ratio, track
from chromm_ros.people.observations import usable
from chromm_ros.people.tracker import CameraViews, HeadDetections, IdentitySettings, Tracker
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

SIZES = ((4, 25, 3), (8, 25, 20))
"""Views, steps, people that are reported: the paper's scene of Table 11, and a crowd."""

LIVE = ((4, 3), (8, 20))
"""Views and people of a live capture that are reported: one image set after the other."""

MIDDLE = (4, 25, 6)
"""Size around which the growth is measured."""

GROWTH = {'views': (2, 4, 8), 'steps': (12, 25, 50), 'people': (3, 6, 12)}

ERRORS = Errors(
    head=0.004, pelvis=0.01, depth=0.05, depth_bias=0.02, rotation=0.1, pose=0.1, betas=0.3, token=0.3, dropout=0.05,
    outlier=0.005, occlusion=0.02, camera_rotation=0.003, camera_position=0.01,
)  # fmt: skip
"""Enough of everything that no stage has an easy day."""

TOKEN_WIDTH = 1024
"""Width of the head tokens of the full network."""

FAR = 30.0
"""Depth of the background [m]: nobody is hidden."""

STAGES = ('scale', 'tracking', 'association', 'fusion')


def bench_people(json: Path | None = None, repeats: int = 9) -> int:
    """Time tracking, association, fusion and scale on one core.

    Times are medians of CPU time, so that other work on the machine does not count.

    Args:
        json: file for the times of the two reported sizes.
        repeats: measurements of each size.
    """
    body = BodyModel.load()
    report = {}
    with one_core():
        print(f'{"":<12}{"total":>10}' + ''.join(f'{stage:>13}' for stage in STAGES) + '   [ms]')
        for size in SIZES:
            stages = measure(size, body, repeats)
            total = sum(stages.values())
            name = 'x'.join(map(str, size))
            report[name] = {'total_ms': round(total, 3), 'stages_ms': {k: round(v, 3) for k, v in stages.items()}}
            print(f'{name:<12}{total:>10.1f}' + ''.join(f'{stages[stage]:>13.1f}' for stage in STAGES))
        print('\nlive: one image set through the tracker, fusion and posing [ms]')
        for views, people in LIVE:
            name, stages = f'live {views}x{people}', measure_live(views, people, body)
            total = sum(stages.values())
            report[name] = {'total_ms': round(total, 3), 'stages_ms': {k: round(v, 3) for k, v in stages.items()}}
            print(f'{name:<12}{total:>10.1f}' + ''.join(f'{key:>13} {value:.1f}' for key, value in stages.items()))
        print('\ngrowth: time ~ size ^ exponent')
        for axis, name in enumerate(GROWTH):
            print(f'{name:<12}{growth(axis, GROWTH[name], body, repeats):>10.2f}')
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(dumps(report, indent=1) + '\n')
    return 0


def measure(size: tuple[int, ...], body: BodyModel, repeats: int) -> dict[str, float]:
    """Median milliseconds of each stage for ``size`` = (views, steps, people)."""
    views, steps, people = size
    window = simulate(crowd(views, steps, people, 0, body), ERRORS, 0, body, TOKEN_WIDTH).people
    _once(window, body)  # caches, lazy imports
    times = np.array([_once(window, body) for _ in range(repeats)])
    return {stage: float(value) for stage, value in zip(STAGES, 1000 * np.median(times, 0))}


def measure_live(views: int, people: int, body: BodyModel, steps: int = 25) -> dict[str, float]:
    """Median milliseconds per image set of following, fusing and posing ``people`` who are all seen by the views.

    Returns:
        ``tracker``: who is whom and where; ``bodies``: fusion, joints and rotations of everybody.
    """
    stage = crowd(views, steps, people, 0, body, interval=0.25)
    window = simulate(stage, ERRORS, 0, body, TOKEN_WIDTH).people
    settings, errors = PeopleSettings(), EstimateErrors()
    identities = Identities(IdentitySettings(), errors, lambda betas, pose: _posed(body, betas, pose))
    alone = Tracker(IdentitySettings(), errors)
    sizes = np.tile(np.array(stage.image_size, float), (views, 1))
    times = []
    for step in range(steps):
        at = slice(step, step + 1)
        one = dataclasses.replace(
            window,
            **window.take(np.s_[:, at]).detections(),
            intrinsics=window.intrinsics[:, at],
            world_from_camera=window.world_from_camera[:, at],
            given=window.given[:, at],
            seen=window.seen[:, at],
            times=np.zeros(1),
        )
        depth = np.full((views, 36, 48), FAR)
        seen, error = np.ones(views, bool), np.full(views, 0.01)
        cameras = CameraViews(one.intrinsics[:, 0], one.world_from_camera[:, 0], sizes, depth, seen, error)
        marks = [time.process_time()]
        mask, _ = usable(one, settings.tracking.duplicate_distance)
        alone.update(0.25 * step, HeadDetections.of(one, mask), cameras, floor=0.0)
        marks.append(time.process_time())
        identities.update(round(0.25e9 * step), one, cameras, settings, body, floor=0.0)
        marks.append(time.process_time())
        times.append(np.diff(marks))
    tracker, everything = 1000 * np.median(times[3:], 0)
    return {'tracker': float(tracker), 'bodies': float(everything - tracker)}


def _posed(body: BodyModel, betas: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        shape, theta = torch.as_tensor(betas, dtype=torch.float32), torch.as_tensor(pose, dtype=torch.float32)
        return body.joints(shape, theta).numpy(), body.joint_rotations(theta).numpy()


def growth(axis: int, values: tuple[int, ...], body: BodyModel, repeats: int) -> float:
    """Exponent of the total time in one of views, steps, people, fitted to a few sizes around the middle one."""
    totals = []
    for value in values:
        size = list(MIDDLE)
        size[axis] = value
        views, steps, people = size
        totals.append(sum(measure((views, steps, people), body, repeats).values()))
    return float(np.polyfit(np.log(values), np.log(totals), 1)[0])


def _once(people: ViewPeople, body: BodyModel) -> list[float]:
    """Seconds of CPU time of each stage."""
    settings, errors = PeopleSettings(), EstimateErrors()
    marks = [time.process_time()]
    scale_ratio(people, settings.scale)
    marks.append(time.process_time())
    tracklets = track(people, settings.tracking, errors)
    marks.append(time.process_time())
    identity = associate(people, tracklets, settings.association, errors)
    marks.append(time.process_time())
    fuse(people, identity, settings.fusion, errors, body)
    marks.append(time.process_time())
    return list(np.diff(marks))


@contextmanager
def one_core() -> Iterator[None]:
    """Keeps this process on one of its cores, with one torch thread."""
    cores, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {max(cores)})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)
