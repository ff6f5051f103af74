"""The synthetic cameras publish what real drivers publish, and the truth with the same stamp."""

from pathlib import Path

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseArray
from peer import Peer
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage

from chromm_ros.apps.demo import demo
from chromm_ros.intake.decoding import decode
from chromm_ros.intake.image_cdr import read_compressed, read_image
from chromm_ros.intake.lens import Rectifier, lens_of
from chromm_ros.msg import HumanArray
from chromm_ros.ros.common import launching
from chromm_ros.ros.common.parameters import ParameterError
from chromm_ros.ros.common.settings import CamerasSettings
from chromm_ros.ros.nodes.cameras_node import CamerasNode
from chromm_ros.settings import leaves
from chromm_ros.synthetic.scripts import SCRIPTS, scripted

LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
SIZE = (96, 72)
ROOT = Path(__file__).parents[3]


class Room(Peer):
    """A cameras node in this process and somebody who listens."""

    def __init__(self, **parameters):
        values = {
            'cameras': ['left', 'right'],
            'people': 2,
            'seed': 3,
            'width': SIZE[0],
            'height': SIZE[1],
            **parameters,
        }
        self.node = CamerasNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
        super().__init__(self.node)


@pytest.fixture
def room():
    rclpy.init(args=[])
    rooms = []

    def make(**parameters):
        rooms.append(Room(**parameters))
        return rooms[-1]

    yield make
    for one in rooms:
        one.close()
    rclpy.shutdown()


def stamp(message):
    return message.header.stamp.sec, message.header.stamp.nanosec


def test_images_calibration_tf_and_truth_belong_together(room):
    one = room()
    for kind, topic, qos in (
        (Image, 'left/image', 10),
        (CameraInfo, 'left/camera_info', 10),
        (HumanArray, '/synthetic/truth', 10),
        (PoseArray, '/synthetic/cameras', LATCHED),
        (TFMessage, '/tf_static', LATCHED),
    ):
        one.listen(kind, topic, qos)
    one.until(lambda: len(one.heard) == 5 and len(one.heard['/synthetic/truth']) >= 3)
    image, info = one.heard['left/image'][-1], one.heard['left/camera_info'][-1]
    assert image.header.frame_id == 'left_optical_frame'
    assert decode(read_image(serialize_message(image))).shape == (SIZE[1], SIZE[0], 3)
    intrinsics, _ = one.node.world.cameras(0.0)
    np.testing.assert_allclose(Rectifier(lens_of(info)).intrinsics(*SIZE), intrinsics[0])
    truth_stamps = {stamp(message) for message in one.heard['/synthetic/truth']}
    assert truth_stamps & {stamp(message) for message in one.heard['left/image']}
    frames = {transform.child_frame_id for transform in one.heard['/tf_static'][-1].transforms}
    assert frames == {'left_optical_frame', 'right_optical_frame'}
    assert len(one.heard['/synthetic/cameras'][-1].poses) == 2
    people = one.heard['/synthetic/truth'][-1].humans
    assert people
    assert all(len(person.joints) == 55 and person.height > 1.0 for person in people)
    assert all(seen.view < 2 for person in people for seen in person.observations)


def test_compressed_cameras_can_be_stopped_and_started(room):
    one = room(compressed=True, people=0)
    one.listen(CompressedImage, 'left/image/compressed')
    one.listen(CompressedImage, 'right/image/compressed')
    one.until(lambda: len(one.heard) == 2)
    left = one.heard['left/image/compressed'][-1]
    assert decode(read_compressed(serialize_message(left))).shape == (SIZE[1], SIZE[0], 3)

    (result,) = one.node.set_parameters([Parameter('stopped', value=['right'])])
    assert result.successful
    one.until(lambda: len(one.heard['left/image/compressed']) >= 5)
    silent = len(one.heard['right/image/compressed'])
    more = len(one.heard['left/image/compressed']) + 5
    one.until(lambda: len(one.heard['left/image/compressed']) >= more)
    assert len(one.heard['right/image/compressed']) == silent

    one.node.set_parameters([Parameter('stopped', value=[''])])
    one.until(lambda: len(one.heard['right/image/compressed']) > silent)
    (refused,) = one.node.set_parameters([Parameter('stopped', value=['middle'])])
    assert 'unknown camera' in refused.reason


@pytest.mark.parametrize('script', SCRIPTS)
def test_scripts_bring_their_people_and_are_named_where_people_choose_them(room, script):
    one = room(cameras=['a', 'b', 'c', 'd'], people=0, script=script)
    expected = scripted(script, 3, 4, SIZE)
    np.testing.assert_allclose(one.node.world.people(1.0).joints, expected.people(1.0).joints)
    (leaf,) = (leaf for leaf in leaves(CamerasSettings()) if leaf.name == 'script')
    files = [(ROOT / 'Makefile').read_text(), ' '.join(launching.SCRIPTS)]
    assert all(script in text for text in (leaf.help, demo.__doc__, *files))


def test_scripts_that_are_unknown_or_have_too_few_cameras_are_refused(room):
    with pytest.raises(ParameterError, match="unknown script 'dance'; known are walks, leaves_and_returns"):
        room(script='dance')
    with pytest.raises(ParameterError, match='with 1 cameras'):
        room(cameras=['a'], script='crossing')


@pytest.mark.parametrize(
    'parameters', [{'cameras': ['a', 'a']}, {'cameras': [f'c{k}' for k in range(9)]}, {'rate': 0.0}, {'pepole': 3}]
)
def test_impossible_rooms_are_refused(room, parameters):
    with pytest.raises(ParameterError):
        room(**parameters)
