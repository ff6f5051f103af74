"""Parameters that cannot work together are refused by name, before anything is started."""

import dataclasses

import pytest

from chromm_ros.ros.common.parameter_checks import check
from chromm_ros.ros.common.parameters import ParameterError
from chromm_ros.ros.common.settings import NodeSettings

RIG = dataclasses.replace(NodeSettings(), cameras=('left', 'right'))


def test_the_defaults_fit_together():
    check(NodeSettings())
    check(dataclasses.replace(RIG, image_topic='/robot/{camera}/image_raw', camera_info_topic='{camera}/info'))


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        ({'cameras': ()}, 'at least one'),
        ({'cameras': ('left', 'left')}, 'different names'),
        ({'cameras': ('left', '')}, 'different names'),
        ({'cameras': ('left eye', 'right')}, "'left eye/image', which is no name for a topic"),
        ({'min_views': 3}, 'there are 2 cameras'),
        ({'world_frame': ''}, 'world_frame'),
        ({'world_frame': '/map'}, 'without a /'),
        ({'image_topic': 'image'}, 'its own topic'),
        ({'image_topic': '{camera}/{eye}'}, 'only the placeholder'),
        ({'image_topic': '{camera.eye}'}, 'only the placeholder'),
        ({'image_topic': '{camera'}, 'only the placeholder'),
        ({'image_topic': '{camera}/bad topic'}, 'must not contain'),
        ({'camera_info_topic': '{camera}//info'}, 'camera_info_topic'),
        ({'camera_info_topic': ''}, 'must not be empty'),
        ({'cameras': ('left', '/left')}, 'its own topic'),
        ({'camera_frame_prefix': '{robot}/'}, 'only the placeholder {node}'),
        ({'cameras': ('left',), 'image_topic': ''}, 'must not be empty'),
    ],
)
def test_contradictions_are_refused_by_name(changes, text):
    with pytest.raises(ParameterError, match=text):
        check(dataclasses.replace(RIG, **changes))


def test_a_single_camera_needs_no_placeholder():
    check(dataclasses.replace(RIG, cameras=('left',), image_topic='/image_raw', camera_info_topic='/camera_info'))


def test_the_namespace_decides_whether_two_topics_are_one():
    rig = dataclasses.replace(RIG, cameras=('left', '/left'))
    check(rig, '/robot1')
    with pytest.raises(ParameterError, match='its own topic'):
        check(rig, '/')
