"""One image says where somebody is as far as the person is of ordinary height, standing or seated."""

import numpy as np
import pytest
import roma
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import project
from chromm_ros.network.open.lifting import Lifter, average_betas
from chromm_ros.network.open.reader import Persons
from chromm_ros.people.landmark_fit import HEAD_POINT, expected
from chromm_ros.skeleton import HEAD, LANDMARKS

LENS = np.array([[700.0, 0, 360], [0, 700, 640], [0, 0, 1]])
SEATED = {1: (-1.5, 0, 0.1), 2: (-1.5, 0, -0.1), 4: (1.4, 0, 0), 5: (1.4, 0, 0), 16: (0, 0, -1.2), 17: (0, 0, 1.2)}
STANDING = {16: (0, 0, -1.2), 17: (0, 0, 1.2)}
LEGS = slice(25, 33)


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


def seen(body, height, turns, distance=3.5):
    """Somebody who faces the camera, and (55, 3) true joints in its frame [m]."""
    pose = torch.eye(3).repeat(1, 52, 1, 1)
    for joint, turn in turns.items():
        pose[0, joint - 1] = roma.rotvec_to_rotmat(torch.tensor(turn, dtype=torch.float32))
    betas = average_betas(body, height)[None]
    root = torch.tensor([[[-0.8, 0, -0.6], [0, -1, 0], [-0.6, 0, 0.8]]])
    template, directions = (array.double().numpy() for array in (body.joint_template, body.joint_directions))
    marks = expected(*(array.double().numpy() for array in (root, pose, betas)), template, directions)[0]
    place = np.array([0.3, -0.2, distance])
    points = marks[:HEAD_POINT] + place
    person = Persons(
        presence=np.ones(1),
        pixels=project(points[None], LENS[None]),
        metres=(marks[:HEAD_POINT] - marks[[23, 24]].mean(0))[None] * 1.72 / height,  # it does not know how tall
        visible=np.ones((1, LANDMARKS)),
        inside=np.ones((1, LANDMARKS)),
        following=np.zeros((1, 4)),
    )
    return person, body.joints(betas, pose, root)[0].numpy() + place


@pytest.mark.parametrize('turns', [STANDING, SEATED])
@pytest.mark.parametrize(('height', 'farther'), [(1.72, 1.0), (1.2, 1.72 / 1.2), (1.9, 1.72 / 1.9)])
def test_somebody_is_put_as_far_away_as_an_adult_of_that_size_would_be(body, turns, height, farther):
    person, joints = seen(body, height, turns)
    found = Lifter(body)(person, LENS)
    assert found.head[0, 2] / joints[HEAD, 2] == pytest.approx(farther, rel=0.06)
    np.testing.assert_allclose(found.head_px[0], project(joints[HEAD], LENS), atol=12)


def test_legs_under_a_table_do_not_move_the_person(body):
    person, joints = seen(body, 1.72, SEATED)
    person.visible[:, LEGS] = 0
    person.pixels[:, LEGS] += 60
    assert Lifter(body)(person, LENS).head[0, 2] == pytest.approx(joints[HEAD, 2], rel=0.1)
