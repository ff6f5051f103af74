"""The capture on worlds that go on for long: who keeps the own id, and who is published and is nobody?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.evaluation.scoring import align_by_cameras
from chromm_ros.evaluation.synthetic import START, estimated_poses, image_sets
from chromm_ros.evaluation.tracking.recordings import Recording, TrackerInput, Truth
from chromm_ros.evaluation.tracking.scores import Step, TrackingScore, matched, score
from chromm_ros.flow import HumanState
from chromm_ros.network.chromm import Chromm
from chromm_ros.people.tracker import IdentitySettings, Tracker
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.scripts import SCRIPTS, scripted
from chromm_ros.synthetic.world import World

CHUNK = 32
"""Steps that are rendered together: pictures of minutes would not fit into memory."""

GATES = {False: 0.5, True: 1.0}
"""Distance [m] within which a published person is right, by whether cameras are estimated."""

REPEATS = 60.0
"""Seconds after which the people of a shorter world begin again."""


@dataclass(frozen=True)
class LongWorld:
    """What to run."""

    name: str
    world: World
    times: np.ndarray  # (T,) [s]

    @staticmethod
    def sample(seed: int, people: int, views: int, minutes: float, rate: float) -> LongWorld:
        """A room in which so many people do what they like."""
        duration = max(REPEATS, START + 60 * minutes)
        world = World.sample(seed, views, people=(people, people), duration=duration)
        return LongWorld(f'{people} people {seed}', world, START + np.arange(round(60 * minutes * rate)) / rate)

    @staticmethod
    def script(script: str, seed: int, views: int, rate: float) -> LongWorld:
        """A room in which something known happens."""
        world = scripted(script, seed, views)
        return LongWorld(f'{script} {seed}', world, np.arange(0, world.cast[0].route.duration, 1 / rate))


def worlds(
    seeds: int, first_seed: int, people: Sequence[int], minutes: float, rate: float, views: int, scripts: int
) -> dict[str, list[LongWorld]]:
    """By name of the group: ``seeds`` rooms for each number of people, and ``scripts`` rooms for each script."""
    numbers = range(first_seed, first_seed + seeds)
    groups = {
        f'{count} people': [LongWorld.sample(seed, count, views, minutes, rate) for seed in numbers]
        for count in people
        if seeds
    }
    if scripts:
        chosen = range(first_seed, first_seed + scripts)
        groups['scripts'] = [LongWorld.script(script, seed, views, rate) for script in SCRIPTS for seed in chosen]
    return groups


@dataclass(frozen=True)
class Published:
    """The people that were published at one time, in the true world."""

    ids: np.ndarray  # (M,)
    heads: np.ndarray  # (M, 3) [m]
    tracked: np.ndarray  # (M,) bool: TRACKED


@dataclass(frozen=True)
class LongRun:
    """One world and the people that were published."""

    name: str
    estimated: bool
    times: np.ndarray  # (T,) [s]
    truth: Truth
    published: tuple[Published, ...]

    def steps(self, tracked_alone: bool = False) -> list[Step]:
        """As :func:`score` wants them."""
        steps = []
        for t, now in enumerate(self.published):
            present = np.flatnonzero(self.truth.present[t])
            chosen = now.tracked if tracked_alone else np.ones(len(now.ids), bool)
            heads = self.truth.joints[t, present, HEAD]
            distance = np.linalg.norm(heads[:, None] - now.heads[chosen][None], axis=-1)
            steps.append(
                Step(present, np.asarray(self.truth.in_sight[:, t, present].any(0)), now.ids[chosen], distance)
            )
        return steps

    def score(self, tracked_alone: bool = False) -> TrackingScore:
        """Scores of what was published."""
        return score(self.steps(tracked_alone), GATES[self.estimated])

    def ids(self) -> tuple[np.ndarray, np.ndarray]:
        """(T, K) id of each true person, 0: none; (T,) published people who are nobody."""
        ids = np.zeros(self.truth.present.shape, int)
        nobody = np.zeros(len(self.published), int)
        for t, step in enumerate(self.steps()):
            rows, columns = matched(step.distance, GATES[self.estimated])
            ids[t, step.people[rows]] = step.ids[columns]
            nobody[t] = len(step.ids) - len(columns)
        return ids, nobody

    def ids_of_people(self) -> list[list[int]]:
        """The ids that each true person had, in order; one is right."""
        return [[int(number) for number in dict.fromkeys(column) if number] for column in self.ids()[0].T]

    @property
    def interval(self) -> float:
        """Seconds between image sets."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0


def run_live(
    plan: LongWorld, network: Chromm, body: BodyModel, estimated: bool, settings: CaptureSettings | None = None
) -> tuple[LongRun, Recording]:
    """The whole capture on one world, with what its tracker was given."""
    told = dataclasses.replace(settings or CaptureSettings(), extrinsics='estimated' if estimated else 'tf')
    capture = Capture(network, body, told)
    published, inputs, truths = [], [], []
    for start in range(0, len(plan.times), CHUNK):
        frames = plan.world.render(plan.times[start : start + CHUNK])
        truths.append(Truth.of(frames))
        for step, images in enumerate(image_sets(frames, with_poses=not estimated)):
            snapshot = capture.add(images)
            evidence = capture.evidence
            if snapshot is None or evidence is None:
                raise RuntimeError(f'{plan.name}: the capture gave nothing at {plan.times[start + step]:.2f} s')
            inputs.append(TrackerInput.of(evidence))
            humans = [human for human in snapshot.humans if human.state is not HumanState.LOST]
            ids, tracked = [human.id for human in humans], [human.state is HumanState.TRACKED for human in humans]
            heads = np.array([human.head for human in humans]).reshape(-1, 3)
            if estimated:
                heads = _into_truth(heads, frames.world_from_camera[:, step], estimated_poses(snapshot.cameras))
            published.append(Published(np.array(ids, int), heads, np.array(tracked, bool)))
    truth = Truth.join(truths)
    run = LongRun(plan.name, estimated, plan.times, truth, tuple(published))
    return run, Recording(plan.name, estimated, tuple(inputs), truth)


