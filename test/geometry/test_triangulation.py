import numpy as np
import pytest

from chromm_ros.geometry import triangulation


def looking_at(point, origins):
    offset = point - origins
    return offset / np.linalg.norm(offset, axis=-1, keepdims=True)


@pytest.fixture
def rig():
    return np.random.default_rng(0).uniform(-4, 4, (4, 3)) * [1, 1, 0.2] + [0, 0, 1.5]


def test_rays_through_one_point_meet_there(rig):
    points = np.random.default_rng(1).normal(size=(5, 3))
    directions = looking_at(points[:, None], rig)
    np.testing.assert_allclose(triangulation.triangulate(rig, directions), points, atol=1e-10)


def test_a_ray_without_weight_may_be_anything(rig):
    directions = looking_at(np.zeros(3), rig)
    directions[2] = np.nan
    origins = rig.copy()
    origins[2] = np.nan
    point = triangulation.triangulate(origins, directions, np.array([1.0, 1.0, 0.0, 1.0]))
    np.testing.assert_allclose(point, 0.0, atol=1e-10)


@pytest.mark.parametrize('weights', [[0, 0, 0, 0], [1, 0, 0, 0]])
def test_fewer_than_two_rays_give_nan(rig, weights):
    assert np.isnan(triangulation.triangulate(rig, looking_at(np.zeros(3), rig), np.array(weights, float))).all()


def test_parallel_and_opposite_rays_determine_nothing():
    origins = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    along = np.array([[0.0, 0, 1], [0.0, 0, 1]])
    assert np.isnan(triangulation.triangulate(origins, along)).all()
    facing = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
    assert np.isnan(triangulation.triangulate(origins, facing)).all()
    assert triangulation.largest_angle(facing, np.ones(2, bool)) == pytest.approx(0.0, abs=1e-7)


def test_a_rig_far_from_the_origin_keeps_its_digits(rig):
    far = np.array([1e6, -1e6, 0.0])
    np.testing.assert_allclose(triangulation.triangulate(rig + far, looking_at(np.zeros(3), rig)), far, atol=1e-8)


def test_the_largest_angle_ignores_unused_rays():
    directions = np.array([[1.0, 0, 0], [0, 1.0, 0], [np.nan, 0, 0]])
    assert triangulation.largest_angle(directions, np.array([True, True, False])) == pytest.approx(np.pi / 2)
    assert triangulation.largest_angle(directions, np.array([True, False, False])) == 0.0


def test_the_covariance_is_what_noise_does(rig):
    rng = np.random.default_rng(2)
    sigma, weights = np.array([0.01, 0.02, 0.01, 0.04]), np.array([1.0, 1.0, 0.5, 1.0])
    directions = looking_at(np.zeros(3), rig)
    shifts = rng.normal(size=(20000, 4, 3)) * sigma[:, None]
    points = triangulation.triangulate(rig + shifts, np.broadcast_to(directions, shifts.shape), weights)
    expected = triangulation.intersection_covariance(directions, sigma, weights)
    np.testing.assert_allclose(np.cov(points.T), expected, rtol=0.1, atol=3e-6)


def test_length_along_and_distance_across():
    along, across = triangulation.along_and_across(np.array([3.0, 4.0, 0]), np.zeros((1, 3)), np.array([[1.0, 0, 0]]))
    assert (along.item(), across.item()) == (3.0, 4.0)
