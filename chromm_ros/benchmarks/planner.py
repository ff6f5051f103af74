"""What a planner reads in the messages of long synthetic runs: margins, places, residuals, and whether they hold."""

from __future__ import annotations

import json as json_format
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chromm_ros.benchmarks.simulated_robot import GATE, MOMENT, Message, Places, Robot, are_reported, drive
from chromm_ros.body.model import BodyModel
from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.evaluation.synthetic import image_sets
from chromm_ros.evaluation.tracking.runs import CHUNK, LongWorld
from chromm_ros.flow import HumanState, Snapshot
from chromm_ros.network.chromm import Chromm
from chromm_ros.ros.outputs.body_shapes import BodyShapeCache, BodyShapes, body_shapes_of
from chromm_ros.ros.outputs.messages import HumanOptions, human_array

QUANTILES = (5, 50, 95, 100)
WALKS = 0.3
"""Speed from which somebody counts as walking [m/s]."""

WAYS = (np.array([-0.6, -0.6]), np.array([-0.6, 0.6]))
"""Where robots start, in half sides of the room; they drive to the opposite point."""

AFTERWARDS = 5.0
"""So long after the last image somebody reads the messages [s]."""


@dataclass
class Readings:
    """Numbers as they stand in messages, by name."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, message: Message, places: Places) -> None:
        """Read one HumanArray, where people really are at ``places``."""
        imaged, truth = places(message.imaged), places(message.time)
        here = np.isfinite(imaged).all(-1) & np.isfinite(truth).all(-1)
        imaged, truth = imaged[here], truth[here]
        walks = np.linalg.norm(truth - imaged, axis=1) > WALKS * (message.time - message.imaged)
        self.values['people in the message'] += are_reported(message.content, imaged).astype(float).tolist()
        for human in message.content['humans']:
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
            apart = np.linalg.norm(imaged - human['pose']['pose'][:2], axis=1)
            if cylinder['placed'] and apart.min(initial=np.inf) < GATE:
                person = apart.argmin()
                does = 'walking' if walks[person] else 'standing'
                away = np.linalg.norm(truth[person] - human['pose']['pose'][:2])
                for where, width in (('margin', 0.0), ('inflated cylinder', cylinder['radius'])):
                    held = float(away <= width + cylinder['margin'])
                    self.values[f'{kind}, {does}: true mid-hip within the {where}'].append(held)

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


def captured(
    plan: LongWorld, network: Chromm, body: BodyModel, settings: CaptureSettings | None = None
) -> list[tuple[Snapshot, BodyShapes]]:
    """What a capture with known cameras makes of a world, and the shapes of its people."""
    capture = Capture(network, body, settings or CaptureSettings(extrinsics='tf'))
    shapes, made = BodyShapeCache(body), []
    for start in range(0, len(plan.times), CHUNK):
        frames = plan.world.render(plan.times[start : start + CHUNK])
        for images in image_sets(frames, with_poses=True):
            snapshot = capture.add(images)
            if snapshot is not None:
                made.append((snapshot, body_shapes_of(snapshot.humans, body, shapes).above(snapshot.floor)))
    return made


def messages(made: Sequence[tuple[Snapshot, BodyShapes]], latency: float) -> list[Message]:
    """The HumanArrays of snapshots, published so many seconds after the images."""
    return [
        Message(snapshot.stamp * 1e-9 + latency, human_array(snapshot, bodies, 'map', latency, HumanOptions()))
        for snapshot, bodies in made
    ]


def places(plan: LongWorld) -> Places:
    """Where people really are during a run and a little longer: pelvis over the floor."""
    times = np.arange(plan.times[0], plan.times[-1] + AFTERWARDS, MOMENT)
    where = plan.world.scene(times).places
    where = np.where(plan.world.room.contains(where)[..., None], where, np.nan)
    return lambda time: where[min(round((time - times[0]) / MOMENT), len(times) - 1)]


def evaluate_planner(
    seed: int = 2_000_000,
    rooms: int = 5,
    minutes: float = 2.0,
    rate: float = 4.0,
    people: int = 3,
    views: int = 4,
    latencies: tuple[float, ...] = (0.4,),
    robot_rates: tuple[float, ...] = (4.0,),
    weights: Path | None = None,
    json: Path | None = None,
) -> int:
    """Read messages as a planner would: how wide are margins, do they hold, how does a robot fare that believes them.

    Args:
        seed: of the first room; the others follow.
        rooms: how many.
        minutes: in each.
        rate: image sets per second.
        people: in each room.
        views: cameras in each room.
        latencies: from an image set to its message [s]; 0.4 is the demo's median on two cores.
        robot_rates: how often a simulated robot decides [1/s].
        weights: another weight file than the one of this package.
        json: file for the numbers.
    """
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', weights, body=body)
    readings = {latency: Readings() for latency in latencies}
    drives: list[dict[str, float]] = []
    for number in range(seed, seed + rooms):
        plan = LongWorld.sample(number, people, views, minutes, rate)
        where, made = places(plan), captured(plan, network, body)
        for latency in latencies:
            published = messages(made, latency)
            for message in published:
                readings[latency].add(message, where)
            for robot_rate in robot_rates:
                for start in WAYS * plan.world.room.half[:2]:
                    fared = drive(published, where, Robot(start, -start), robot_rate)
                    drives.append({'room': number, 'latency': latency, 'robot_rate': robot_rate, **vars(fared)})
        print(f'room {number}', flush=True)
    tables = {f'{latency:g}': found.table() for latency, found in readings.items()}
    for seconds, table in tables.items():
        print(f'\n{seconds} s after the images\n{shown(table)}')
    print(f'\n{shown_drives(drives)}')
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(json_format.dumps({'readings': tables, 'drives': drives}, indent=1))
    return 0


def shown_drives(drives: Sequence[dict[str, float]]) -> str:
    """A row for each room, latency and rate of the robot: the nearest of its drives, the mean share that it stood."""
    lines = [f'{"room":>8}{"latency":>9}{"decides":>9}{"nearest":>9}{"unreported":>12}{"stopped":>9}']
    for key in dict.fromkeys((one['room'], one['latency'], one['robot_rate']) for one in drives):
        same = [one for one in drives if (one['room'], one['latency'], one['robot_rate']) == key]
        nearest, unreported = (min(one[name] for one in same) for name in ('nearest', 'nearest_unreported'))
        stopped = float(np.mean([one['stopped'] for one in same]))
        room, latency, rate = key
        conditions = f'{room:>8.0f}{latency:>7.1f} s{rate:>6.0f} Hz'
        lines.append(f'{conditions}{nearest:>7.2f} m{unreported:>10.2f} m{100 * stopped:>7.0f} %')
    return '\n'.join(lines)


def shown(table: dict[str, dict[str, Any]]) -> str:
    """The table for a terminal."""
    lines = []
    for name, row in table.items():
        numbers: Sequence[str] = [f'{key} {value:.3g}' for key, value in row.items() if key != 'count']
        lines.append(f'{name:<50}{int(row["count"]):>8}  {", ".join(numbers)}')
    return '\n'.join(lines)
