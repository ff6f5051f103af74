"""Captures of the truthful studio, and what they say over some time."""

from __future__ import annotations

import numpy as np
from truthful_studio import BODY, Studio, TruthfulNetwork

from chromm_ros.capture.capture import Capture
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.flow import HumanState, Snapshot

PERIOD = 0.25
"""Time between two image sets [s]."""


def capture_of(studio: Studio, settings: CaptureSettings | None = None, **network) -> Capture:
    return Capture(TruthfulNetwork(studio, **network), BODY, settings, studio.views)


def run(capture: Capture, studio: Studio, start: float, end: float, **images) -> list[Snapshot]:
    """Snapshots of the time from ``start`` to before ``end``, with what ``Studio.images`` takes."""
    images.setdefault('rig', studio.rig)
    times = start + PERIOD * np.arange(round((end - start) / PERIOD))
    snapshots = [capture.add(studio.images(float(time), **images)) for time in times]
    return [snapshot for snapshot in snapshots if snapshot is not None]


def tracked(snapshot: Snapshot) -> dict[int, np.ndarray]:
    return {human.id: human.head for human in snapshot.humans if human.state is HumanState.TRACKED}
