"""RViz gets one body and one label per person, and is told when a person is gone."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from standins import PARENTS, StandInBody, human
from visualization_msgs.msg import Marker, MarkerArray

from chromm_ros.flow import HumanState
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of, meshes_of
from chromm_ros.ros.outputs.markers import capsules, deletions, labels, meshes, skeletons
from chromm_ros.viewing.colors import identity_color

HUMANS = [human(1, 0), human(2, 0, state=HumanState.PREDICTED)]


def published(markers):
    return deserialize_message(cdr.encode(MarkerArray, {'markers': markers}), MarkerArray).markers


def bodies():
    return body_shapes_of(HUMANS, StandInBody())


def test_skeleton_joins_every_joint_to_its_parent():
    first, _ = published(skeletons(HUMANS, PARENTS, 5, 'map'))
    assert first.type == Marker.LINE_LIST
    assert len(first.points) == 2 * 54
    ends = np.array([(p.x, p.y, p.z) for p in first.points[-2:]])
    np.testing.assert_allclose(ends, HUMANS[0].joints[[53, 54]])


BODIES = [
    lambda: skeletons(HUMANS, PARENTS, 5, 'map'),
    lambda: capsules(HUMANS, bodies(), 5, 'map'),
    lambda: meshes(HUMANS, meshes_of(HUMANS, StandInBody()), StandInBody.faces, 5, 'map'),
]


@pytest.mark.parametrize('build', BODIES)
def test_every_style_has_one_marker_per_person_in_the_colour_of_the_id(build):
    markers = published(build())
    assert [(marker.ns, marker.id, marker.action) for marker in markers] == [('body', 1, 0), ('body', 2, 0)]
    for marker, person in zip(markers, HUMANS):
        color = np.array([marker.color.r, marker.color.g, marker.color.b])
        np.testing.assert_allclose(color, np.array(identity_color(person.id)) / 255, atol=1e-6)
        assert marker.points
        assert marker.header.frame_id == 'map'
        assert marker.lifetime.sec > 0, 'a dead node must leave no ghosts'
    assert markers[0].color.a > markers[1].color.a, 'who is only predicted is shown fainter'


@pytest.mark.parametrize('build', [*BODIES, lambda: labels(HUMANS, 5, 'map')])
def test_rviz_has_nothing_to_warn_of(build):
    """What RViz checks of a marker: quaternion, the scales that its type uses, points, colour, text."""
    used = {Marker.LINE_LIST: 'x', Marker.POINTS: 'xy', Marker.TRIANGLE_LIST: 'xyz', Marker.TEXT_VIEW_FACING: 'z'}
    multiple = {Marker.LINE_LIST: 2, Marker.POINTS: 1, Marker.TRIANGLE_LIST: 3}
    for marker in published(build()):
        turn = marker.pose.orientation
        assert np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) == pytest.approx(1.0)
        for axis in 'xyz':
            assert (getattr(marker.scale, axis) > 0) == (axis in used[marker.type])
        assert marker.color.a > 0
        if marker.type in multiple:
            assert marker.points
            assert len(marker.points) % multiple[marker.type] == 0
            assert not marker.text
        else:
            assert marker.text
            assert not marker.points


def test_mesh_has_three_points_per_face():
    first, _ = published(meshes(HUMANS, meshes_of(HUMANS, StandInBody()), StandInBody.faces, 5, 'map'))
    assert len(first.points) == 3 * len(StandInBody.faces)


def test_label_stands_above_the_head():
    first, _ = published(labels(HUMANS, 5, 'map'))
    assert first.text == '1'
    assert first.pose.position.z > HUMANS[0].head[2]


def test_people_who_are_gone_are_deleted_with_their_labels():
    markers = published(deletions([7], 5, 'map'))
    assert {(marker.ns, marker.id, marker.action) for marker in markers} == {
        ('body', 7, Marker.DELETE),
        ('label', 7, Marker.DELETE),
    }
