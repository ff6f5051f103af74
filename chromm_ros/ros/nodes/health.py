"""Diagnostics: one status ``chromm: <task>`` per task, from what the node knows; nothing waits, nothing changes."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from chromm_ros import conditions
from chromm_ros.conditions import Finding, worst
from chromm_ros.flow import HumanState, ViewState
from chromm_ros.intake.camera_queue import CameraQueue
from chromm_ros.intake.rig_buffer import UNMATCHED
from chromm_ros.intake.synchrony import sync_findings
from chromm_ros.ros.common.other_publishers import Offers, some
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
    stamps: deque[int] = field(default_factory=lambda: deque(maxlen=2))
    """Of the newest windows [ns]."""
    last_error: str = ''
    """Of a window; empty while all is well."""
    fatal: str = ''
    """Why the node gave up; empty while it has not."""
    incompatible: Mapping[str, str] = field(default_factory=dict)
    """Topic -> why nothing passes between us and somebody at its other end."""

    other_publishers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Topic of ours -> nodes that publish on it too."""
    offers: Offers = field(default_factory=Offers)
    """What others publish."""

    def note(self, built: WindowMessages) -> None:
        self.latencies.append(built.latency)
        self.stages.append(built.stages)
        self.stamps.append(built.snapshot.stamp)
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
    tasks: list[DiagnosticStatus] = []
    if backend is not None:
        tasks += [_model(backend)]
        memory = backend.memory()
        if memory:
            tasks.append(_gpu(memory))
    if pipeline is not None:
        live = {queue.name for queue in pipeline.synchronizer.buffer.live()}
        tasks += [
            _camera(queue, queue.name in live, pipeline, health_log, stamp)
            for queue in pipeline.synchronizer.buffer.queues.values()
        ]
        tasks += [_sync(pipeline), _inference(pipeline, health_log, stamp), _identities(pipeline)]
        tasks.append(_world(pipeline, health_log))
    tasks.insert(0, _node(state, health_log, tasks))
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


def reported(task: str, findings: list[Finding], well: str, values: Mapping[str, object]) -> DiagnosticStatus:
    """The status of a task: its worst finding in words, the others among the values."""
    chosen = worst(findings)
    if chosen is None:
        return status(task, OK, well, values)
    more = [finding.text for finding in findings if finding is not chosen]
    also = {f'also {number}': text for number, text in enumerate(more, start=1)}
    return status(task, bytes([chosen.level]), chosen.text, {**values, **also})


UPSTREAM_FIRST = ('camera', 'sync', 'model', 'gpu', 'inference', 'identities', 'world')
"""Kinds of tasks, causes before what they cause."""


def _node(state: str, health_log: HealthLog, others: Sequence[DiagnosticStatus]) -> DiagnosticStatus:
    """The node as a whole. It is never well while nothing comes out."""
    values = {'state': state, **{f'incompatible: {topic}': why for topic, why in health_log.incompatible.items()}}
    if health_log.fatal:
        return status('node', ERROR, health_log.fatal, values)
    findings = [conditions.INCOMPATIBLE.found(problem=why) for why in health_log.incompatible.values()]
    if health_log.other_publishers:
        nodes = sorted({node for names in health_log.other_publishers.values() for node in names})
        topics = ', '.join(health_log.other_publishers)
        findings.append(conditions.OTHER_PUBLISHER.found(topics=topics, nodes=', '.join(nodes)))
    tasks = {task.name.removeprefix('chromm: '): task for task in others}
    if 'inference' in tasks and tasks['inference'].level in (ERROR, STALE):
        causes = {name: task for name, task in tasks.items() if task.level in (ERROR, STALE)}
        name = min(causes, key=lambda name: (causes[name].level != ERROR, _place(name)))
        known = causes[name].level == ERROR
        condition = conditions.NOTHING_OUT if known else conditions.NOTHING_YET
        findings.append(condition.found(why=f'{name}: {causes[name].message}'))
    return reported('node', findings, state, values)


def _place(task: str) -> int:
    return UPSTREAM_FIRST.index(task.partition(' ')[0])


def _model(backend: Backend) -> DiagnosticStatus:
    values = {'device': backend.device, 'body': backend.body.name}
    return reported('model', [] if backend.trained else [conditions.UNTRAINED.found()], 'loaded', values)


def _gpu(memory: Mapping[str, float]) -> DiagnosticStatus:
    low = memory['free_mb'] < 0.05 * memory['total_mb']
    return reported('gpu', [conditions.GPU_MEMORY.found()] if low else [], 'ok', memory)


def _camera(
    queue: CameraQueue, live: bool, pipeline: Pipeline, health_log: HealthLog, stamp: int
) -> DiagnosticStatus:
    notes = pipeline.assembler.notes[queue.name]
    values: dict[str, object] = {
        'images': queue.received,
        'used': queue.used,
        'rate [Hz]': queue.rate,
        'size': f'{notes.size[0]} x {notes.size[1]}',
        'frame': notes.frame,
        'pose from TF': notes.placed,
        'calibrated': notes.calibrated,
        **{f'dropped: {reason}': count for reason, count in sorted((queue.dropped + notes.failures.copy()).items())},
    }
    if queue.newest is not None:
        values['age [s]'] = (stamp - queue.newest) / NANO
    task = f'camera {queue.name}'
    if queue.excluded:
        return status(task, OK, 'excluded by set_views', values)
    findings = (
        _camera_findings(queue, live, pipeline, stamp) if queue.received else _unheard(queue, pipeline, health_log)
    )
    return reported(task, findings, 'ok', values)


