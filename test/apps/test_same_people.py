"""The same world gives the same people live, and recorded as a bag, as videos or as folders of pictures."""

import itertools
import operator
import os
import signal
import subprocess
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import rclpy
from peer import Peer
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from recordings import stamped, write_bag
from scipy.optimize import linear_sum_assignment
from sensor_msgs.msg import CameraInfo, Image
from tf2_msgs.msg import TFMessage

from chromm_ros.apps.reconstruct import Options, reconstruct_files
from chromm_ros.msg import Human, HumanArray
from chromm_ros.recording.calibration import CameraFile, write_cameras
from chromm_ros.ros.common.transforms import transform_messages
from chromm_ros.ros.nodes.cameras_node import camera_info
from chromm_ros.ros.outputs.reading import pose_matrices
from chromm_ros.synthetic.scripts import scripted

pytestmark = pytest.mark.slow

NODE = 'chromm_ros.ros.nodes.capture_node'
CAMERAS = ('camera_0', 'camera_1', 'camera_2', 'camera_3')
RATES = {'camera_0': 10, 'camera_1': 20, 'camera_2': 30, 'camera_3': 10}
STARTED_LATER = {'camera_3': 0.4}
"""Seconds after the others, by hand: the time stamps of its video begin at zero."""
START = 1_000 * 10**9
SECONDS = 2.0
TOLERANCE = 0.02
"""Heads at equal instants [m]."""
LOST = {'camera_1': (7, 8, 15), 'camera_2': (21,)}
"""Pictures that a folder lacks."""


@pytest.fixture(scope='module')
def world():
    made = scripted('crossing', 3, len(CAMERAS))
    return made, {round(time * 60): made.render(float(time)) for time in np.arange(round(60 * SECONDS)) / 60}


def picture(world, camera, time):
    return world[1][round(time * 60)].images[CAMERAS.index(camera), 0]


@pytest.fixture(scope='module')
def calibration(world, tmp_path_factory):
    frames = world[1][0]
    path = tmp_path_factory.mktemp('rig') / 'cameras.json'
    height, width = frames.images.shape[2:4]
    known = {
        name: CameraFile(frames.intrinsics[index, 0], frames.world_from_camera[index, 0], width, height)
        for index, name in enumerate(CAMERAS)
    }
    write_cameras(path, known)
    return path


def times(rate, begin=0.0):
    return np.arange(round(begin * rate), round(SECONDS * rate)) / rate


def messages(world, start, lost=()):
    """Ten image sets per second as the demo sends them: (topic, time [ns], message), TF first."""
    frames = world[1][0]
    poses = dict(zip((f'{name}_optical' for name in CAMERAS), frames.world_from_camera[:, 0]))
    yield '/tf_static', start, TFMessage(transforms=transform_messages('map', poses, start))
    for number, time in enumerate(times(10)):
        stamp = start + round(time * 1e9)
        for index, name in enumerate(CAMERAS):
            if number in dict(lost).get(name, ()):
                continue
            pixels = picture(world, name, time)
            height, width = pixels.shape[:2]
            fields = camera_info(frames.intrinsics[index, 0], width, height, None)
            info = CameraInfo(**{key: value for key, value in fields.items() if key != 'header'})
            yield f'/{name}/camera_info', stamp, stamped(info, stamp, f'{name}_optical')
            image = Image(height=height, width=width, encoding='rgb8', step=3 * width, data=pixels.tobytes())
            yield f'/{name}/image', stamp, stamped(image, stamp, f'{name}_optical')


def live_run(world, lost=()):
    """{instant [ms]: {id: head (3,)}} as the capture node published it while the images came in over DDS."""
    rclpy.init(args=[])
    words = ('preset:=tiny', 'queue_policy:=block', 'image_reliability:=reliable')
    arguments = [word for one in words for word in ('-p', one)]
    capture = subprocess.Popen([sys.executable, '-m', NODE, '--ros-args', *arguments], env=os.environ)
    peer = Peer()
    try:
        profile = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
        topics = {topic: type(message) for topic, _, message in messages(world, START, lost)}
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        senders = {
            topic: peer.peer.create_publisher(kind, topic, latched if topic == '/tf_static' else profile)
            for topic, kind in topics.items()
        }
        peer.listen(HumanArray, '/chromm/humans', profile)
        peer.until(
            lambda: capture.poll() is not None or all(sender.get_subscription_count() for sender in senders.values())
        )
        assert capture.poll() is None
        start = peer.peer.get_clock().now().nanoseconds
        for topic, _, message in messages(world, start, lost):  # what a rig has long been sending
            if not topic.endswith('image'):
                senders[topic].publish(message)
        peer.until(lambda: peer.peer.get_clock().now().nanoseconds > start + 10**9)
        start = peer.peer.get_clock().now().nanoseconds
        for _, of_set in itertools.groupby(messages(world, start, lost), key=operator.itemgetter(1)):
            for topic, stamp, message in of_set:
                peer.until(lambda stamp=stamp: peer.peer.get_clock().now().nanoseconds >= stamp)
                senders[topic].publish(message)
        heard = peer.heard['/chromm/humans']
        last = start + round(times(10)[-1] * 1e9)
        peer.until(lambda: any(stamp_of(one) == last for one in heard))
        return {
            round((stamp_of(message) - start) / 1e6): {
                human.id: pose_matrices([human.head])[0, :3, 3]
                for human in message.humans
                if human.state == Human.TRACKED
            }
            for message in heard
        }
    finally:
        peer.close()
        rclpy.shutdown()
        capture.send_signal(signal.SIGINT)
        capture.wait(60)


