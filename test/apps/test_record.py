"""Record and replay between processes, on plain topics."""

import os
import signal
import subprocess
import sys
import time

import pytest
import rclpy
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo

from chromm_ros.apps.inputs import InputFlags, inputs_of
from chromm_ros.apps.record import bag_qos, known_types, missing, topic_names
from chromm_ros.msg import Human, HumanArray
from chromm_ros.recording.bags import BagReader, BagWriter, Topic

SECOND = 1_000_000_000


def chromm(*words):
    return subprocess.Popen(
        [sys.executable, '-m', 'chromm_ros.cli', *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ,
    )


@pytest.fixture
def node():
    rclpy.init(args=[])
    made = rclpy.create_node('plain')
    yield made
    made.destroy_node()
    rclpy.shutdown()


def test_topics_of_inputs_and_outputs_make_both():
    chosen = inputs_of(InputFlags(cameras=('left', 'right')))
    both = topic_names(chosen, 'both')
    assert both == topic_names(chosen, 'inputs') | topic_names(chosen, 'outputs')
    assert '/left/image' in topic_names(chosen, 'inputs')
    assert '/chromm/humans' not in topic_names(chosen, 'inputs')


def test_topics_are_named_as_the_node_reads_them():
    flags = InputFlags(
        cameras=('left',), image_topic='{camera}/color/image_raw', image_transport='compressed', namespace='robot1'
    )
    names = topic_names(inputs_of(flags), 'both')
    assert '/robot1/left/color/image_raw/compressed' in names
    assert '/robot1/left/color/image_raw' not in names
    assert {'/robot1/tf_static', '/tf_static', '/robot1/chromm/humans'} <= names


def test_what_a_recording_lacks_is_said():
    flags = InputFlags(cameras=('a', 'b', 'c'), image_topic='/cam/{camera}/color/image_raw', namespace='r1')
    counts = {'/cam/a/color/image_raw': 9, '/r1/a/camera_info': 9, '/cam/b/color/image_raw/compressed': 9}
    calibration, image = missing(inputs_of(flags), counts)
    assert calibration.startswith('no calibration of b: nothing came on /r1/b/camera_info')
    assert image.startswith('no image of c: nothing came on /cam/c/color/image_raw or')


@pytest.mark.slow
@pytest.mark.serial
def test_what_was_published_is_in_the_bag_after_ctrl_c(tmp_path, node):
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    humans = node.create_publisher(HumanArray, '/chromm/humans', 10)
    infos = node.create_publisher(CameraInfo, '/left/camera_info', latched)
    infos.publish(CameraInfo(width=7))
    recorder = chromm('record', tmp_path / 'bag', '--cameras', 'left')
    wait_for(lambda: humans.get_subscription_count() == 1)
    for window in range(30):
        humans.publish(HumanArray(window=window, humans=[Human(id=window)]))
        time.sleep(0.02)
    time.sleep(1.0)
    recorder.send_signal(signal.SIGINT)
    said, _ = recorder.communicate(timeout=60)
    assert recorder.returncode == 0, said
    reader = BagReader(tmp_path / 'bag')
    types = reader.types()
    found = {topic.name: [] for topic in reader.topics()}
    for message in reader.messages():
        found[message.topic].append(types.deserialize_cdr(message.data, message.type))
    assert [message.humans[0].id for message in found['/chromm/humans']] == list(range(30))
    assert [message.width for message in found['/left/camera_info']] == [7]


@pytest.mark.slow
@pytest.mark.serial
def test_a_replayed_bag_says_the_same_at_its_rate_with_a_clock(tmp_path, node):
    write_bag(tmp_path / 'bag', seconds=4.0)
    heard, clock = [], []
    node.create_subscription(HumanArray, '/chromm/humans', lambda m: heard.append((time.monotonic(), m.window)), 100)
    node.create_subscription(Clock, '/clock', lambda m: clock.append(m.clock.sec + 1e-9 * m.clock.nanosec), 100)
    player = chromm('replay', tmp_path / 'bag', '--rate', '2')
    spin_while(node, lambda: player.poll() is None)
    assert player.returncode == 0, player.stdout.read()
    assert [window for _, window in heard] == list(range(40))
    assert 1.5 < heard[-1][0] - heard[0][0] < 4.0
    assert clock == sorted(clock)
    assert clock[-1] - clock[0] == pytest.approx(3.9, abs=0.05)


@pytest.mark.serial
def test_a_bag_that_is_none_is_one_clear_line(tmp_path):
    player = chromm('replay', tmp_path)
    said, _ = player.communicate(timeout=60)
    assert player.returncode == 1
    assert 'is not a bag' in said
    assert 'Traceback' not in said


def write_bag(path, seconds):
    types = known_types()
    topic = Topic('/chromm/humans', 'chromm_ros/msg/HumanArray', (bag_qos(reliable=True, latched=False),))
    with BagWriter(path, types) as bag:
        bag.add_topic(topic)
        for window in range(int(10 * seconds)):
            bag.write(topic.name, 100 * SECOND + window * SECOND // 10, serialize_message(HumanArray(window=window)))


def wait_for(condition, patience=60.0):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def spin_while(node, condition, patience=120.0):
    deadline = time.monotonic() + patience
    while condition() and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    for _ in range(10):
        rclpy.spin_once(node, timeout_sec=0.02)
