"""RViz gets one body and one label per person, and is told when a person is gone."""

import dataclasses

import numpy as np
import pytest
from rclpy.serialization import deserialize_message
from scipy.spatial.transform import Rotation
from standins import StandInBody, camera, human
from visualization_msgs.msg import Marker, MarkerArray

from chromm_ros.flow import HumanState
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of, meshes_of
from chromm_ros.ros.outputs.margins import Margin
from chromm_ros.ros.outputs.markers import cameras, capsules, deletions, labels, meshes, skeletons
from chromm_ros.ros.outputs.planner_markers import NAMESPACES, planner_markers
from chromm_ros.skeleton import BONES
from chromm_ros.viewing.colors import identity_color

HUMANS = [human(1, 0), human(2, 0, state=HumanState.PREDICTED)]


def published(markers):
    return deserialize_message(cdr.encode(MarkerArray, {'markers': markers}), MarkerArray).markers


def bodies():
    return body_shapes_of(HUMANS, StandInBody())


def skeletons_of(ns):
    return [marker for marker in published(skeletons(HUMANS, 5, 'map')) if marker.ns == ns]


def test_skeleton_joins_every_joint_to_its_parent():
    limbs, fingers = skeletons_of('body')[0], skeletons_of('hands')[0]
    assert limbs.type == fingers.type == Marker.LINE_LIST
    ends = np.array([(p.x, p.y, p.z) for p in [*limbs.points, *fingers.points]]).reshape(-1, 2, 3)
    np.testing.assert_allclose(ends, HUMANS[0].joints[np.array(BONES)])


def test_limbs_are_wide_enough_to_be_seen_across_a_room_and_fingers_no_blob():
    """RViz at 900 lines over 45 degrees: 9 m away a pixel is 8 mm."""
    pixel = 9.0 * 2 * np.tan(np.radians(22.5)) / 900
    assert skeletons_of('body')[0].scale.x > 4 * pixel
    assert skeletons_of('joints')[0].scale.x > 6 * pixel
    assert skeletons_of('hands')[0].scale.x < 0.02


BODIES = [
    lambda: skeletons(HUMANS, 5, 'map'),
    lambda: capsules(HUMANS, bodies(), 5, 'map'),
    lambda: meshes(HUMANS, meshes_of(HUMANS, StandInBody()), StandInBody.faces, 5, 'map'),
    lambda: planner_markers(HUMANS, bodies(), [Margin(0.3, True), Margin(0.0, True)], 5, 'map'),
]
LOST = dataclasses.replace(camera('lost', 1), world_from_camera=None)
RIG = [camera('front', 1, np.eye(4)), LOST]


@pytest.mark.parametrize('build', BODIES)
def test_every_style_shows_every_person_in_the_colour_of_the_id(build):
    markers = published(build())
    for person in HUMANS:
        own = [marker for marker in markers if marker.id == person.id]
        assert len({marker.ns for marker in own}) == len(own) > 0
        for marker in own:
            color = np.array([marker.color.r, marker.color.g, marker.color.b])
            np.testing.assert_allclose(color, np.array(identity_color(person.id)) / 255, atol=1e-6)
            assert marker.action == Marker.ADD
            assert marker.header.frame_id == 'map'
            assert marker.lifetime.sec > 0, 'a dead node must leave no ghosts'


@pytest.mark.parametrize('build', BODIES[:3])
def test_who_is_only_predicted_is_shown_fainter(build):
    seen, predicted = ([marker for marker in published(build()) if marker.id == k] for k in (1, 2))
    assert min(marker.color.a for marker in seen) > max(marker.color.a for marker in predicted)


