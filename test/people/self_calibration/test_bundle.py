from dataclasses import replace

import numpy as np
import pytest
import roma
import torch

from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.people.self_calibration.bundle import Cameras, Observations, _linearised, adjust

FOCAL = 500.0
INTRINSICS = np.array([[FOCAL, 0, 320], [0, FOCAL, 240], [0, 0, 1.0]])


@pytest.fixture
def ring():
    """Four cameras around 40 points, what they see, and the points."""
    rng = np.random.default_rng(0)
    poses = []
    for angle in np.arange(4) * np.pi / 2 + 0.3:
        centre = np.array([4 * np.cos(angle), 4 * np.sin(angle), 2.0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3] = np.stack([right, np.cross(forward, right), forward, centre], -1)
        poses.append(pose)
    poses = np.stack(poses)
    points = rng.uniform(-1, 1, (40, 3))
    view, point = (index.ravel() for index in np.meshgrid(np.arange(4), np.arange(40), indexing='ij'))
    local = transform(invert_rigid(poses[view]), points[point])
    pixels = project(local, np.repeat(INTRINSICS[None], len(local), 0))
    distance = np.linalg.norm(local, axis=-1)
    observed = Observations(view, point, pixels, np.ones(len(view)), distance, np.zeros(40, int), np.arange(40))
    cameras = Cameras(poses, np.repeat(INTRINSICS[None], 4, 0), np.zeros(4, bool), 1e8 * np.eye(4), np.zeros(4))
    return observed, cameras, points


def disturbed(cameras, turn=0.1, shift=0.3, known=()):
    rng = np.random.default_rng(1)
    poses = cameras.poses.copy()
    turns = roma.rotvec_to_rotmat(torch.from_numpy(turn * rng.normal(size=(4, 3)))).numpy()
    for v in range(1, 4):
        if v not in known:
            poses[v, :3, :3] = turns[v] @ poses[v, :3, :3]
            poses[v, :3, 3] += shift * rng.normal(size=3)
    return replace(cameras, poses=poses)


def test_derivatives_are_those_of_differences(ring):
    observed, cameras, points = ring
    cameras, points = disturbed(cameras), points + 0.05
    residual, by_camera, by_point = _linearised(observed, cameras, points)
    step = 1e-6
    for axis in range(3):
        moved, _, _ = _linearised(observed, cameras, points + step * np.eye(3)[axis])
        assert np.allclose((moved - residual) / step, by_point[:, :, axis], atol=1e-3)
        poses = cameras.poses.copy()
        poses[:, axis, 3] += step
        moved, _, _ = _linearised(observed, replace(cameras, poses=poses), points)
        assert np.allclose((moved - residual) / step, by_camera[:, :, 3 + axis], atol=1e-3)
        turn = roma.rotvec_to_rotmat(torch.from_numpy(step * np.eye(3)[axis])).numpy()
        poses = cameras.poses.copy()
        poses[:, :3, :3] = turn @ poses[:, :3, :3]
        moved, _, _ = _linearised(observed, replace(cameras, poses=poses), points)
        assert np.allclose((moved - residual) / step, by_camera[:, :, axis], atol=1e-3)
    moved, _, _ = _linearised(observed, replace(cameras, zoom=cameras.zoom + step), points)
    assert np.allclose((moved - residual) / step, by_camera[:, :, 6], atol=1e-3)


def test_cameras_go_back_to_where_they_were(ring):
    observed, cameras, points = ring
    found = adjust(observed, disturbed(cameras))
    assert np.allclose(found.cameras.poses, cameras.poses, atol=1e-3)
    assert np.allclose(found.points, points, atol=1e-3)
    assert found.miss.max() < 1e-3


def test_given_poses_stay_and_the_others_come_to_them(ring):
    observed, cameras, _ = ring
    known = np.array([False, True, False, True])
    start = disturbed(replace(cameras, known=known), known=(1, 3))
    start.poses[0, :3, 3] += 0.2
    found = adjust(observed, start)
    assert np.array_equal(found.cameras.poses[known], cameras.poses[known])
    assert np.allclose(found.cameras.poses, cameras.poses, atol=1e-3)
    assert not found.covariance[known][:, :6, :6].any()


def test_a_wrong_focal_length_is_found(ring):
    observed, cameras, _ = ring
    guessed = cameras.intrinsics.copy()
    guessed[:, [0, 1], [0, 1]] *= 1.3
    covariance = 0.03**2 * np.eye(4) + 0.2**2
    start = disturbed(replace(cameras, intrinsics=guessed, focal_precision=np.linalg.inv(covariance)), 0.02, 0.1)
    found = adjust(replace(observed, distance=1.3 * observed.distance), start)
    assert np.allclose(found.cameras.adjusted_intrinsics[:, 0, 0], FOCAL, rtol=0.02)


def test_a_few_wrong_observations_pull_little(ring):
    observed, cameras, _ = ring
    pixels = observed.pixels.copy()
    pixels[::20] += 60
    found = adjust(replace(observed, pixels=pixels), disturbed(cameras, 0.03, 0.1))
    assert np.abs(found.cameras.poses[:, :3, 3] - cameras.poses[:, :3, 3]).max() < 0.05


def test_fewer_observations_mean_larger_errors(ring):
    observed, cameras, _ = ring
    fewer = replace(observed, weights=observed.weights / 4)
    whole, part = (adjust(o, cameras).covariance[1:, :6, :6] for o in (observed, fewer))
    # the scale is pinned in both, which quarters the weights leave as it is
    assert np.allclose(
        np.diagonal(part, axis1=1, axis2=2)[:, :3], 4 * np.diagonal(whole, axis1=1, axis2=2)[:, :3], rtol=0.05
    )
