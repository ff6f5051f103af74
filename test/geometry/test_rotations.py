import numpy as np
import pytest
import roma
import torch

from chromm_ros.geometry.rotations import mean_rotation, nearest_rotation, shortest_turn


def random_rotations(*shape, seed=0):
    torch.manual_seed(seed)
    return roma.random_rotmat(shape, dtype=torch.float64).numpy()


def test_the_mean_equals_the_quaternion_eigenvector():
    centre = random_rotations(20)
    spread = roma.rotvec_to_rotmat(0.4 * torch.randn(6, 20, 3, dtype=torch.float64)).numpy()
    rotations, weights = spread @ centre, np.random.default_rng(0).uniform(0.1, 1, (6, 20))
    quaternions = roma.rotmat_to_unitquat(torch.as_tensor(rotations)).numpy()
    _, vectors = np.linalg.eigh(np.einsum('nk,nki,nkj->kij', weights, quaternions, quaternions))
    expected = roma.unitquat_to_rotmat(torch.as_tensor(vectors[..., -1])).numpy()
    np.testing.assert_allclose(mean_rotation(rotations, weights), expected, atol=1e-9)


def test_what_has_no_weight_may_be_nan():
    rotations = random_rotations(3, 2)
    rotations[1] = np.nan
    mean = mean_rotation(rotations, np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_allclose(mean, rotations[0], atol=1e-12)


def test_nothing_to_average_is_the_identity():
    np.testing.assert_array_equal(
        mean_rotation(random_rotations(2, 3), np.zeros((2, 3))), np.broadcast_to(np.eye(3), (3, 3, 3))
    )


@pytest.mark.parametrize('noise', [0.0, 0.1, 0.5, 2.0])
def test_the_nearest_rotation_is_that_of_roma(noise):
    matrices = random_rotations(200) + noise * np.random.default_rng(1).normal(size=(200, 3, 3))
    expected = roma.special_procrustes(torch.as_tensor(matrices)).numpy()
    np.testing.assert_allclose(nearest_rotation(matrices), expected, atol=1e-8)


def test_opposite_rotations_and_reflections_still_give_a_rotation():
    half_turns = np.stack([np.diag([1.0, -1.0, -1.0]), np.eye(3)])
    for rotation in (
        mean_rotation(half_turns, np.ones(2)),
        nearest_rotation(-np.eye(3)),
        nearest_rotation(np.zeros((3, 3))),
    ):
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert np.isnan(nearest_rotation(np.full((3, 3), np.nan))).all()


def test_the_shortest_turn_takes_one_direction_to_the_other_and_no_farther():
    random = np.random.default_rng(4)
    start, end = random.normal(size=(2, 100, 3))
    turns = shortest_turn(start, end)
    a, b = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) for vectors in (start, end))
    np.testing.assert_allclose(np.einsum('nij,nj->ni', turns, a), b, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-12)
    angle = np.arccos((np.trace(turns, axis1=1, axis2=2) - 1) / 2)
    np.testing.assert_allclose(angle, np.arccos((a * b).sum(-1)), atol=1e-9)


def test_the_shortest_turn_between_opposite_directions_is_a_half_turn():
    start = np.vstack([np.eye(3), [[0.3, -0.5, 0.2]]])
    turns = shortest_turn(start, -start)
    np.testing.assert_allclose(np.einsum('nij,nj->ni', turns, start), -start, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-12)
    np.testing.assert_allclose(shortest_turn(start, start), np.broadcast_to(np.eye(3), (4, 3, 3)), atol=1e-12)
