"""A recording of the demo says the same every time: replayed twice into fresh nodes, and reconstructed offline."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
import rclpy
from rclpy.serialization import deserialize_message
from scipy.optimize import linear_sum_assignment

from chromm_ros.apps.reconstruct import Options, reconstruct_files
from chromm_ros.msg import Human, HumanArray
from chromm_ros.recording.bags import BagReader
from chromm_ros.ros.outputs.reading import pose_matrices

pytestmark = [pytest.mark.slow, pytest.mark.serial]

SECONDS = 20
RATE = 5
"""Image sets per second: half of what the demo usually sends, for the sake of the tests' time."""
OF_THE_CLOCK = {'.session', '.latency', '.margin', '.placed'}
"""Fields that are new for every run, or hold the time that it took: the margin covers what people walk meanwhile, and
beyond a useful margin nobody has a place."""
SAME_PERSON = 0.5
"""Distance of heads within which two estimates are of one person [m]."""


def start(module, *arguments, output=subprocess.DEVNULL):
    words = [sys.executable, '-m', module, *map(str, arguments)]
    return subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT, text=True, env=os.environ)


def stop(process):
    process.send_signal(signal.SIGINT)
    return process.wait(timeout=60)


def wait_for(condition, process, patience=180):
    deadline = time.monotonic() + patience
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """The demo, inputs and outputs."""
    folder = tmp_path_factory.mktemp('replay')
    said = folder / 'demo.log'
    with said.open('w') as log:
        world = ('--script', 'leaves_and_returns', '--seed', 0)
        demo = start('chromm_ros.cli', 'demo', '--headless', '--rate', RATE, *world, output=log)
    try:
        wait_for(lambda: 'windows/s' in said.read_text(), demo)
        recorder = start('chromm_ros.cli', 'record', folder / 'bag', '--duration', SECONDS)
        assert recorder.wait(timeout=SECONDS + 60) == 0
    finally:
        assert stop(demo) == 0
    return folder / 'bag'


@pytest.fixture(scope='module')
def replays(bag):
    """Messages of two fresh capture nodes that see every image set of the recording."""
    return replayed(bag), replayed(bag)


def replayed(bag):
    rclpy.init(args=[])
    node = rclpy.create_node('listener')
    heard = []
    node.create_subscription(HumanArray, '/chromm/humans', heard.append, 1000)
    chosen = ('use_sim_time:=true', 'preset:=tiny', 'queue_policy:=block', 'image_reliability:=reliable')
    parameters = [word for one in chosen for word in ('-p', one)]
    capture = start('chromm_ros.ros.nodes.capture_node', '--ros-args', *parameters)
    try:
        wait_for(lambda: node.count_subscribers('/camera_0/image'), capture)
        player = start('chromm_ros.cli', 'replay', bag, '--inputs-only')
        while player.poll() is None:
            rclpy.spin_once(node, timeout_sec=0.1)
        assert player.returncode == 0
        quiet, count = time.monotonic(), len(heard)
        while time.monotonic() - quiet < 6.0:  # what the block policy still holds back
            rclpy.spin_once(node, timeout_sec=0.1)
            if len(heard) > count:
                quiet, count = time.monotonic(), len(heard)
    finally:
        stop(capture)
        node.destroy_node()
        rclpy.shutdown()
    return heard


def stamp_of(message):
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec


def fields(value, place=''):
    """(place, value) of everything in a message that a second run must say again."""
    if hasattr(value, 'get_fields_and_field_types'):
        for name in value.get_fields_and_field_types():
            if f'.{name}' not in OF_THE_CLOCK:
                yield from fields(getattr(value, name), f'{place}.{name}')
    elif hasattr(value, '__len__') and not isinstance(value, str | bytes):
        yield f'{place} length', len(value)
        for index, item in enumerate(value):
            yield from fields(item, f'{place}[{index}]')
    else:
        yield place, value


