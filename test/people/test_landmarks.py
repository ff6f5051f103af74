"""Landmarks of several views become one body: the one that made them, whatever single views got wrong."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import roma
import torch

from chromm_ros.body.landmarks import AS_JOINTS, ON_JOINTS
from chromm_ros.body.model import BodyModel
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ViewPeople
from chromm_ros.geometry.cameras import invert_rigid, project, transform
from chromm_ros.people.fusion import fuse
from chromm_ros.people.landmark_fit import HEAD_POINT, HOLDING, OFFSETS, PULLING, TURNED_BY
from chromm_ros.people.landmarks import landmarks_of
from chromm_ros.people.settings import FusionSettings
from chromm_ros.skeleton import HEAD, LANDMARKS, MIRRORED_LANDMARKS

LENS = np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]])
TALL = 0.8
"""First coefficient of the person's shape."""


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def truth(body):
    """(55, 3) joints and (33, 3) landmarks of somebody who walks with raised arms, world, z up."""
    pose = torch.eye(3).repeat(1, 52, 1, 1)
    for joint, turn in {
        1: (-0.5, 0, 0.1),
        4: (0.6, 0, 0),
        2: (0.4, 0, 0),
        16: (0, 0, 0.9),
        18: (0, -0.8, 0),
        17: (0, 0.5, -0.4),
    }.items():
        pose[0, joint - 1] = roma.rotvec_to_rotmat(torch.tensor(turn, dtype=torch.float32))
    root = torch.tensor([[[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]])
    betas = torch.zeros(1, 10)
    betas[0, 0] = TALL
    joints = body.joints(betas, pose, root)[0].numpy() + np.array([0.2, -0.1, 1.0])
    turns = body.joint_rotations(pose, root)[0].numpy()
    landmarks = np.zeros((LANDMARKS, 3)) + joints[HEAD]
    places = joints[HOLDING] + np.einsum('pij,pj->pi', turns[TURNED_BY], OFFSETS)
    for landmark, point in zip(PULLING, places):
        if landmark != HEAD_POINT:
            landmarks[landmark] = point
    return joints, landmarks


def rig(count=4, radius=3.5):
    """(V, 4, 4) cameras around the origin that look at it."""
    poses = np.tile(np.eye(4), (count, 1, 1))
    for pose, angle in zip(poses, np.linspace(0, 2 * np.pi, count, endpoint=False) + 0.3):
        place = np.array([radius * np.cos(angle), radius * np.sin(angle), 1.6 + 0.3 * np.sin(3 * angle)])
        forward = np.array([0, 0, 1.0]) - place
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], -1)
        pose[:3, 3] = place
    return poses


def seen_by(cameras, truth, noise=0.0, seed=0):
    """One step, one person in every view: landmarks with ``noise`` [px], and a body that says nothing of the pose."""
    joints, landmarks = truth
    views = len(cameras)
    local = transform(invert_rigid(cameras), np.broadcast_to(landmarks, (views, LANDMARKS, 3)))
    pixels = project(local, np.broadcast_to(LENS, (views, 3, 3)))
    pixels += np.random.default_rng(seed).normal(0, noise, pixels.shape) if noise else 0
    head = transform(invert_rigid(cameras), np.broadcast_to(joints[HEAD], (views, 3)))
    shape = (views, 1, 1)
    return ViewPeople(
        valid=np.ones(shape, bool),
        score=np.ones(shape),
        token=np.zeros((*shape, 4), np.float32),
        head_px=project(head, np.broadcast_to(LENS, (views, 3, 3)))[:, None, None],
        pelvis_px=np.zeros((*shape, 2)),
        pose=np.tile(np.eye(3), (*shape, 52, 1, 1)),
        betas=np.zeros((*shape, 10)),
        root_rotation=np.tile(np.eye(3), (*shape, 1, 1)),
        head=head[:, None, None],
        canonical_joints=np.zeros((*shape, 55, 3)),
        landmarks=np.concatenate([pixels, np.ones((views, LANDMARKS, 1))], -1)[:, None, None],
        intrinsics=np.broadcast_to(LENS, (views, 1, 3, 3)),
        world_from_camera=cameras[:, None],
        seen=np.ones((views, 1), bool),
        times=np.zeros(1),
        given=np.ones((views, 1), bool),
    )


def fused(people, body):
    return fuse(people, np.zeros(people.valid.shape, int), FusionSettings(), EstimateErrors(), body)


def one_of(people):
    """The only one of the fused people."""
    return SimpleNamespace(
        **{name: getattr(people, name)[0, 0] for name in ('pose', 'betas', 'root_rotation', 'joints')}
    )


def errors_of(people, truth, body):
    """(12,) distances of the joints that are landmarks from the truth [m]."""
    return np.linalg.norm(fused(people, body).joints[0, 0, AS_JOINTS] - truth[0][AS_JOINTS], axis=-1)


def with_landmarks(people, change):
    landmarks = people.landmarks.copy()
    change(landmarks)
    return dataclasses.replace(people, landmarks=landmarks)


