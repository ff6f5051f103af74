import numpy as np
import pytest
import torch

from chromm_ros.geometry import cameras

K = np.array([[500.0, 0.0, 320.0], [0.0, 480.0, 240.0], [0.0, 0.0, 1.0]])


def rigid(rng, *batch):
    matrix = np.zeros((*batch, 4, 4))
    matrix[..., :3, :3] = np.linalg.qr(rng.normal(size=(*batch, 3, 3)))[0]
    matrix[..., :3, 0] *= np.linalg.det(matrix[..., :3, :3])[..., None]
    matrix[..., :3, 3] = rng.normal(size=(*batch, 3))
    matrix[..., 3, 3] = 1.0
    return matrix


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize('kind', [np.asarray, torch.as_tensor])
def test_a_point_projects_where_the_pinhole_says(kind):
    pixels = cameras.project(kind(np.array([[0.2, -0.1, 2.0]])), kind(K))
    assert isinstance(pixels, type(kind(K)))
    np.testing.assert_allclose(np.asarray(pixels), [[370.0, 216.0]])


@pytest.mark.parametrize('kind', [np.asarray, torch.as_tensor])
@pytest.mark.parametrize('inner', [(), (5,), (5, 3), (0,)])
def test_project_and_unproject_are_inverse_for_any_number_of_points(rng, kind, inner):
    intrinsics = np.broadcast_to(K, (2, 4, 3, 3)).copy()
    intrinsics[..., 0, 1] = rng.normal(size=(2, 4))  # skew
    points = rng.uniform(0.5, 3.0, (2, 4, *inner, 3))
    pixels = cameras.project(kind(points), kind(intrinsics))
    again = cameras.unproject(pixels, kind(points[..., 2]), kind(intrinsics))
    np.testing.assert_allclose(np.asarray(again), points, atol=1e-12)


def test_one_ray_takes_many_depths():
    depths = np.array([1.0, 2.0])
    points = cameras.unproject(np.array([320.0, 240.0]), depths, K)
    np.testing.assert_allclose(points, [[0, 0, 1], [0, 0, 2]])


@pytest.mark.parametrize('kind', [np.asarray, torch.as_tensor])
def test_the_inverse_of_a_rigid_transform_undoes_it(rng, kind):
    matrix = rigid(rng, 3, 2)
    before = matrix.copy()
    points = rng.normal(size=(3, 2, 7, 4, 3))
    moved = cameras.transform(kind(matrix), kind(points))
    back = cameras.transform(cameras.invert_rigid(kind(matrix)), moved)
    np.testing.assert_allclose(np.asarray(back), points, atol=1e-12)
    np.testing.assert_array_equal(matrix, before)
    expected = np.einsum('vtij,vtmnj->vtmni', matrix[..., :3, :3], points) + matrix[:, :, None, None, :3, 3]
    np.testing.assert_allclose(np.asarray(moved), expected, atol=1e-12)


def test_more_cameras_than_points_is_refused_with_the_shapes(rng):
    with pytest.raises(ValueError, match=r'\(3, 2, 3, 3\)'):
        cameras.transform(rigid(rng, 3, 2), np.zeros(3))


def test_a_resized_image_shows_the_same_tangents():
    rays = cameras.pixel_rays(K, 6, 8)
    fine = cameras.pixel_rays(cameras.scale_intrinsics(K, 2, 2), 12, 16)
    np.testing.assert_allclose(fine.reshape(6, 2, 8, 2, 2).mean((1, 3)), rays, atol=1e-12)


def test_rays_pass_through_pixel_centres():
    rays = cameras.pixel_rays(torch.as_tensor(K, dtype=torch.float32).expand(3, 3, 3), 4, 5)
    assert rays.shape == (3, 4, 5, 2)
    assert rays.dtype == torch.float32
    np.testing.assert_allclose(rays[1, 2, 3].numpy(), [(3.5 - 320) / 500, (2.5 - 240) / 480], rtol=1e-6)


def test_each_camera_may_be_resized_by_its_own_factor():
    scaled = cameras.scale_intrinsics(np.stack([K, K]), np.array([1.0, 0.5]), 1.0)
    np.testing.assert_allclose(scaled[:, 0], [K[0], K[0] / 2])
    np.testing.assert_allclose(scaled[:, 1:], np.stack([K, K])[:, 1:])


def test_a_point_on_the_camera_plane_has_no_pixel():
    assert not np.isfinite(cameras.project(np.array([1.0, 1.0, 0.0]), K)).any()
