"""A recording says the same every time: replayed twice into fresh capture nodes, and reconstructed offline."""

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict

import numpy as np
import pytest
import rclpy

from chromm_ros.msg import HumanArray
from chromm_ros.nodes.reconstruct import Options, reconstruct_files
from chromm_ros.nodes.views import pose_matrices
from chromm_ros.recording.bags import BagReader

pytestmark = [pytest.mark.slow, pytest.mark.serial]

CAMERAS = ['-p', 'cameras:=[left, right]']
SECONDS = 8.0


def start(module, *arguments):
    return subprocess.Popen(
        [sys.executable, '-m', module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


def stop(process):
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    return said


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Two synthetic cameras at 4 Hz, inputs only."""
    path = tmp_path_factory.mktemp('replay') / 'bag'
    recorder = start('chromm_ros.cli', 'record', path, '--cameras', 'left', 'right', '--what', 'inputs')
    cameras = start(
        'chromm_ros.nodes.cameras_node',
        '--ros-args',
        *CAMERAS,
        '-p',
        'rate:=4.0',
        '-p',
        'people:=2',
        '-p',
        'seed:=11',
    )
    deadline = time.monotonic() + 180
    while not (path / 'metadata.yaml').exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(SECONDS)
    stop(cameras)
    said = stop(recorder)
    assert recorder.returncode == 0, said
    return path


def replayed(bag):
    """{stamp [ns]: {id: head (3,)}} of a fresh capture node that sees every image set of the bag."""
    rclpy.init(args=[])
    node = rclpy.create_node('listener')
    heard = {}
    node.create_subscription(HumanArray, '/chromm/humans', lambda m: heard.__setitem__(stamp_of(m), heads(m)), 100)
    capture = start(
        'chromm_ros.nodes.capture_node', '--ros-args', *CAMERAS,
        '-p', 'use_sim_time:=true', '-p', 'queue_policy:=block', '-p', 'image_reliability:=reliable',
        '-p', 'sync_queue_size:=100', '-p', 'window_stride:=1', '-p', 'max_interval:=0.0',
    )  # fmt: skip
    try:
        wait_active(node, capture)
        player = start('chromm_ros.cli', 'replay', bag, '--rate', '0.7')
        while player.poll() is None:
            rclpy.spin_once(node, timeout_sec=0.1)
        assert player.returncode == 0, player.stdout.read()
        quiet = time.monotonic()
        count = len(heard)
        while time.monotonic() - quiet < 8.0:  # what the block policy still holds back
            rclpy.spin_once(node, timeout_sec=0.1)
            if len(heard) > count:
                quiet, count = time.monotonic(), len(heard)
    finally:
        said = stop(capture)
        node.destroy_node()
        rclpy.shutdown()
    assert heard, said
    return heard


def wait_active(node, capture, patience=180):
    """Until the capture listens to images."""
    deadline = time.monotonic() + patience
    while node.count_subscribers('/left/image') == 0:
        assert capture.poll() is None, capture.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.2)


def stamp_of(message):
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def heads(message):
    return {human.id: pose_matrices([human.head])[0, :3, 3] for human in message.humans}


def test_the_bag_holds_what_the_cameras_sent(bag):
    counts = defaultdict(int)
    for message in BagReader(bag).messages():
        counts[message.topic] += 1
    assert counts['/left/image'] >= 0.7 * 4 * SECONDS
    assert abs(counts['/left/image'] - counts['/right/image']) <= 2
    assert counts['/tf_static'] >= 1


def test_two_replays_and_the_offline_run_say_the_same(bag, tmp_path):
    first, second = replayed(bag), replayed(bag)
    assert list(first) == list(second)
    for stamp, people in first.items():
        assert list(people) == list(second[stamp])
        for identity, head in people.items():
            np.testing.assert_allclose(head, second[stamp][identity], atol=1e-6)
    reconstruct_files((bag,), Options(out=tmp_path / 'out', window=4, overlap=3, quiet=True))
    with np.load(tmp_path / 'out' / 'people.npz') as offline:
        rows = dict(zip(zip(offline['stamp'].tolist(), offline['id'].tolist()), offline['joints'][:, 15]))
    common = [
        (rows[stamp, i], head) for stamp, people in first.items() for i, head in people.items() if (stamp, i) in rows
    ]
    assert len(common) > 0.6 * sum(len(people) for people in first.values())
    apart = [np.linalg.norm(mine - live) for mine, live in common]
    assert np.median(apart) < 0.02