def test_the_body_that_made_the_landmarks_comes_back(body, truth):
    people = seen_by(rig(), truth)
    assert errors_of(people, truth, body).max() < 0.01
    result = fused(people, body)
    height = body.height(torch.from_numpy(result.betas[0, 0]).float())
    assert height == pytest.approx(float(body.height(torch.tensor([TALL] + 9 * [0.0]))), abs=0.02)
    np.testing.assert_allclose(result.joints[0, 0, HEAD], result.head[0, 0], atol=1e-6)
    np.testing.assert_allclose(result.head[0, 0], truth[0][HEAD], atol=0.02)


def test_noise_of_pixels_stays_noise(body, truth):
    # 3 px at 3.5 m and 600 px are 1.75 cm per view
    mean = [errors_of(seen_by(rig(), truth, noise=3.0, seed=seed), truth, body).mean() for seed in range(5)]
    assert np.mean(mean) < 0.02


def test_the_order_of_the_cameras_does_not_matter(body, truth):
    people = seen_by(rig(), truth, noise=2.0)
    order = [2, 0, 3, 1]
    names = [field.name for field in dataclasses.fields(people) if field.name != 'times']
    other = dataclasses.replace(people, **{name: getattr(people, name)[order] for name in names})
    np.testing.assert_allclose(fused(people, body).joints, fused(other, body).joints, atol=1e-5)


def test_a_view_that_takes_the_back_for_the_front_is_turned_round(body, truth):
    people = seen_by(rig(), truth, noise=1.0)

    def exchange(landmarks):
        landmarks[1] = landmarks[1][..., MIRRORED_LANDMARKS, :]

    assert errors_of(with_landmarks(people, exchange), truth, body).max() < 0.03


def test_a_landmark_that_one_view_puts_elsewhere_moves_the_body_little(body, truth):
    people = seen_by(rig(5), truth)

    def misplace(landmarks):
        landmarks[0, ..., 15, 0] += 80  # a wrist, by half a metre

    assert errors_of(with_landmarks(people, misplace), truth, body).max() < 0.03


def test_hidden_landmarks_leave_a_plausible_body(body, truth):
    people = seen_by(rig(), truth)

    def hide(landmarks):
        landmarks[..., 25:, 2] = 0  # the legs below the hips
        landmarks[..., 25:, :2] = 0

    joints = fused(with_landmarks(people, hide), body).joints[0, 0]
    upper = [16, 17, 18, 19, 20, 21]
    assert np.linalg.norm(joints[upper] - truth[0][upper], axis=-1).max() < 0.05
    assert np.isfinite(joints).all()


@pytest.mark.parametrize('views', [1, 2])
def test_views_that_look_one_way_bend_the_body_onto_their_landmarks(body, truth, views):
    """One view, or two beside each other: neither the size nor how far away somebody is can be told."""
    cameras = np.repeat(rig(1), views, 0)
    cameras[1:, :3, 3] += 0.05
    upright = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    people = dataclasses.replace(
        seen_by(cameras, truth), root_rotation=(cameras[:, :3, :3].swapaxes(-1, -2) @ upright)[:, None, None]
    )
    alone = fuse(dataclasses.replace(people, landmarks=None), np.zeros(people.valid.shape, int), FusionSettings(),
                 EstimateErrors(), body)  # fmt: skip
    result = fused(people, body)

    def misses(points):
        local = transform(invert_rigid(cameras[0]), points)
        return np.linalg.norm(project(local, LENS) - people.landmarks[0, 0, 0, ON_JOINTS, :2], axis=-1)

    assert np.median(misses(alone.joints[0, 0, AS_JOINTS])) > 15
    assert np.median(misses(landmarks_of(one_of(result), body)[ON_JOINTS])) < 3
    np.testing.assert_allclose(result.head, alone.head, atol=0.1)
    np.testing.assert_allclose(result.betas, alone.betas, atol=0.02)
    assert not result.measured.any()


def test_who_is_seen_by_one_view_does_not_change_whom_several_see(body, truth):
    people = seen_by(rig(), truth, noise=1.0)
    fields = {name: np.concatenate([array, array], 2) for name, array in people.detections().items()}
    both = dataclasses.replace(people, **fields)
    identity = np.tile([0, -1], (4, 1, 1))
    identity[0, 0, 1] = 1
    together = fuse(both, identity, FusionSettings(), EstimateErrors(), body)
    np.testing.assert_allclose(together.joints[0, 0], fused(people, body).joints[0, 0], atol=1e-5)
    assert together.measured.tolist() == [[True, False]]


def test_nobody_is_nobody(body, truth):
    people = seen_by(rig(), truth)
    result = fuse(people, np.full(people.valid.shape, -1), FusionSettings(), EstimateErrors(), body)
    assert result.joints.shape == (1, 0, 55, 3)


def test_people_of_one_step_do_not_influence_each_other(body, truth):
    first, second = seen_by(rig(), truth, noise=1.0), seen_by(rig(), truth, noise=1.0, seed=1)
    fields = {
        name: np.concatenate([array, second.detections()[name]], 2) for name, array in first.detections().items()
    }
    both = dataclasses.replace(first, **fields)
    identity = np.broadcast_to([0, 1], both.valid.shape)
    together = fuse(both, identity, FusionSettings(), EstimateErrors(), body).joints[0]
    np.testing.assert_allclose(together[0], fused(first, body).joints[0, 0], atol=1e-5)
    np.testing.assert_allclose(together[1], fused(second, body).joints[0, 0], atol=1e-5)
