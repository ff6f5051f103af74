"""Clouds that standard readers understand, and obstacle points that leave no holes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import PointCloud2
from standins import StandInBody, cloud, human

from chromm_ros.flow import Cloud
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of
from chromm_ros.ros.outputs.clouds import (
    BETWEEN_WALLS,
    FARTHEST_WALL,
    capsule_surfaces,
    cylinder_walls,
    obstacles,
    scene_cloud,
)


def published(description):
    return deserialize_message(cdr.encode(PointCloud2, description), PointCloud2)


def column(message, name, dtype='<f4'):
    """One field of every point, read by its offset as any consumer does."""
    (field,) = [field for field in message.fields if field.name == name]
    rows = np.frombuffer(bytes(message.data), np.uint8).reshape(message.width, message.point_step)
    return rows[:, field.offset : field.offset + 4].copy().view(dtype)[:, 0]


def test_scene_has_position_colour_and_confidence():
    shown = Cloud(np.array([[1, 2, 3]], np.float32), np.array([[255, 128, 1]], np.uint8), np.array([0.5], np.float32))
    message = published(scene_cloud(shown, 2_000_000_003, 'map'))
    assert (message.height, message.width, message.is_dense) == (1, 1, True)
    assert (message.header.frame_id, message.header.stamp.nanosec) == ('map', 3)
    assert [column(message, axis)[0] for axis in 'xyz'] == [1, 2, 3]
    assert column(message, 'rgb', '<u4')[0] == 0xFF8001
    assert column(message, 'confidence')[0] == 0.5
    assert message.row_step == len(message.data)


def test_empty_scene_is_a_valid_message():
    assert published(scene_cloud(cloud(0), 0, 'map')).width == 0


@settings(deadline=None)
@given(
    ends=st.tuples(*[st.tuples(*[st.floats(-2, 2, width=32)] * 3)] * 2),
    radius=st.floats(0.02, 0.5),
    spacing=st.floats(0.05, 0.3),
)
def test_surface_points_lie_on_the_capsule_and_leave_no_holes(ends, radius, spacing):
    ends = np.array(ends)
    points = capsule_surfaces(ends[None], np.array([radius]), spacing)
    along = ends[1] - ends[0]
    share = np.clip((points - ends[0]) @ along / max(along @ along, 1e-12), 0, 1)
    nearest = ends[0] + share[:, None] * along
    np.testing.assert_allclose(np.linalg.norm(points - nearest, axis=1), radius, atol=1e-5)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(len(points))
    assert gaps.min(1).max() <= spacing + 1e-6 or len(points) <= 12


def test_several_capsules_are_the_sum_of_each():
    rng = np.random.default_rng(0)
    ends, radius = rng.random((6, 2, 3)), np.array([0.02, 0.3, 0.02, 0.1, 0.1, 0.02])
    together = capsule_surfaces(ends, radius, 0.1)
    single = np.concatenate([capsule_surfaces(ends[k : k + 1], radius[k : k + 1], 0.1) for k in range(6)])
    np.testing.assert_allclose(together[np.lexsort(together.T)], single[np.lexsort(single.T)])


@pytest.mark.parametrize('margin', [0.0, 0.2, 0.9])
def test_obstacles_surround_every_person_with_the_margin(margin):
    bodies = body_shapes_of([human(1, 0), human(2, 0, position=(3.0, 0.0, 0.0))], StandInBody())
    message = published(obstacles(bodies, [0.0, margin], 0.1, 0, 'map'))
    x, y, z = (column(message, axis) for axis in 'xyz')
    away = np.hypot(x - bodies.cylinder_base[1, 0], y - bodies.cylinder_base[1, 1])
    radius, height, bottom = bodies.cylinder_radius[1], bodies.cylinder_height[1], bodies.cylinder_base[1, 2]
    second = away < 1.5
    assert away[second].max() == pytest.approx(radius + margin, abs=1e-5)
    assert z[second].min() == pytest.approx(bottom, abs=0.01)
    assert z[second].max() == pytest.approx(bottom + height, abs=0.01)
    assert np.hypot(x, y)[~second].max() < 0.5, 'the first has no margin'


@given(st.floats(0.05, 0.6), st.floats(0.01, 2), st.floats(0.5, 2), st.floats(0.05, 0.3))
def test_a_robot_that_is_wider_than_the_gaps_meets_a_wall_wherever_it_stands(radius, margin, height, spacing):
    points = cylinder_walls(np.zeros(3), radius, height, margin, spacing)
    away = np.unique(np.hypot(points[:, 0], points[:, 1]).round(6))
    assert away[0] == pytest.approx(radius, abs=1e-5)
    assert away[-1] == pytest.approx(radius + margin, abs=1e-5)
    assert np.diff(away).max(initial=0.0) <= BETWEEN_WALLS + 1e-5
    for wall in away:
        level = points[(np.abs(np.hypot(points[:, 0], points[:, 1]) - wall) < 1e-4) & (points[:, 2] == 0)]
        assert np.linalg.norm(level - np.roll(level, 1, 0), axis=1).max() <= spacing + 1e-6


@pytest.mark.parametrize('margin', [10.0, 3e9])
def test_there_are_no_more_points_where_a_clock_is_wrong(margin):
    """Images that are stamped 1970 make a margin of the way that one can walk since then."""
    bodies = body_shapes_of([human(1, 0)], StandInBody())
    message = published(obstacles(bodies, [margin], 0.1, 0, 'map'))
    away = np.hypot(
        column(message, 'x') - bodies.cylinder_base[0, 0], column(message, 'y') - bodies.cylinder_base[0, 1]
    )
    assert away.max() == pytest.approx(bodies.cylinder_radius[0] + FARTHEST_WALL, abs=1e-4)
    assert message.width < 50_000


def test_nobody_means_no_points():
    assert published(obstacles(body_shapes_of([], StandInBody()), [], 0.1, 0, 'map')).width == 0