def heads_of(messages):
    """{stamp [ns]: {id: head (3,)}} of the people who were seen."""
    return {
        stamp_of(message): {
            human.id: pose_matrices([human.head])[0, :3, 3]
            for human in message.humans
            if human.state == Human.TRACKED
        }
        for message in messages
    }


def reconstructed(bag, out, **options):
    reconstruct_files((bag,), Options(out=out, quiet=True, preset='tiny', **options))
    found = {}
    with np.load(out / 'people.npz') as rows:
        for stamp, identity, joints in zip(rows['stamp'].tolist(), rows['id'].tolist(), rows['joints']):
            found.setdefault(stamp, {})[identity] = joints[15]
    return found


@dataclass
class Agreement:
    """How far two runs say the same about the stamps that both processed."""

    people: int
    """In the first run."""
    distances: np.ndarray
    """Of the heads of those whom the second run has, too [m]."""
    same_id: float
    """Part of them whose ids correspond one to one."""


def agreement(first, second):
    people, distances, pairs = 0, [], Counter()
    for stamp in set(first) & set(second):
        people += len(first[stamp])
        for mine, other, distance in matches(first[stamp], second[stamp]):
            pairs[mine, other] += 1
            distances.append(distance)
    ours, theirs = (sorted({pair[side] for pair in pairs}) for side in (0, 1))
    table = np.array([[pairs[mine, other] for other in theirs] for mine in ours])
    return Agreement(people, np.array(distances), table[linear_sum_assignment(-table)].sum() / table.sum())


def matches(first, second):
    if not first or not second:
        return
    ours, theirs = list(first), list(second)
    apart = np.linalg.norm(np.array([first[k] for k in ours])[:, None] - [second[k] for k in theirs], axis=-1)
    for row, column in zip(*linear_sum_assignment(apart)):
        if apart[row, column] < SAME_PERSON:
            yield ours[row], theirs[column], apart[row, column]


def test_every_recorded_image_set_is_replayed(bag, replays):
    counts = BagReader(bag).counts()
    images = min(counts[f'/camera_{index}/image'] for index in range(4))
    assert images >= 0.7 * RATE * SECONDS
    assert counts['/chromm/humans'] >= 0.5 * SECONDS
    for replay in replays:
        assert images - 2 <= len(replay) <= images  # the recording may begin and end within a set


def test_two_replays_say_the_same(replays):
    first, second = replays
    numbers = 0
    for one, other in zip(first, second, strict=True):
        for (place, value), (where, again) in zip(fields(one), fields(other), strict=True):
            assert place == where
            if isinstance(value, float | np.floating):
                numbers += 1
                assert abs(value - again) <= 1e-6 or (np.isnan(value) and np.isnan(again)), place
            else:
                assert value == again, place
    assert numbers > 1000 * len(first)


def test_a_replay_finds_the_people_of_the_live_run(bag, replays):
    live = [deserialize_message(message.data, HumanArray) for message in BagReader(bag).messages(['/chromm/humans'])]
    found = agreement(heads_of(live), heads_of(replays[0]))
    assert found.people > SECONDS
    # the live run leaves image sets out, many on a busy machine, so its windows are others
    assert len(found.distances) >= 0.8 * found.people
    assert np.median(found.distances) < 0.03
    assert found.same_id >= 0.6


def test_an_offline_run_with_the_windows_of_the_node_says_the_same(bag, replays, tmp_path):
    offline = reconstructed(bag, tmp_path / 'out', window=4, overlap=3)
    found = agreement(heads_of(replays[0]), offline)
    assert len(found.distances) >= 0.99 * found.people
    assert np.median(found.distances) < 1e-5
    assert found.same_id >= 0.99


def test_an_offline_run_in_long_windows_finds_the_same_people(bag, replays, tmp_path):
    """The network sees other images beside each image, so that its numbers differ."""
    found = agreement(heads_of(replays[0]), reconstructed(bag, tmp_path / 'out'))
    assert len(found.distances) >= 0.85 * found.people
    assert np.median(found.distances) < 0.05
