"""A bag played in this process: one clock, skipped pauses, types that are not installed, outputs left out."""

import pytest
import rclpy
from builtin_interfaces.msg import Time
from recordings import START, cameras, image, transform, write_bag
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg
from rosgraph_msgs.msg import Clock

from chromm_ros.apps.record import known_types
from chromm_ros.apps.replay import CLOCK, Player, _duration
from chromm_ros.recording.bags import BagReader

YEAR = 31_557_600 * 10**9


@pytest.fixture
def ros():
    rclpy.init(args=[])
    yield
    rclpy.try_shutdown()


class Ear:
    """Takes the place of the publishers of a player."""

    def __init__(self, player):
        self.heard = []
        self.clock = []
        for topic in player._publishers_by_topic:
            player._publishers_by_topic[topic] = self.on(topic)
        if player._clock_publisher is not None:
            player._clock_publisher = self

    def on(self, topic):
        ear = self

        class One:
            def publish(self, data):
                ear.heard.append((topic, data))

        return One()

    def publish(self, message):
        self.clock.append(message.clock.sec * 10**9 + message.clock.nanosec)


def played(path, said, **options):
    player = Player(BagReader(path), 100.0, tell=said.append, **options)
    ear = Ear(player)
    player.play()
    player.destroy_node()
    return ear


@pytest.mark.parametrize('space', ['', '/robot1', '/fleet/robot_2'])
def test_static_frames_and_calibrations_come_first_in_any_namespace(ros, tmp_path, space):
    events = cameras(f'{space}/{{}}/image', ('front',), 5, info_pattern=f'{space}/{{}}/camera_info')
    events.append((f'{space}/tf_static', START + 10**8, transform(START, 'map', 'front_optical')))
    player = Player(BagReader(write_bag(tmp_path / 'bag', events)), 100.0)
    ear = Ear(player)
    player.prime()
    player.destroy_node()
    assert {topic for topic, _ in ear.heard} == {f'{space}/front/camera_info', f'{space}/tf_static'}


@pytest.mark.parametrize('pause', [2 * 60 * 10**9, 53 * YEAR])
def test_long_pauses_are_skipped_and_told(ros, tmp_path, pause):
    begin = max(START - pause, 0)
    events = [*cameras('/{}/image', ('front',), 5), ('/tf_static', begin, transform(begin, 'map', 'front_optical'))]
    said = []
    ear = played(write_bag(tmp_path / 'bag', events), said)
    assert len(ear.heard) == 11
    assert len(ear.clock) < 100
    (sentence,) = said
    assert 'without messages skipped' in sentence


def test_the_clock_of_a_bag_is_the_only_one(ros, tmp_path):
    events = cameras('/{}/image', ('front',), 5)
    events += [('/clock', at, Clock(clock=Time(sec=50 + k))) for k, (_, at, _) in enumerate(events[::2])]
    ear = played(write_bag(tmp_path / 'bag', events), [])
    assert not ear.clock
    assert sum(topic == CLOCK for topic, _ in ear.heard) == 5


def test_a_bag_without_a_clock_gets_one_that_never_goes_back(ros, tmp_path):
    ear = played(write_bag(tmp_path / 'bag', cameras('/{}/image', ('front',), 5)), [])
    assert ear.clock == sorted(ear.clock)
    assert ear.clock[-1] == START + 4 * (10**9 // 15) + 10**6


def test_types_that_are_not_installed_are_left_out_with_one_line(ros, tmp_path):
    types = known_types()
    types.register(get_types_from_msg('float64 x\n', 'my_robot_msgs/msg/Thing'))
    message = types.types['my_robot_msgs/msg/Thing'](1.0)
    with Writer(tmp_path / 'bag', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        thing = writer.add_connection('/thing', 'my_robot_msgs/msg/Thing', typestore=types)
        front = writer.add_connection('/front/image', 'sensor_msgs/msg/Image', typestore=types)
        writer.write(thing, START, types.serialize_cdr(message, 'my_robot_msgs/msg/Thing'))
        writer.write(front, START, rclpy.serialization.serialize_message(image(START)))
    said = []
    ear = played(tmp_path / 'bag', said)
    assert [topic for topic, _ in ear.heard] == ['/front/image']
    assert said == ['/thing is left out: its type my_robot_msgs/msg/Thing is not installed here']


@pytest.mark.parametrize(
    ('seconds', 'words'), [(61, '61 seconds'), (300, '5.0 minutes'), (7200 * 2, '4.0 hours'), (1.7e9, '53.9 years')]
)
def test_durations_are_words(seconds, words):
    assert _duration(int(seconds * 1e9)) == words
