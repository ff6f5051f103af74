"""Listens to a capture node and to the truth of the synthetic cameras, and scores the one by the other."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from chromm_ros.evaluation.scoring import CameraScore, PeopleAtTime, PeopleScore, align_by_cameras
from chromm_ros.msg import CaptureStatus, Human, HumanArray
from chromm_ros.ros.outputs.reading import pose_matrices

KEPT = 600
"""Truth messages remembered; the capture is never a minute behind."""


@dataclass
class Tally:
    """What has arrived since the start."""

    image_sets: int = 0
    windows: int = 0
    ids: tuple[int, ...] = ()
    published: set[int] = field(default_factory=set)
    """All ids so far."""
    delays: list[float] = field(default_factory=list)  # [s]
    stages: dict[str, list[float]] = field(default_factory=dict)  # [s]
    dropped: dict[str, int] = field(default_factory=dict)
    notes: deque[str] = field(default_factory=lambda: deque(maxlen=20))


class DemoMonitor(Node):
    """Subscribes to ``/chromm/*`` and ``/synthetic/*`` and keeps the score."""

    def __init__(self) -> None:
        super().__init__('demo_monitor')
        self.tally = Tally()
        self.people = PeopleScore()
        self.cameras = CameraScore()
        self._truth: OrderedDict[int, HumanArray] = OrderedDict()
        self._true_cameras: np.ndarray | None = None
        self._status: CaptureStatus | None = None
        self._waiting: OrderedDict[int, HumanArray] = OrderedDict()
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(HumanArray, '/synthetic/truth', self._on_truth, 50)
        self.create_subscription(PoseArray, '/synthetic/cameras', self._on_cameras, latched)
        self.create_subscription(HumanArray, '/chromm/humans', self._on_humans, 10)
        self.create_subscription(CaptureStatus, '/chromm/status', self._on_status, 10)

    def report(self, seconds: float) -> dict[str, Any]:
        """The report of ``make demo``; numbers that could not be measured are None."""
        tally = self.tally
        delays = 1e3 * np.array(tally.delays)
        return {
            'seconds': round(seconds, 2),
            'image_sets': tally.image_sets,
            'windows': tally.windows,
            'delay_ms': {'p50': _percentile(delays, 50), 'p95': _percentile(delays, 95)},
            'dropped': tally.dropped,
            'people': self.people.summary(),
            'ids': {
                'of_each_person': {str(person): ids for person, ids in sorted(self.people.ids.items())},
                'published': sorted(tally.published),
            },
            'cameras': self.cameras.summary(),
            'stages_ms': {name: 1e3 * float(np.median(times)) for name, times in tally.stages.items()},
        }

    def _on_truth(self, message: HumanArray) -> None:
        self.tally.image_sets += 1
        self._truth[_stamp(message)] = message
        if len(self._truth) > KEPT:
            self._truth.popitem(last=False)

    def _on_cameras(self, message: PoseArray) -> None:
        self._true_cameras = pose_matrices(message.poses)

    def _on_status(self, message: CaptureStatus) -> None:
        self._status = message
        self.tally.dropped = dict(zip(message.drop_reasons, map(int, message.drop_counts)))
        self.tally.notes.extend(note for note in message.notes if note not in self.tally.notes)
        for name, duration in zip(message.stages, message.stage_duration):
            self.tally.stages.setdefault(name, []).append(duration)
        self._score_waiting()

    def _on_humans(self, message: HumanArray) -> None:
        self.tally.windows += 1
        self.tally.ids = tuple(human.id for human in message.humans if human.state == Human.TRACKED)
        self.tally.published.update(human.id for human in message.humans)
        self.tally.delays.append(message.latency.sec + 1e-9 * message.latency.nanosec)
        self._waiting[_stamp(message)] = message
        if len(self._waiting) > 10:
            self._waiting.popitem(last=False)
        self._score_waiting()

    def _score_waiting(self) -> None:
        """Score the windows whose people, status and truth have all arrived, in whatever order."""
        status = self._status
        if status is None or self._true_cameras is None:
            return
        stamp = _stamp(status)
        if stamp not in self._waiting or stamp not in self._truth:
            return
        found, truth = self._waiting.pop(stamp), self._truth[stamp]
        motion = self._score_cameras(status)
        estimate = crowd([human for human in found.humans if human.state == Human.TRACKED])
        visible = np.array([bool(human.observations) for human in truth.humans], bool)
        self.people.add(crowd(truth.humans), estimate.moved(*motion), visible)

    def _score_cameras(self, status: CaptureStatus) -> tuple[np.ndarray, np.ndarray]:
        """Score the rig; returns the motion that lays the estimated world on the true one."""
        estimate = pose_matrices(status.camera_pose)
        if self._true_cameras is None or len(estimate) != len(self._true_cameras):
            return np.eye(3), np.zeros(3)
        good = np.isin(status.view_state, (CaptureStatus.OK, CaptureStatus.STALE)) & np.isfinite(estimate).all((1, 2))
        if good.sum() >= 2:
            self.cameras.add(self._true_cameras[good], estimate[good])
        if status.world_source == CaptureStatus.WORLD_TF or not good.any():
            return np.eye(3), np.zeros(3)
        return align_by_cameras(self._true_cameras[good], estimate[good])


def crowd(humans: list[Human]) -> PeopleAtTime:
    """Joints and root rotations of messages as arrays."""
    poses = np.array([pose_matrices(human.joints) for human in humans]).reshape(-1, 55, 4, 4)
    return PeopleAtTime(np.array([human.id for human in humans], int), poses[:, :, :3, 3], poses[:, 0, :3, :3])


def _stamp(message: Any) -> int:
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def _percentile(values: np.ndarray, percent: float) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None
