"""``chromm demo``: synthetic cameras, the capture node and the viewer as separate processes, scored by the truth."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor

from chromm_ros.apps.demo_monitor import DemoMonitor
from chromm_ros.apps.processes import Processes, stop_requests
from chromm_ros.network.files.weight_file import packaged
from chromm_ros.ros.common.dds import dds_environment
from chromm_ros.settings import UsageError
from chromm_ros.synthetic.scripts import SCRIPTS
from chromm_ros.viewing.server import check_port

Monitor = TypeVar('Monitor', bound=DemoMonitor)

PAGE_PORT = 8080
START_LIMIT = 120.0
"""Seconds until the first window; a cold start compiles the renderer."""
DISCOVERY = 1.5
"""Seconds in which nodes that run already become known."""


def demo(
    duration: float = 0.0,
    seed: int = 0,
    cameras: int = 4,
    people: int = 3,
    script: str = '',
    rate: float = 10.0,
    extrinsics: Literal['auto', 'tf', 'estimated'] = 'auto',
    headless: bool = False,
    port: int = PAGE_PORT,
    weights: Path | None = None,
    report: Path | None = None,
) -> int:
    """Watch people captured live in a synthetic room: cameras, capture and viewer talk over ROS as on a robot.

    Args:
        duration: seconds from the first window; 0 runs until Ctrl-C.
        seed: of the room, the people and their motion.
        cameras: number of cameras, 1 to 8.
        people: number of people in the room; a script brings its own.
        script: what happens again and again: walks, leaves_and_returns, crossing or hidden.
        rate: images per second of every camera.
        extrinsics: auto uses the rig of TF where it is known, estimated ignores it.
        headless: no viewer page.
        port: of the viewer page on 127.0.0.1.
        weights: of the tiny network; default those in the package.
        report: JSON file for the summary.
    """
    _check_arguments(duration, cameras, people, rate, script)
    if report is not None and not report.absolute().parent.is_dir():
        raise UsageError(f'cannot write {report}: the folder {report.absolute().parent} does not exist')
    if not headless:
        check_port('127.0.0.1', port)
    os.environ.update(dds_environment())
    domain = os.environ.setdefault('ROS_DOMAIN_ID', '0')
    happens = f'script {script}' if script else f'{people} people'
    print(f'chromm demo in ROS domain {domain}: {cameras} cameras, {happens}, seed {seed}')
    with (
        only_demo(domain),
        monitoring(DemoMonitor) as (monitor, executor),
        tempfile.TemporaryDirectory(prefix='chromm_demo_') as folder,
    ):
        check_alone(executor, monitor, domain)
        processes = Processes(Path(folder))
        try:
            _start(processes, seed, cameras, people, script, rate, extrinsics, weights, None if headless else port)
            seconds = watch(processes, monitor, executor, duration)
        finally:
            processes.stop()
        result = monitor.report(seconds)
    _print_summary(result, monitor.tally.notes, trained=weights is not None or packaged('tiny') is not None)
    if report is not None:
        report.write_text(json.dumps(result, indent=2) + '\n')
        print(f'report written to {report}')
    return 0


def _start(
    processes: Processes,
    seed: int,
    cameras: int,
    people: int,
    script: str,
    rate: float,
    extrinsics: str,
    weights: Path | None,
    port: int | None,
) -> None:
    names = ','.join(f'camera_{index}' for index in range(cameras))
    rig = ['-p', f'cameras:=[{names}]']
    scene = ['-p', f'seed:={seed}', '-p', f'people:={people}', '-p', f'rate:={rate}']
    if script:
        scene += ['-p', f'script:={script}']
    processes.start('cameras', 'chromm_ros.ros.nodes.cameras_node', ['--ros-args', *rig, *scene], {})
    capture = ['--ros-args', *rig, '-p', 'preset:=tiny', '-p', f'extrinsics:={extrinsics}']
    if weights is not None:
        capture += ['-p', f'weights:={weights.absolute()}']
    processes.start('capture', 'chromm_ros.ros.nodes.capture_node', capture, {})
    if port is not None:
        page = ['--ros-args', *rig, '-p', f'port:={port}']
        processes.start('viewer', 'chromm_ros.ros.nodes.viewer_node', page, {})
        print(f'page: http://127.0.0.1:{port}')


def watch(processes: Processes, monitor: DemoMonitor, executor: SingleThreadedExecutor, duration: float) -> float:
    """Print a line per second until the time is over or Ctrl-C; returns the seconds since the first window."""
    launched = time.monotonic()
    first: float | None = None
    line_due, windows_before = launched, 0
    with stop_requests() as stop:
        while not stop:
            executor.spin_once(timeout_sec=0.1)
            now = time.monotonic()
            name = processes.ended()
            if name is not None and not stop:
                raise RuntimeError(
                    f'the {name} process ended by itself; its last lines:\n{processes.last_lines(name)}'
                )
            if first is None and monitor.tally.windows:
                first = line_due = now
            if first is None and now - launched > START_LIMIT:
                raise RuntimeError(
                    f'no window within {START_LIMIT:.0f} s; the capture said:\n{processes.last_lines("capture")}'
                )
            if first is not None and now >= line_due + 1.0:
                print(
                    _line(monitor, now - first, (monitor.tally.windows - windows_before) / (now - line_due)),
                    flush=True,
                )
                line_due, windows_before = now, monitor.tally.windows
            if first is not None and duration and now - first >= duration:
                break
    return time.monotonic() - first if first is not None else 0.0


def _line(monitor: DemoMonitor, seconds: float, rate: float) -> str:
    tally = monitor.tally
    delay = f'{1e3 * tally.delays[-1]:.0f} ms' if tally.delays else '-'
    ids = ' '.join(map(str, tally.ids)) or '-'
    dropped = ', '.join(f'{reason} {count}' for reason, count in tally.dropped.items() if count) or 'none'
    return (
        f'{seconds:5.0f} s | people {len(tally.ids)} (ids {ids}) | {rate:.1f} windows/s | delay {delay} | '
        f'dropped: {dropped}'
    )


def _print_summary(report: dict[str, Any], notes: Iterable[str], trained: bool) -> None:
    people, cameras, delay = report['people'], report['cameras'], report['delay_ms']
    print(f'\n{report["windows"]} windows from {report["image_sets"]} image sets in {report["seconds"]:.0f} s')
    print(f'delay       median {_number(delay["p50"], 0)} ms, 95 % {_number(delay["p95"], 0)} ms')
    stages = ', '.join(f'{name} {value:.0f}' for name, value in report['stages_ms'].items())
    print(f'stages [ms] {stages or "-"}')
    if not trained:
        print('the network is not trained: no accuracy is reported')
    else:
        head = people['head_error_m']
        print(
            f'people      recall {_number(people["recall"], 3)}, precision {_number(people["precision"], 3)}, '
            f'head error median {_number(head["median"], 3)} m, p90 {_number(head["p90"], 3)} m, '
            f'id switches {people["id_switches"]}'
        )
        ids = report['ids']
        each = '; '.join(' then '.join(map(str, own)) for own in ids['of_each_person'].values())
        print(f'ids         of each person: {each or "-"}; published in all: {len(ids["published"])}')
        print(
            f'cameras     rotation {_number(cameras["rotation_deg_median"], 2)} deg, '
            f'translation {_number(cameras["translation_m_median"], 3)} m (medians over pairs)'
        )
    for note in notes:
        print(f'note        {note}')


def _number(value: float | None, digits: int) -> str:
    return '-' if value is None else f'{value:.{digits}f}'


def _check_arguments(duration: float, cameras: int, people: int, rate: float, script: str) -> None:
    for name, value, low, high in (
        ('duration', duration, 0, 1e6),
        ('cameras', cameras, 1, 8),
        ('people', people, 0, 10),
        ('rate', rate, 0.1, 60),
    ):
        if not low <= value <= high:
            raise UsageError(f'{name} is {value}; it must be between {low:g} and {high:g}')
    if script and script not in SCRIPTS:
        raise UsageError(f'unknown script {script!r}; known are {", ".join(SCRIPTS)}')


def check_alone(executor: SingleThreadedExecutor, monitor: DemoMonitor, domain: str) -> None:
    """Refuse to run beside another capture of the same names; raises RuntimeError."""
    deadline = time.monotonic() + DISCOVERY
    while time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    names = monitor.get_node_names()
    if 'chromm' in names or names.count(monitor.get_name()) > 1:
        raise RuntimeError(_taken(domain))


@contextmanager
def only_demo(domain: str) -> Iterator[None]:
    """Hold the name of the demo of this domain on this machine; the kernel gives it back however the process ends."""
    with socket.socket(socket.AF_UNIX) as name:
        try:
            name.bind(f'\0chromm_demo_{domain}')
        except OSError as error:
            raise RuntimeError(_taken(domain)) from error
        yield


def _taken(domain: str) -> str:
    return f'another capture runs in ROS domain {domain}; stop it or choose another ROS_DOMAIN_ID'


@contextmanager
def monitoring(kind: type[Monitor]) -> Iterator[tuple[Monitor, SingleThreadedExecutor]]:
    """A monitor that listens, on an executor of its own."""
    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    try:
        monitor = kind()
        executor = SingleThreadedExecutor()
        executor.add_node(monitor)
        yield monitor, executor
        monitor.destroy_node()
    finally:
        rclpy.shutdown()
