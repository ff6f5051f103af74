"""``chromm demo-real``: footage of four real cameras as live topics, captured and shown as on a robot."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from chromm_ros.apps.demo import PAGE_PORT, check_alone, monitoring, only_demo, watch
from chromm_ros.apps.demo_monitor import DemoMonitor
from chromm_ros.apps.evaluate_real import measured
from chromm_ros.apps.processes import Processes
from chromm_ros.body.model import BodyModel
from chromm_ros.msg import CaptureStatus, Human, HumanArray
from chromm_ros.network.loading import load_network
from chromm_ros.recording import footage
from chromm_ros.ros.common.dds import dds_environment
from chromm_ros.ros.outputs.reading import pose_matrices
from chromm_ros.settings import UsageError
from chromm_ros.viewing.server import check_port

MEASURED_SECONDS = 3.0
"""Of the footage, forwards and backwards once, on which reprojection is measured after the live part."""


class RealMonitor(DemoMonitor):
    """Counts who is published; without a truth there is nothing else that messages tell."""

    def __init__(self) -> None:
        super().__init__()
        self.people_per_window: Counter[int] = Counter()
        self.windows_of_id: Counter[int] = Counter()
        self.camera_errors: list[np.ndarray] = []  # rows of rotation [rad] and translation [m]

    def report(self, seconds: float) -> dict[str, Any]:
        """The report of ``make demo REAL=1`` without what is measured afterwards."""
        whole = super().report(seconds)
        kept = {name: whole[name] for name in ('seconds', 'windows', 'delay_ms', 'stages_ms', 'dropped')}
        errors = np.concatenate(self.camera_errors) if self.camera_errors else np.zeros((0, 2))
        errors = errors[np.isfinite(errors).all(1)]
        return {
            **kept,
            'windows_per_second': round(whole['windows'] / seconds, 2) if seconds else None,
            'people_per_window': {str(count): number for count, number in sorted(self.people_per_window.items())},
            'ids': {str(number): count for number, count in sorted(self.windows_of_id.items())},
            'cameras_against_tf': {
                'rotation_deg_median': round(float(np.degrees(np.median(errors[:, 0]))), 3) if len(errors) else None,
                'translation_m_median': round(float(np.median(errors[:, 1])), 4) if len(errors) else None,
            },
        }

    def _on_humans(self, message: HumanArray) -> None:
        super()._on_humans(message)
        seen = [human for human in message.humans if human.state == Human.TRACKED]
        self.people_per_window[len(seen)] += 1
        self.windows_of_id.update(human.id for human in message.humans if human.state != Human.LOST)

    def _on_status(self, message: CaptureStatus) -> None:
        super()._on_status(message)
        if len(pose_matrices(message.camera_pose)):
            self.camera_errors.append(np.stack([message.rotation_error, message.translation_error], -1).astype(float))


def real_demo(
    duration: float = 0.0,
    demo: Literal['multi', 'single'] = 'multi',
    rate: float = 10.0,
    extrinsics: Literal['auto', 'tf', 'estimated'] = 'auto',
    headless: bool = False,
    port: int = PAGE_PORT,
    report: Path | None = None,
) -> int:
    """Watch real people captured live: the footage of Pose2Sim's demos comes over ROS as from cameras on a robot.

    It is fetched with pip once (51 MB, BSD 3-Clause) and played forwards and backwards in turn.

    Args:
        duration: seconds from the first window; 0 runs until Ctrl-C.
        demo: three people, one of them far away, or one and the far one.
        rate: images per second of every camera.
        extrinsics: auto and tf use the calibration, estimated finds the cameras from the people.
        headless: no viewer page.
        port: of the viewer page on 127.0.0.1.
        report: JSON file for the summary.
    """
    if not (0 <= duration <= 1e6 and 0.1 <= rate <= 60):
        raise UsageError(f'duration is {duration}, rate is {rate}; 0 to 1e6 s and 0.1 to 60 Hz expected')
    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(f'cannot write {report}: the folder {report.absolute().parent} does not exist')
    if not headless:
        check_port('127.0.0.1', port)
    clip = footage.load(demo, rate)
    os.environ.update(dds_environment())
    domain = os.environ.setdefault('ROS_DOMAIN_ID', '0')
    print(f'chromm demo in ROS domain {domain}: {len(clip.cameras)} real cameras, {footage.DEMOS[demo]} of Pose2Sim')
    with (
        only_demo(domain),
        monitoring(RealMonitor) as (monitor, executor),
        tempfile.TemporaryDirectory(prefix='chromm_demo_') as folder,
    ):
        check_alone(executor, monitor, domain)
        processes = Processes(Path(folder))
        try:
            _start(processes, clip, demo, extrinsics, None if headless else port)
            seconds = watch(processes, monitor, executor, duration)
        finally:
            processes.stop()
        result = monitor.report(seconds)
        notes = list(monitor.tally.notes)
    body = BodyModel.load()
    network = load_network('open', body=body)
    sets, views = lambda: clip.image_sets(MEASURED_SECONDS), tuple(clip.cameras)
    result['accuracy'] = measured(network, body, sets, views, 'measuring', cameras_off=False, rig=False)
    _print_summary(result, notes)
    if report is not None:
        report.write_text(json.dumps(result, indent=2) + '\n')
        print(f'report written to {report}')
    return 0


def _start(processes: Processes, clip: footage.Footage, demo: str, extrinsics: str, port: int | None) -> None:
    rig = ['-p', f'cameras:=[{",".join(clip.cameras)}]']
    scene = ['-p', f'demo:={demo}', '-p', f'rate:={float(clip.rate)}']
    processes.start('cameras', 'chromm_ros.ros.nodes.footage_node', ['--ros-args', *scene], {})
    capture = ['--ros-args', *rig, '-p', 'preset:=open', '-p', f'extrinsics:={extrinsics}']
    processes.start('capture', 'chromm_ros.ros.nodes.capture_node', capture, {})
    if port is not None:
        page = ['--ros-args', *rig, '-p', f'port:={port}']
        processes.start('viewer', 'chromm_ros.ros.nodes.viewer_node', page, {})
        print(f'page: http://127.0.0.1:{port}')


def _print_summary(report: dict[str, Any], notes: list[str]) -> None:
    delay, accuracy = report['delay_ms'], report['accuracy']
    print(f'\n{report["windows"]} windows in {report["seconds"]:.0f} s: {report["windows_per_second"]} per second')
    if delay['p50'] is not None:
        print(f'delay         median {delay["p50"]:.0f} ms, 95 % {delay["p95"]:.0f} ms')
    people = ', '.join(f'{count} in {number}' for count, number in report['people_per_window'].items())
    print(f'people        {people or "none"} windows; ids {", ".join(report["ids"]) or "none"}')
    for name, text in (('head', 'heads'), ('joints', 'joints'), ('left_out_landmarks', 'view left out')):
        found = accuracy[name]
        if found is not None:
            print(
                f'{text:<14}median {found["median_px"]:.1f} px = {100 * found["median_m"]:.1f} cm, '
                f'90 % {100 * found["p90_m"]:.1f} cm (by the calibration, on the same frames)'
            )
    cameras = report['cameras_against_tf']
    if cameras['rotation_deg_median'] is not None:
        turned, moved = cameras['rotation_deg_median'], cameras['translation_m_median']
        print(f'cameras       {turned:.2f} deg, {moved:.3f} m from the calibration (medians)')
    for note in notes:
        print(f'note          {note}')
