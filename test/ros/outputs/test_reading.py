import numpy as np
import pytest
from geometry_msgs.msg import Pose
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import PointCloud2, PointField

from chromm_ros.msg import Human, HumanArray, ViewObservation
from chromm_ros.ros.outputs.reading import cloud_of, person_views, pose_matrices


def pose(position, rotation):
    made = Pose()
    made.position.x, made.position.y, made.position.z = map(float, position)
    o = made.orientation
    o.x, o.y, o.z, o.w = map(float, rotation.as_quat())
    return made


def cloud(points, colors=None, big_endian=False):
    order = '>' if big_endian else '<'
    rows = np.zeros(
        len(points), [('x', f'{order}f4'), ('y', f'{order}f4'), ('z', f'{order}f4'), ('rgb', f'{order}u4')]
    )
    rows['x'], rows['y'], rows['z'] = np.asarray(points, float).T
    if colors is not None:
        red, green, blue = np.asarray(colors, np.uint32).T
        rows['rgb'] = red << 16 | green << 8 | blue
    names = ('x', 'y', 'z', 'rgb') if colors is not None else ('x', 'y', 'z')
    fields = [PointField(name=name, offset=4 * k, datatype=7, count=1) for k, name in enumerate(names)]
    return PointCloud2(
        width=len(rows), height=1, point_step=16, fields=fields, is_bigendian=big_endian, data=rows.tobytes()
    )


def test_poses_become_matrices_and_a_broken_quaternion_becomes_nan():
    rotation = Rotation.from_euler('xyz', [0.1, -0.7, 2.0])
    matrices = pose_matrices([pose([1, 2, 3], rotation), Pose(orientation=Pose().orientation.__class__(w=0.0))])
    np.testing.assert_allclose(matrices[0, :3, :3], rotation.as_matrix(), atol=1e-12)
    np.testing.assert_array_equal(matrices[0, :3, 3], [1, 2, 3])
    assert np.isnan(matrices[1]).all()
    assert pose_matrices([]).shape == (0, 4, 4)


def test_people_without_joints_and_lost_people_are_not_drawn():
    posed = [pose([0, 0, 0.1 * joint], Rotation.identity()) for joint in range(55)]
    message = HumanArray(
        views=['left', 'right'],
        humans=[
            Human(id=1, state=Human.TRACKED, joints=posed, observations=[ViewObservation(view=1)]),
            Human(id=2, state=Human.LOST, joints=posed),
            Human(id=3, state=Human.TRACKED),
        ],
    )
    (person,) = person_views(message)
    assert (person.id, person.state, person.cameras) == (1, 'tracked', ('right',))
    np.testing.assert_allclose(person.joints[:, 2], 0.1 * np.arange(55))


@pytest.mark.parametrize('big_endian', [False, True])
def test_clouds_keep_places_and_colors(big_endian):
    points, colors = [[1, 2, 3], [4, 5, 6]], [[255, 0, 7], [1, 2, 3]]
    read = cloud_of(cloud(points, colors, big_endian), limit=100)
    np.testing.assert_array_equal(read.points, points)
    np.testing.assert_array_equal(read.colors, colors)


def test_clouds_without_color_are_gray_and_points_that_are_not_numbers_are_left_out():
    read = cloud_of(cloud([[1, 2, 3], [np.nan, 0, 0]]), limit=100)
    assert len(read.points) == 1
    assert len(set(read.colors[0])) == 1


def test_large_clouds_are_thinned():
    assert len(cloud_of(cloud(np.zeros((1000, 3)), np.zeros((1000, 3))), limit=100).points) == 100


def test_a_cut_cloud_is_refused():
    broken = cloud([[1, 2, 3]])
    broken.width = 2
    with pytest.raises(ValueError, match='32 expected'):
        cloud_of(broken, limit=10)
