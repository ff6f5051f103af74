"""What a planner reads in the messages of long synthetic runs: margins, places, residuals, and whether they hold."""

from __future__ import annotations

import json as json_format
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.evaluation.synthetic import image_sets
from chromm_ros.evaluation.tracking.runs import CHUNK, LongWorld
from chromm_ros.flow import HumanState
from chromm_ros.network.chromm import Chromm
from chromm_ros.ros.outputs.body_shapes import BodyShapeCache, body_shapes_of
from chromm_ros.ros.outputs.messages import Description, HumanOptions, human_array
from chromm_ros.skeleton import HIPS

QUANTILES = (5, 50, 95, 100)
GATE = 1.0
"""Distance on the floor within which a published person is a true one [m]."""


@dataclass
class Readings:
    """Numbers as they stand in messages, by name."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, message: Description, truth: np.ndarray) -> None:
        """Read one HumanArray.

        Args:
            truth: (K, 2) where the people are on the floor when it is published [m].
        """
        for human in message['humans']:
            if human['state'] == HumanState.LOST:
                continue
            unseen = human['state'] == HumanState.PREDICTED
            kind, cylinder = 'unseen' if unseen else 'seen', human['cylinder']
            self.values[f'{kind}: placed'].append(float(cylinder['placed']))
            self.values[f'{kind}: margin [m]'].append(cylinder['margin'])
            self.values[f'{kind}: cylinder base [m]'].append(float(cylinder['base'][2]))
            self.values[f'{kind}: vertical speed [m/s]'].append(abs(float(human['twist']['twist'][2])))
            for seen in human['observations']:
                if seen['fused']:
                    self.values['residual of fused views [m]'].append(seen['residual'])
            away = np.linalg.norm(truth - human['pose']['pose'][:2], axis=1).min(initial=np.inf)
            if away < GATE and cylinder['placed']:
                self.values[f'{kind}: true mid-hip inside of the inflated cylinder'].append(
                    float(away <= cylinder['radius'] + cylinder['margin'])
                )
                self.values[f'{kind}: true mid-hip within the margin'].append(float(away <= cylinder['margin']))

    def table(self) -> dict[str, dict[str, float]]:
        """Quantiles of numbers, and shares of what is true or false."""
        rows = {}
        for name, values in sorted(self.values.items()):
            row = {'count': float(len(values))}
            if name.endswith(('[m]', '[m/s]')):
                row |= {f'{q} %': float(np.nanpercentile(values, q)) for q in QUANTILES}
            else:
                row['share'] = float(np.mean(values))
            rows[name] = row
        return rows


def messages(
    plan: LongWorld, network: Chromm, body: BodyModel, latency: float, settings: CaptureSettings | None = None
) -> Iterator[tuple[float, Description, np.ndarray]]:
    """Time of publication [s], HumanArray, and (K, 2) true places then, of a capture with known cameras."""
    capture = Capture(network, body, settings or CaptureSettings(extrinsics='tf'))
    shapes, options = BodyShapeCache(body), HumanOptions(model=body.name)
    for start in range(0, len(plan.times), CHUNK):
        frames = plan.world.render(plan.times[start : start + CHUNK])
        for time, images in zip(frames.times, image_sets(frames, with_poses=True)):
            snapshot = capture.add(images)
            if snapshot is None:
                continue
            bodies = body_shapes_of(snapshot.humans, body, shapes).above(snapshot.floor)
            people = plan.world.people(time + latency)
            present = np.asarray(people.present).reshape(-1)
            hips = np.asarray(people.joints).reshape(len(present), -1, 3)[present][:, HIPS].mean(1)
            yield time + latency, human_array(snapshot, bodies, 'map', latency, options), hips[:, :2]


def evaluate_planner(
    seed: int = 2_000_000,
    rooms: int = 5,
    minutes: float = 2.0,
    rate: float = 4.0,
    people: int = 3,
    views: int = 4,
    latency: float = 0.4,
    weights: Path | None = None,
    json: Path | None = None,
) -> int:
    """Read messages as a planner would: how wide are margins, do they hold, who has a place, do cylinders stand.

    Args:
        seed: of the first room; the others follow.
        rooms: how many.
        minutes: in each.
        rate: image sets per second.
        people: in each room.
        views: cameras in each room.
        latency: from an image set to its message [s]; the demo's median on two cores.
        weights: another weight file than the one of this package.
        json: file for the numbers.
    """
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', weights, body=body)
    readings = Readings()
    for number in range(seed, seed + rooms):
        plan = LongWorld.sample(number, people, views, minutes, rate)
        for _, message, truth in messages(plan, network, body, latency):
            readings.add(message, truth)
        print(f'room {number}', flush=True)
    table = readings.table()
    print(shown(table))
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(json_format.dumps(table, indent=1))
    return 0


def shown(table: dict[str, dict[str, Any]]) -> str:
    """The table for a terminal."""
    lines = []
    for name, row in table.items():
        numbers: Sequence[str] = [f'{key} {value:.3g}' for key, value in row.items() if key != 'count']
        lines.append(f'{name:<50}{int(row["count"]):>8}  {", ".join(numbers)}')
    return '\n'.join(lines)