def _unheard(queue: CameraQueue, pipeline: Pipeline, health_log: HealthLog) -> list[Finding]:
    topic = pipeline.image_topic_of(queue.name)
    if topic in health_log.incompatible:
        return [conditions.CANNOT_HEAR.found(problem=health_log.incompatible[topic])]
    own = {pipeline.image_topic_of(name) for name in pipeline.synchronizer.buffer.queues}
    others = tuple(name for name in health_log.offers.images if name not in own)
    return [conditions.NO_IMAGE.found(topic=topic, there=f' (there is {some(others)})' if others else '')]


def _camera_findings(queue: CameraQueue, live: bool, pipeline: Pipeline, stamp: int) -> list[Finding]:
    newest = pipeline.synchronizer.buffer.newest
    findings = pipeline.synchronizer.dating.findings(queue.name) + pipeline.findings(queue.name)
    outcomes = queue.outcomes.copy()
    if len(outcomes) > 2 and all(outcomes):
        reason = Counter(outcomes).most_common(1)[0][0]
        condition = conditions.NO_PARTNERS if reason == UNMATCHED else conditions.NOTHING_USED
        findings.append(condition.found(count=len(outcomes), reason=reason))
    if not live and queue.newest is not None and newest is not None:
        findings.append(conditions.MISSING.found(age=(newest - queue.newest) / NANO))
    elif queue.newest is not None and stamp - queue.newest > pipeline.parameters.capture.camera_timeout * NANO:
        findings.append(conditions.STALE_CAMERA.found(age=(stamp - queue.newest) / NANO))
    return findings


def _sync(pipeline: Pipeline) -> DiagnosticStatus:
    values: dict[str, object] = {f'dropped: {reason}': count for reason, count in pipeline.drop_counts().items()}
    buffer, chosen = pipeline.synchronizer.buffer, pipeline.parameters.node
    spread, lost, live = buffer.spread(), buffer.lost_share(), buffer.live()
    values |= {'time jumps': buffer.jumps, 'sets lost': f'{lost:.0%}'}
    if spread is not None:
        values['images of a set apart [s]'] = spread / NANO
    used = sum(not queue.excluded for queue in buffer.queues.values())
    findings = []
    if not live:
        findings.append(conditions.NO_IMAGES.found())
    elif len(live) < used:
        findings.append(conditions.FEWER_CAMERAS.found(live=len(live), all=used))
    findings += sync_findings(buffer) if live else []
    return reported('sync', findings, f'{len(live)} of {len(chosen.cameras)} cameras', values)


SILENCE = 3.0
"""Seconds without a window from which nothing is said to come out."""
PATIENT_WINDOWS = 3.0
"""The same in intervals between windows, where that is longer."""


def _inference(pipeline: Pipeline, health_log: HealthLog, stamp: int) -> DiagnosticStatus:
    problem = health_log.last_error
    findings = [conditions.WINDOW_LOST.found(problem=problem)] if problem else []
    if not health_log.latencies:
        return reported('inference', findings or [conditions.NO_WINDOW.found()], '', {})
    latencies = np.array(health_log.latencies)
    values: dict[str, object] = {
        'delay p50 [ms]': 1e3 * float(np.percentile(latencies, 50)),
        'delay p95 [ms]': 1e3 * float(np.percentile(latencies, 95)),
    }
    for name in health_log.stages[-1]:
        values[f'{name} p50 [ms]'] = 1e3 * float(np.median([stages.get(name, 0.0) for stages in health_log.stages]))
    limit, silence = pipeline.parameters.node.max_latency, (stamp - health_log.stamps[-1]) / NANO
    interval = (health_log.stamps[-1] - health_log.stamps[0]) / NANO
    if silence > max(SILENCE, 2.0 * latencies[-1], PATIENT_WINDOWS * interval):
        findings.append(conditions.NO_NEW_WINDOW.found(seconds=silence))
    if latencies[-1] > limit:
        findings.append(conditions.SLOW.found(delay=latencies[-1], limit=limit))
    findings += [] if pipeline.last is None else pipeline.last.findings
    return reported('inference', findings, 'ok', values)


def _identities(pipeline: Pipeline) -> DiagnosticStatus:
    last = pipeline.last
    if last is None:
        return status('identities', STALE, 'no window yet', {})
    counts = {state.name.lower(): sum(human.state == state for human in last.humans) for state in HumanState}
    return status('identities', OK, f'{counts["tracked"]} tracked', {'session': last.session, **counts})


def _world(pipeline: Pipeline, health_log: HealthLog) -> DiagnosticStatus:
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
    findings = [conditions.BUMPED.found(cameras=', '.join(bumped))] if bumped else []
    findings += pipeline.frames.findings()
    transforms = health_log.offers.transforms
    findings += [conditions.OTHER_TF.found(topics=some(transforms))] if transforms else []
    return reported('world', findings, 'ok', values)
