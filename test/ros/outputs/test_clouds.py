"""Clouds that standard readers understand, and obstacle points that leave no holes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import PointCloud2
from standins import StandInBody, cloud, human

from chromm_ros.flow import Cloud
from chromm_ros.ros.outputs import cdr
from chromm_ros.ros.outputs.body_shapes import body_shapes_of
from chromm_ros.ros.outputs.clouds import capsule_surfaces, obstacles, scene_cloud


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


def test_obstacles_surround_every_person():
    bodies = body_shapes_of([human(1, 0), human(2, 0, position=(3.0, 0.0, 0.0))], StandInBody())
    message = published(obstacles(bodies, 0.1, 0, 'map'))
    x = column(message, 'x')
    assert np.isclose(x.min(), -0.1, atol=0.02)
    assert np.isclose(x.max(), 3.1, atol=0.02)


def test_nobody_means_no_points():
    assert published(obstacles(body_shapes_of([], StandInBody()), 0.1, 0, 'map')).width == 0
