"""Depth of cameras from live topics and from bags."""

import numpy as np
import pytest
import rclpy
from rclpy.serialization import serialize_message
from recordings import cameras, image, write_bag

from chromm_ros.intake.assembly import Assembler
from chromm_ros.intake.rig_buffer import MatchedSet
from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.ros.common.settings import NodeSettings
from chromm_ros.ros.inputs.bag_source import BagSource
from chromm_ros.ros.inputs.camera_topics import CameraTopics, camera_inputs

DEPTH = 8 * 257 / 1000
"""Metres of an image of which each byte is 8."""


def depth(stamp, frame, _number=0):
    return image(stamp, frame, 8, '16UC1', 2)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    events = cameras('/{}/image') + cameras('/{}/depth/image_raw', ('front',), make=depth, info_pattern='')
    return write_bag(tmp_path_factory.mktemp('depth') / 'bag', events)


def test_depth_of_a_bag_comes_with_the_images_of_its_camera(bag):
    settings = IntakeSettings(depth_topic='{camera}/depth/image_raw')
    source = BagSource(bag, settings, given={'depth_topic'})
    sets = list(source)
    assert source.views == ('front', 'left')
    found = [images.views['front'].depth for images in sets]
    assert sum(one is not None for one in found) >= len(sets) - 1
    np.testing.assert_allclose(found[-2], np.full(found[-2].shape, DEPTH), rtol=1e-5)
    assert all(images.views['left'].depth is None for images in sets)
    assert any('/left/depth/image_raw' in note for note in source.notes)


def test_without_the_setting_depth_is_left_alone(bag):
    assert all(view.depth is None for images in BagSource(bag) for view in images.views.values())


def test_live_depth_reaches_the_assembler():
    context = rclpy.Context()
    rclpy.init(args=[], context=context)
    node = rclpy.create_node('depth_topics', context=context)
    settings = NodeSettings(cameras=('front', 'left'), depth_topic='{camera}/depth')
    assembler = Assembler(camera_inputs(settings), lambda frame, stamp: None)
    topics = CameraTopics(node, settings, assembler)
    try:
        by_topic = {subscription.topic_name: subscription for subscription in topics.subscriptions}
        assert {'/front/depth', '/left/depth', '/front/image', '/front/camera_info'} <= set(by_topic)
        by_topic['/front/depth'].callback(serialize_message(depth(10**9, 'front')))
        by_topic['/left/depth'].callback(b'not a message')
        raw = serialize_message(image(10**9, 'front'))
        views = assembler.assemble(MatchedSet(10**9, {'front': raw}, {'front': 10**9}), 1).views
        np.testing.assert_allclose(views['front'].depth[0, 0], DEPTH, rtol=1e-5)
        assert assembler.findings('left')
    finally:
        topics.destroy()
        node.destroy_node()
        context.try_shutdown()