def replay(
    recording: Recording,
    errors: EstimateErrors,
    settings: IdentitySettings | None = None,
    make: Callable[[IdentitySettings, EstimateErrors], Tracker] = Tracker,
    every: int = 1,
) -> LongRun:
    """The tracker alone on what it was given in a recorded run.

    Args:
        every: take one image set out of so many.
    """
    tracker = make(settings or IdentitySettings(), errors)
    published = []
    truth = recording.truth
    for t, step in enumerate(recording.steps):
        tracker.move(step.change)
        if t % every:
            continue
        tracker.update(step.time - recording.steps[0].time, step.detections, step.cameras, floor=step.floor)
        rows, tracks = tracker.published, tracker.tracks
        heads = tracks.mean[rows, :3]
        if recording.estimated:
            heads = _into_truth(heads, truth.world_from_camera[:, t], step.cameras.world_from_camera)
        published.append(Published(tracks.id[rows], heads, tracks.observed[rows] & tracks.known[rows]))
    kept = slice(None, None, every)
    thinned = Truth(
        truth.joints[kept], truth.present[kept], truth.in_sight[:, kept], truth.pixels[:, kept],
        truth.head_px[:, kept], truth.world_from_camera[:, kept],
    )  # fmt: skip
    times = np.array([step.time for step in recording.steps])[kept]
    return LongRun(recording.name, recording.estimated, times, thinned, tuple(published))


def runs(
    plans: Sequence[LongWorld],
    network: Chromm,
    body: BodyModel,
    estimated: bool,
    recordings: Path | None,
    every: int = 1,
) -> Iterator[LongRun]:
    """All worlds. Where ``recordings`` has one already the tracker runs alone, else the capture runs and fills it.

    Args:
        every: the tracker gets one image set out of so many.
    """
    for plan in plans:
        file = _file(recordings, plan, estimated)
        if file is not None and file.exists():
            yield replay(Recording.load(file), network.errors, every=every)
            continue
        run, recording = run_live(plan, network, body, estimated)
        if file is not None:
            recording.save(file)
        yield run if every == 1 else replay(recording, network.errors, every=every)


def recorded(plan: LongWorld, network: Chromm, body: BodyModel, recordings: Path | None) -> Recording:
    """What the tracker is given in a world with given cameras: from the folder, or recorded now."""
    file = _file(recordings, plan, False)
    if file is not None and file.exists():
        return Recording.load(file)
    _, recording = run_live(plan, network, body, False)
    if file is not None:
        recording.save(file)
    return recording


def _file(recordings: Path | None, plan: LongWorld, estimated: bool) -> Path | None:
    """Where the recording of a run belongs."""
    if recordings is None:
        return None
    rate = 1 / float(np.median(np.diff(plan.times)))
    kind = 'estimated' if estimated else 'known'
    words = f'{plan.name} {len(plan.world.rig.places)} cameras {len(plan.times)} at {rate:.3g} Hz {kind}'
    return recordings / f'{words.replace(" ", "_")}.npz'


def summary(runs: Sequence[LongRun], tracked_alone: bool = False) -> dict[str, Any]:
    """Means of the scores of the runs, and what happens per person and minute in sight."""
    scores = [run.score(tracked_alone) for run in runs]
    seen = sum(one.truth * run.interval for one, run in zip(scores, runs)) / 60
    ghosts = [length * run.interval for one, run in zip(scores, runs) for length in one.ghosts]
    lengths = [length for one in scores for length in one.ghosts]
    truth = max(sum(one.truth for one in scores), 1)
    return {
        'runs': len(runs),
        'person_minutes': round(seen, 2),
        'idf1': float(np.mean([one.idf1 for one in scores])),
        'mota': float(np.mean([one.mota for one in scores])),
        'hota': float(np.mean([one.hota for one in scores])),
        'false_alarms': sum(one.false_alarms for one in scores) / truth,
        'misses': sum(one.misses for one in scores) / truth,
        'switches': sum(one.switches for one in scores),
        'switches_per_person_minute': sum(one.switches for one in scores) / max(seen, 1e-9),
        'ids': sum(one.ids for one in scores),
        'people': sum(int(run.truth.present.any(0).sum()) for run in runs),
        'ghosts_per_person_minute': len(ghosts) / max(seen, 1e-9),
        'ghost_steps_median': float(np.median(lengths)) if lengths else 0.0,
        'ghost_seconds_p90': float(np.percentile(ghosts, 90)) if ghosts else 0.0,
        'head_error_m': float(np.nanmean([one.head_error for one in scores])),
    }


def _into_truth(heads: np.ndarray, truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Heads (M, 3) of the estimated world in the true one; both rigs (V, 4, 4)."""
    rotation, translation = align_by_cameras(truth, estimate)
    return heads @ rotation.T + translation