@pytest.mark.parametrize('build', [*BODIES, lambda: labels(HUMANS, 5, 'map'), lambda: cameras(RIG, 5, 'map')])
def test_rviz_has_nothing_to_warn_of(build):
    """What RViz checks of a marker: quaternion, the scales that its type uses, points, colour, text."""
    used = {Marker.LINE_LIST: 'x', Marker.POINTS: 'xy', Marker.TEXT_VIEW_FACING: 'z'}
    multiple = {
        Marker.LINE_LIST: 2,
        Marker.POINTS: 1,
        Marker.TRIANGLE_LIST: 3,
        Marker.SPHERE_LIST: 1,
        Marker.ARROW: 2,
    }
    for marker in published(build()):
        turn = marker.pose.orientation
        assert np.linalg.norm([turn.x, turn.y, turn.z, turn.w]) == pytest.approx(1.0)
        for axis in 'xyz':
            assert (getattr(marker.scale, axis) > 0) == (axis in used.get(marker.type, 'xyz'))
        assert marker.color.a > 0
        if marker.type in multiple:
            assert marker.points
            assert len(marker.points) % multiple[marker.type] == 0
            assert not marker.text
        else:
            assert bool(marker.text) == (marker.type == Marker.TEXT_VIEW_FACING)
            assert not marker.points


def test_mesh_has_three_points_per_face():
    first, _ = published(meshes(HUMANS, meshes_of(HUMANS, StandInBody()), StandInBody.faces, 5, 'map'))
    assert len(first.points) == 3 * len(StandInBody.faces)


def test_label_stands_above_the_head():
    first, _ = published(labels(HUMANS, 5, 'map'))
    assert first.text == '1'
    assert first.pose.position.z > HUMANS[0].head[2]


def test_people_who_are_gone_are_deleted_with_all_that_any_style_shows_of_them():
    gone = {(marker.ns, marker.id, marker.action) for marker in published(deletions([7], 5, 'map'))}
    drawn = {marker.ns for build in BODIES[:3] for marker in published(build())} | {'label'}
    assert gone == {(ns, 7, Marker.DELETE) for ns in drawn}
    gone = {marker.ns for marker in published(deletions([7], 5, 'map', NAMESPACES))}
    assert gone == {marker.ns for marker in published(BODIES[3]())} | {'motion'}


def test_cameras_are_drawn_where_they_are_with_their_names():
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_rotvec([0, 0, 0.5]).as_matrix()
    turned[:3, 3] = 1.0, 2.0, 2.5
    pyramid, name = published(cameras([camera('front', 1, turned), LOST], 5, 'map'))
    assert name.text == 'front'
    assert name.scale.z >= 0.15
    assert (pyramid.pose.position.x, pyramid.pose.position.y, pyramid.pose.position.z) == (1.0, 2.0, 2.5)
    assert pyramid.lifetime.sec > 0
    assert min(point.z for point in pyramid.points) == 0.0, 'it begins at the camera'
    assert max(point.z for point in pyramid.points) > 0.1, 'and opens forward'


def test_what_a_planner_sees_is_what_the_message_says():
    person = human(1, 0)
    person = type(person)(**{**vars(person), 'velocity': np.array([0.5, 0.0, 0.0])})
    person.covariance[:3, :3] = np.diag([0.04, 0.01, 0.0])
    shapes = body_shapes_of([person], StandInBody())
    drawn = {
        marker.ns: marker for marker in published(planner_markers([person], shapes, [Margin(0.4, True)], 5, 'map'))
    }
    assert drawn['cylinder'].scale.x == pytest.approx(2 * float(shapes.cylinder_radius[0]))
    assert drawn['margin'].scale.x == pytest.approx(2 * (float(shapes.cylinder_radius[0]) + 0.4))
    bottom = drawn['cylinder'].pose.position.z - drawn['cylinder'].scale.z / 2
    assert bottom == pytest.approx(float(shapes.cylinder_base[0, 2]), abs=1e-6)
    sizes = sorted(getattr(drawn['covariance'].scale, axis) for axis in 'xyz')
    assert sizes == pytest.approx([0.005, 0.4, 0.8]), 'two standard deviations to either side'
    first, last = drawn['motion'].points
    assert last.x - first.x == pytest.approx(0.5)


def test_of_somebody_without_a_place_only_the_region_is_shown():
    (region,) = published(planner_markers(HUMANS[:1], bodies(), [Margin(2.0, False)], 5, 'map'))
    assert region.ns == 'margin'
