"""A pose found from landmarks is the pose that they were made from, as far as landmarks can tell."""

import numpy as np
import pytest
import roma
import torch

from chromm_ros.body.landmarks import AS_JOINTS, EARS, JOINT_OF_LANDMARK, NOSE_DROP, pose_from_landmarks
from chromm_ros.body.model import BodyModel
from chromm_ros.skeleton import HEAD, LANDMARKS


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


def landmarks_of(body, betas, pose, root):
    """(N, 33, 3) landmarks of posed bodies: those that are joints, and ears, nose, heels and toes around them."""
    joints = body.joints(betas, pose, root).numpy()
    turns = body.joint_rotations(pose, root).numpy()
    points = np.zeros((len(joints), LANDMARKS, 3))
    for landmark, joint in JOINT_OF_LANDMARK.items():
        points[:, landmark] = joints[:, joint]
    ears, nose = EARS, EARS + 0.1 * np.array([0, -np.sin(NOSE_DROP), np.cos(NOSE_DROP)])
    side = np.array([0.07, 0, 0])
    for landmark, offset in {7: ears + side, 8: ears - side, 0: nose}.items():
        points[:, landmark] = joints[:, HEAD] + turns[:, HEAD] @ offset
    for foot, (heel, toe) in {7: (29, 31), 8: (30, 32)}.items():
        points[:, heel] = joints[:, foot] - turns[:, foot] @ [0, 0.02, 0.05]
        points[:, toe] = joints[:, foot] + turns[:, foot] @ [0, -0.1, 0.95] * 0.2
    return points


def posed(seed, count=20):
    """Random roots and limb swings. Trunk and neck stay straight, and limbs do not twist: landmarks cannot tell."""
    random = np.random.default_rng(seed)
    pose = np.tile(np.eye(3, dtype=np.float32), (count, 52, 1, 1))
    for joint in (1, 2, 4, 5, 16, 17, 18, 19):
        axis = torch.from_numpy(random.normal(size=(count, 3)).astype(np.float32))
        pose[:, joint - 1] = roma.rotvec_to_rotmat(axis / axis.norm(dim=-1, keepdim=True) * 0.8).numpy()
    return torch.from_numpy(pose), roma.random_rotmat(count).float()


@pytest.mark.parametrize('seed', range(3))
def test_joints_come_back(body, seed):
    pose, root = posed(seed)
    betas = torch.zeros(len(pose), 10)
    found = pose_from_landmarks(landmarks_of(body, betas, pose, root), body.rest_joints(betas).numpy())
    theta, turn = (torch.from_numpy(array).float() for array in (found.pose, found.root_rotation))
    again, before = body.joints(betas, theta, turn)[:, AS_JOINTS], body.joints(betas, pose, root)[:, AS_JOINTS]
    # hips and shoulders of the rest pose are not exactly level and upright, which the frames of landmarks are
    assert (again - before).norm(dim=-1).mean() < 0.04


def test_origin_and_scale_of_the_landmarks_do_not_matter(body):
    pose, root = posed(5)
    rest = body.rest_joints(torch.zeros(10)).numpy()
    points = landmarks_of(body, torch.zeros(len(pose), 10), pose, root)
    first, second = pose_from_landmarks(points, rest), pose_from_landmarks(3 * points + [1, 2, 3], rest)
    np.testing.assert_allclose(first.pose, second.pose, atol=1e-6)
    np.testing.assert_allclose(first.root_rotation, second.root_rotation, atol=1e-9)


def test_a_turned_person_has_a_turned_root_and_the_same_pose(body):
    pose, root = posed(6)
    rest = body.rest_joints(torch.zeros(10)).numpy()
    points = landmarks_of(body, torch.zeros(len(pose), 10), pose, root)
    turn = roma.random_rotmat().double().numpy()
    first, second = pose_from_landmarks(points, rest), pose_from_landmarks(points @ turn.T, rest)
    np.testing.assert_allclose(second.root_rotation, turn @ first.root_rotation, atol=1e-6)
    np.testing.assert_allclose(first.pose, second.pose, atol=1e-6)
