"""The capture on scripted worlds: does everybody keep their id, whatever happens?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.evaluation.scoring import match_heads
from chromm_ros.evaluation.synthetic import SyntheticScore, image_sets, score_scene
from chromm_ros.flow import Snapshot
from chromm_ros.network.chromm import Chromm
from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.in_sight import heads_in_sight
from chromm_ros.synthetic.scripts import scripted
from chromm_ros.synthetic.world import Frames

INTERVAL = 0.35
"""Seconds between two image sets: what the demo reaches on two cores."""


@dataclass(frozen=True)
class ScriptRun:
    """One scripted world and what the capture made of it; T steps, K people."""

    script: str
    seed: int
    frames: Frames
    snapshots: tuple[Snapshot | None, ...]
    ids: np.ndarray
    """(T, K) id that the capture gave to each person; 0: it did not find the person."""
    views: np.ndarray
    """(T, K) cameras that see the head."""
    scores: dict[str, Any]
    """As :meth:`chromm_ros.evaluation.scoring.PeopleScore.summary`."""

    def ids_of(self, person: int) -> list[int]:
        """The ids that one person had, in order; one is right."""
        return [int(number) for number in dict.fromkeys(self.ids[:, person]) if number]


def run_scripts(
    network: Chromm,
    body: BodyModel,
    scripts: Sequence[str],
    seeds: Sequence[int],
    views: int = 4,
    settings: CaptureSettings | None = None,
) -> Iterator[ScriptRun]:
    """Run every script with every seed once through, with known cameras."""
    for script in scripts:
        for seed in seeds:
            world = scripted(script, seed, views)
            frames = world.render(np.arange(0, world.cast[0].route.duration, INTERVAL))
            capture = Capture(network, body, settings or CaptureSettings(extrinsics='tf'))
            snapshots = tuple(capture.add(images) for images in image_sets(frames, with_poses=True))
            score = SyntheticScore()
            score_scene(score, frames, snapshots)
            in_sight, _ = heads_in_sight(frames)
            ids = np.stack([_ids(frames, snapshots, step, score.people.gate) for step in range(len(snapshots))])
            yield ScriptRun(script, seed, frames, snapshots, ids, in_sight.sum(0), score.people.summary())


def _ids(frames: Frames, snapshots: Sequence[Snapshot | None], step: int, gate: float) -> np.ndarray:
    """(K,) id of each person at one step, 0 for none."""
    ids = np.zeros(frames.truth.present.shape[1], int)
    snapshot, present = snapshots[step], np.flatnonzero(frames.truth.present[step])
    if snapshot is not None:
        observed = [human for human in snapshot.humans if human.observations]
        heads = np.array([human.joints[HEAD] for human in observed]).reshape(-1, 3)
        rows, columns, _ = match_heads(frames.truth.head[step, present], heads, gate)
        ids[present[rows]] = [observed[column].id for column in columns]
    return ids
