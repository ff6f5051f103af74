"""Diagnostics: one status ``chromm: <task>`` per task, from what the node knows; nothing waits, nothing changes."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from chromm_ros.flow import HumanState, ViewState
from chromm_ros.ros.inputs.rig_buffer import CameraQueue
from chromm_ros.ros.nodes.model import Backend
from chromm_ros.ros.nodes.pipeline import Pipeline
from chromm_ros.ros.outputs.messages import NANO
from chromm_ros.ros.outputs.publishers import WindowMessages

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE
REMEMBERED = 100
"""Windows over which delays are summarised."""


@dataclass
class HealthLog:
    """What happened lately, for the diagnostics."""

    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))  # [s]
    stages: deque[Mapping[str, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    last_error: str = ''
    """Of a window; empty while all is well."""
    fatal: str = ''
    """Why the node gave up; empty while it has not."""
    incompatible: Mapping[str, str] = field(default_factory=dict)
    """Topic -> why nothing passes between us and somebody at its other end."""

    def note(self, built: WindowMessages) -> None:
        self.latencies.append(built.latency)
        self.stages.append(built.stages)
        self.last_error = ''


def diagnostics(
    stamp: int, hardware: str, state: str, backend: Backend | None, pipeline: Pipeline | None, health_log: HealthLog
) -> DiagnosticArray:
    """All tasks at one time.

    Args:
        stamp: now [ns].
        hardware: the node's name, as hardware_id.
        state: of the lifecycle.
    """
    message = DiagnosticArray()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, NANO)
    tasks = [_node(state, health_log)]
    if backend is not None:
        tasks += [_model(backend)]
        memory = backend.memory()
        if memory:
            tasks.append(_gpu(memory))
    if pipeline is not None:
        live = {queue.name for queue in pipeline.synchronizer.buffer.live()}
        tasks += [
            _camera(queue, queue.name in live, pipeline, stamp)
            for queue in pipeline.synchronizer.buffer.queues.values()
        ]
        tasks += [_sync(pipeline), _inference(pipeline, health_log), _identities(pipeline), _world(pipeline)]
    for task in tasks:
        task.hardware_id = hardware
    message.status = tasks
    return message


def status(task: str, level: bytes, text: str, values: Mapping[str, object]) -> DiagnosticStatus:
    """One status of this node."""
    pairs = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return DiagnosticStatus(name=f'chromm: {task}', level=level, message=text, values=pairs)


def _text(value: object) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)


def _node(state: str, health_log: HealthLog) -> DiagnosticStatus:
    values = {'state': state, **{f'incompatible: {topic}': why for topic, why in health_log.incompatible.items()}}
    if health_log.fatal:
        return status('node', ERROR, health_log.fatal, values)
    if health_log.incompatible:
        return status('node', WARN, next(iter(health_log.incompatible.values())), values)
    return status('node', OK, state, values)


def _model(backend: Backend) -> DiagnosticStatus:
    values = {'device': backend.device, 'body': backend.body.name}
    if not backend.trained:
        return status('model', WARN, 'the network is not trained: people and scene mean nothing', values)
    return status('model', OK, 'loaded', values)


def _gpu(memory: Mapping[str, float]) -> DiagnosticStatus:
    low = memory['free_mb'] < 0.05 * memory['total_mb']
    return status('gpu', WARN if low else OK, 'memory is short' if low else 'ok', memory)


def _camera(queue: CameraQueue, live: bool, pipeline: Pipeline, stamp: int) -> DiagnosticStatus:
    notes = pipeline.assembler.notes[queue.name]
    values: dict[str, object] = {
        'images': queue.received,
        'used': queue.used,
        'rate [Hz]': queue.rate,
        'size': f'{notes.size[0]} x {notes.size[1]}',
        'frame': notes.frame,
        'pose from TF': notes.placed,
        **{f'dropped: {reason}': count for reason, count in sorted((queue.dropped + notes.failures.copy()).items())},
    }
    if queue.newest is not None:
        values['age [s]'] = (stamp - queue.newest) / NANO
    task = f'camera {queue.name}'
    if queue.excluded:
        return status(task, OK, 'excluded by set_views', values)
    if queue.newest is None:
        return status(task, ERROR, 'no image yet', values)
    if not live:
        return status(task, ERROR, 'missing: others go on without it', values)
    if notes.last_problem:
        return status(task, WARN, notes.last_problem, values)
    age = (stamp - queue.newest) / NANO
    if age > pipeline.parameters.capture.camera_timeout:
        return status(task, WARN, f'stale: newest image is {age:.1f} s old', values)
    return status(task, OK, 'ok', values)


def _sync(pipeline: Pipeline) -> DiagnosticStatus:
    values: dict[str, object] = {f'dropped: {reason}': count for reason, count in pipeline.drop_counts().items()}
    values['time jumps'] = pipeline.synchronizer.buffer.jumps
    live = len(pipeline.synchronizer.buffer.live())
    if not live:
        return status('sync', STALE, 'no images', values)
    return status('sync', OK, f'{live} of {len(pipeline.parameters.node.cameras)} cameras', values)


def _inference(pipeline: Pipeline, health_log: HealthLog) -> DiagnosticStatus:
    if not health_log.latencies:
        return status(
            'inference', ERROR if health_log.last_error else STALE, health_log.last_error or 'no window yet', {}
        )
    latencies = np.array(health_log.latencies)
    values: dict[str, object] = {
        'delay p50 [ms]': 1e3 * float(np.percentile(latencies, 50)),
        'delay p95 [ms]': 1e3 * float(np.percentile(latencies, 95)),
    }
    for name in health_log.stages[-1]:
        values[f'{name} p50 [ms]'] = 1e3 * float(np.median([stages.get(name, 0.0) for stages in health_log.stages]))
    if health_log.last_error:
        return status('inference', ERROR, health_log.last_error, values)
    limit = pipeline.parameters.node.max_latency
    if latencies[-1] > limit:
        return status('inference', WARN, f'delay {latencies[-1]:.2f} s is over max_latency ({limit:g} s)', values)
    return status('inference', OK, 'ok', values)


def _identities(pipeline: Pipeline) -> DiagnosticStatus:
    last = pipeline.last
    if last is None:
        return status('identities', STALE, 'no window yet', {})
    counts = {state.name.lower(): sum(human.state == state for human in last.humans) for state in HumanState}
    return status('identities', OK, f'{counts["tracked"]} tracked', {'session': last.session, **counts})


def _world(pipeline: Pipeline) -> DiagnosticStatus:
    last = pipeline.last
    if last is None:
        return status('world', STALE, 'no window yet', {})
    values: dict[str, object] = {
        'source': last.world_source.name,
        'scale': last.scale,
        'scale spread': last.scale_spread,
        'seam error [m]': last.seam_error,
        **{f'TF {name}': count for name, count in pipeline.frames.problems.items()},
    }
    for camera in last.cameras:
        values[f'{camera.view} state'] = ViewState(camera.state).name
        if math.isfinite(camera.translation_error):
            values[f'{camera.view} off by [m]'] = camera.translation_error
            values[f'{camera.view} off by [rad]'] = camera.rotation_error
    bumped = [camera.view for camera in last.cameras if camera.bumped]
    if bumped:
        return status('world', WARN, f'not where TF says: {", ".join(bumped)}', values)
    return status('world', OK, 'ok', values)
