"""The demo as a newcomer and as a plain ROS node see it. One demo serves all tests of this file."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import rclpy
from browser import frame_number, opened, scene_picture
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from chromm_ros.msg import CaptureStatus, HumanArray
from chromm_ros.viewing.server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.serial]

ENOUGH = 6
"""Windows to wait for."""
COLORFUL = 400
"""Different colours of a picture with the coloured scene on it; the empty page has fewer than a hundred."""
PATIENCE = 240.0
"""Seconds until then: the first run on a machine compiles the renderer."""


def demo(*options):
    return subprocess.Popen(
        [sys.executable, '-m', 'chromm_ros.cli', 'demo', *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


class Run:
    """A demo from its start to Ctrl-C, and what plain subscribers heard meanwhile."""

    def __init__(self, folder):
        self.heard = defaultdict(list)
        self.report_file = folder / 'report.json'
        self.node = rclpy.create_node('plain_listener')
        self._listen()
        port = free_port()
        self.process = demo('--report', self.report_file, '--seed', 3, '--port', port)
        try:
            self._watch(port)
        finally:
            if self.process.poll() is None:
                self.process.kill()  # its children die with it
            self.node.destroy_node()

    def _watch(self, port):
        self._spin_until(lambda: len(self.windows()) >= ENOUGH)
        self.second = self._try_a_second_demo()
        with opened(f'http://127.0.0.1:{port}') as page:
            self.first_frame = frame_number(page)
            self.later_frame = frame_number(page, above=self.first_frame)
            self.page_text, self.picture = page.inner_text('body'), self._drawn(page)
        self.children = children_of(self.process.pid)
        asked = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        self.said, _ = self.process.communicate(timeout=30)
        self.stopped_after = time.monotonic() - asked

    def _listen(self):
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for name, kind, topic, qos in (
            ('humans', HumanArray, '/chromm/humans', 10),
            ('scene', PointCloud2, '/chromm/scene', latched),
            ('markers', MarkerArray, '/chromm/markers', 10),
            ('status', CaptureStatus, '/chromm/status', 10),
            ('tf', TFMessage, '/tf_static', QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)),
            ('infos', CameraInfo, '/camera_0/camera_info', qos_profile_sensor_data),
        ):
            self.node.create_subscription(kind, topic, self.heard[name].append, qos)

    def windows(self):
        """Stamps of the windows since the camera could be heard: DDS finds one topic after the other."""
        first = min((stamp_of(info) for info in self.heard['infos']), default=None)
        stamps = [stamp_of(message) for message in self.heard['humans']]
        return [stamp for stamp in stamps if first is not None and stamp >= first]

    def _spin_until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.process.stdout.read()
            assert time.monotonic() < deadline, {name: len(messages) for name, messages in self.heard.items()}
            rclpy.spin_once(self.node, timeout_sec=0.1)

    @staticmethod
    def _drawn(page, patience=120.0):
        """A picture of the page once the scene is on it."""
        deadline = time.monotonic() + patience
        while len(np.unique(scene_picture(page).reshape(-1, 3), axis=0)) < COLORFUL and time.monotonic() < deadline:
            time.sleep(1.0)
        return scene_picture(page)

    def _try_a_second_demo(self):
        second = demo('--headless')
        said, _ = second.communicate(timeout=120)
        return second.returncode, said


def stamp_of(message):
    return message.header.stamp.sec, message.header.stamp.nanosec


def children_of(pid):
    return [int(word) for word in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    rclpy.init(args=[])
    try:
        yield Run(tmp_path_factory.mktemp('demo'))
    finally:
        rclpy.shutdown()


def test_ctrl_c_ends_it_within_five_seconds_and_leaves_no_process(run):
    assert run.process.returncode == 0, run.said
    assert run.stopped_after < 5.0 + 1.0  # the summary is printed after the processes have stopped
    assert len(run.children) == 3
    assert not [pid for pid in run.children if Path(f'/proc/{pid}').exists()]


def test_the_report_is_complete(run):
    report = json.loads(run.report_file.read_text())
    assert set(report) == {
        'seconds', 'image_sets', 'windows', 'delay_ms', 'dropped', 'people', 'ids', 'cameras', 'stages_ms',
    }  # fmt: skip
    assert set(report['ids']) == {'of_each_person', 'published'}
    assert set(report['people']) >= {'truth', 'recall', 'precision', 'head_error_m', 'id_switches'}
    assert set(report['cameras']) == {'rotation_deg_median', 'translation_m_median'}
    assert report['windows'] >= ENOUGH - 1
    assert report['image_sets'] >= report['windows']
    assert report['delay_ms']['p50'] <= report['delay_ms']['p95']


def test_the_stages_of_every_window_add_up_to_its_delay(run):
    statuses = {(s.header.stamp.sec, s.header.stamp.nanosec): s for s in run.heard['status']}
    checked = 0
    for message in run.heard['humans']:
        status = statuses.get((message.header.stamp.sec, message.header.stamp.nanosec))
        if status is not None:
            delay = message.latency.sec + 1e-9 * message.latency.nanosec
            assert sum(status.stage_duration) == pytest.approx(delay, abs=0.005)
            checked += 1
    assert checked >= ENOUGH - 1


def test_plain_subscribers_get_people_scene_markers_and_frames(run):
    assert all(run.heard[name] for name in ('humans', 'scene', 'markers', 'status', 'tf'))
    frames = {transform.child_frame_id for message in run.heard['tf'] for transform in message.transforms}
    assert len(frames) == 4
    assert {message.header.frame_id for message in run.heard['humans']} == {'map'}
    assert {field.name for field in run.heard['scene'][-1].fields} >= {'x', 'y', 'z', 'rgb', 'confidence'}


def test_messages_carry_the_stamps_of_images_that_were_sent(run):
    sent = {stamp_of(info) for info in run.heard['infos']}
    stamps = [stamp_of(message) for message in run.heard['humans']]
    assert stamps == sorted(stamps)
    assert len(sent & set(run.windows())) >= ENOUGH - 2  # best effort: an info may be lost


def test_the_page_shows_the_room_and_goes_on(run):
    assert run.later_frame > run.first_frame
    assert all(f'camera_{index}' in run.page_text for index in range(4))
    assert len(np.unique(run.picture.reshape(-1, 3), axis=0)) >= COLORFUL


def test_a_second_demo_in_the_same_domain_is_refused_in_one_line(run):
    status, said = run.second
    assert status == 1
    assert f'another capture runs in ROS domain {os.environ["ROS_DOMAIN_ID"]}' in said
    assert 'Traceback' not in said


def test_it_says_which_domain_it_uses_and_prints_a_line_per_second(run):
    assert f'ROS domain {os.environ["ROS_DOMAIN_ID"]}' in run.said
    assert 'windows/s' in run.said
    assert 'delay       median' in run.said


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (('--cameras', '9'), 'cameras is 9; it must be between 1 and 8'),
        (('--people', '-1'), 'people is -1'),
        (('--script', 'dance'), "unknown script 'dance'; known are walks, leaves_and_returns"),
        (('--report', '/nowhere/at/all.json'), 'the folder /nowhere/at does not exist'),
    ],
)
def test_bad_options_are_refused_before_anything_starts(options, words):
    refused = demo(*options)
    said, _ = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert words in said