def stamp_of(message):
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def as_videos(world, folder):
    """Lossless, so that nothing but the time stamps can make a difference."""
    paths = []
    for name in CAMERAS:
        path = folder / f'{name}.mkv'
        begin = STARTED_LATER.get(name, 0.0)
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('ffv1', rate=30)
            stream.width, stream.height, stream.pix_fmt = 192, 144, 'bgr0'
            stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
            for time in times(RATES[name], begin):
                frame = av.VideoFrame.from_ndarray(picture(world, name, time), format='rgb24').reformat(format='bgr0')
                frame.pts, frame.time_base = round(1000 * (time - begin)), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        paths.append(path)
    return tuple(paths)


def as_folders(world, folder, lost=()):
    for name in CAMERAS:
        (folder / name).mkdir(parents=True)
        for number, time in enumerate(times(10)):
            if number not in dict(lost).get(name, ()):
                pixels = picture(world, name, time)
                cv2.imwrite(str(folder / name / f'{number:04}.png'), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return tuple(folder / name for name in CAMERAS)


def people(inputs, out, **options):
    """{instant [ms]: {id: head (3,)}} of a run as the live node works: windows of 4 steps, one new one each."""
    reconstruct_files(inputs, Options(out=out, quiet=True, preset='tiny', window=4, overlap=3, **options))
    with np.load(out / 'people.npz') as content:
        stamps, ids, heads = content['stamp'], content['id'], content['joints'][:, 15]
    zero = START if stamps.min() >= START else 0
    found = {}
    for stamp, identity, head in zip(stamps, ids, heads):
        found.setdefault(round((int(stamp) - zero) / 1e6), {})[int(identity)] = head
    return found


def distances(one, other):
    """Distances of the heads [m] at equal instants, people paired once for all of them."""
    shared = sorted(one.keys() & other.keys())
    names = [sorted({name for time in shared for name in run[time]}) for run in (one, other)]
    apart = np.full((len(names[0]), len(names[1])), 1e3)
    for row, a in enumerate(names[0]):
        for column, b in enumerate(names[1]):
            both = [time for time in shared if a in one[time] and b in other[time]]
            if both:
                apart[row, column] = np.median([np.linalg.norm(one[t][a] - other[t][b]) for t in both])
    pairs = [(names[0][r], names[1][c]) for r, c in zip(*linear_sum_assignment(apart))]
    return np.array(
        [
            np.linalg.norm(one[time][a] - other[time][b])
            for time in shared
            for a, b in pairs
            if a in one[time] and b in other[time]
        ]
    )


def seen(run):
    return sum(len(now) for now in run.values())


@pytest.fixture(scope='module')
def live(world):
    found = live_run(world)
    assert len(found) == len(times(10))
    assert seen(found) >= 2 * len(found) - 2
    return found


def agree(live, found, share=1.0):
    """At every instant that both know, everybody is in both, at the same place."""
    apart = distances(live, found)
    assert len(apart) >= share * seen({time: now for time, now in live.items() if time in found}) > 12
    assert apart.max() < TOLERANCE


def test_a_bag_gives_the_people_of_the_live_run(world, live, tmp_path):
    found = people((write_bag(tmp_path / 'bag', messages(world, START)),), tmp_path / 'out')
    assert seen(found) == seen(live)
    agree(live, found)


def test_videos_of_different_rates_and_starts_give_the_people_of_the_live_run(world, live, calibration, tmp_path):
    paths = as_videos(world, tmp_path)
    offsets = tuple(f'{name}={seconds}' for name, seconds in STARTED_LATER.items())
    found = people(paths, tmp_path / 'out', calibration=calibration, offset=offsets)
    agree({time: now for time, now in live.items() if time > 1000 * max(STARTED_LATER.values()) + 400}, found, 0.95)


def test_folders_of_pictures_give_the_people_of_the_live_run(world, live, calibration, tmp_path):
    found = people(as_folders(world, tmp_path / 'f'), tmp_path / 'out', calibration=calibration, rate=10.0)
    assert seen(found) == seen(live)
    agree(live, found)


def test_folders_with_lost_pictures_give_the_people_of_a_live_run_that_lost_the_same(world, calibration, tmp_path):
    live = live_run(world, LOST.items())
    found = people(
        as_folders(world, tmp_path / 'f', LOST.items()), tmp_path / 'out', calibration=calibration, rate=10.0
    )
    assert seen(found) == seen(live)
    agree(live, found)
