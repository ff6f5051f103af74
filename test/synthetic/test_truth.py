"""The truth of a rendered room: who is there, and which cameras can see the head."""

import numpy as np
import pytest
import torch

from chromm_ros.skeleton import HEAD
from chromm_ros.synthetic.truth import true_snapshot
from chromm_ros.synthetic.world import Frames, Truth

HEIGHT, WIDTH = 60, 80
INTRINSICS = np.array([[50.0, 0, 40], [0, 50.0, 30], [0, 0, 1]])


class Body:
    """Joint rotations of nobody in particular."""

    def joint_rotations(self, pose, root):
        return torch.eye(3).expand(len(pose), 55, 3, 3)


def frames(heads, depth=100.0, present=None):
    """A camera at the origin that looks along z; people whose joints all lie at their head."""
    heads = np.array(heads, float).reshape(1, -1, 3)
    count = heads.shape[1]
    truth = Truth(
        betas=np.zeros((1, count, 10)),
        pose=np.tile(np.eye(3), (1, count, 52, 1, 1)),
        root_rotation=np.tile(np.eye(3), (1, count, 1, 1)),
        joints=np.repeat(heads[:, :, None], 55, 2),
        present=np.ones((1, count), bool) if present is None else np.array([present]),
    )
    return Frames(
        times=np.zeros(1),
        images=np.zeros((1, 1, HEIGHT, WIDTH, 3), np.uint8),
        depth=np.full((1, 1, HEIGHT, WIDTH), depth, np.float32),
        instance=(np.arange(WIDTH) * max(count, 1) // WIDTH + 1)[None, None, None].repeat(HEIGHT, 2),  # a strip each
        intrinsics=INTRINSICS[None, None],
        world_from_camera=np.eye(4)[None, None],
        truth=truth,
    )


def observed(shown):
    shot = true_snapshot(shown, ('a',), Body(), 7, '00000000-0000-0000-0000-000000000001', 3)
    return [bool(human.observations) for human in shot.humans]


@pytest.mark.parametrize(
    ('head', 'depth', 'seen'),
    [
        ((0, 0, 3), 3.0, True),
        ((0, 0, 3), 2.9, True),
        ((0, 0, 3), 1.0, False),
        ((5, 0, 3), 100.0, False),
        ((0, 0, -3), 100.0, False),
    ],
    ids=['in view', 'inside the head', 'hidden', 'beside the image', 'behind the camera'],
)
def test_head_counts_as_seen_inside_the_image_and_in_front_of_the_scene(head, depth, seen):
    assert observed(frames([head], depth)) == [seen]


def test_only_people_in_the_room_are_named_and_keep_their_ids():
    shot = true_snapshot(frames([(0, 0, 3), (0, 0, 4)], present=[False, True]), ('a',), Body(), 7, '0' * 32, 3)
    assert [human.id for human in shot.humans] == [2]


def test_observation_says_where_the_head_is():
    shot = true_snapshot(frames([(0.6, 0.3, 3)]), ('a',), Body(), 7, '0' * 32, 3)
    (seen,) = shot.humans[0].observations
    np.testing.assert_allclose(seen.head_px, [50, 35])
    assert seen.stamp == shot.stamp == 7
    np.testing.assert_allclose(shot.humans[0].joints[HEAD], [0.6, 0.3, 3])


def test_empty_room():
    assert observed(frames(np.zeros((0, 3)))) == []


def test_cameras_carry_their_true_poses():
    shot = true_snapshot(frames([]), ('a',), Body(), 7, '0' * 32, 3)
    assert [camera.view for camera in shot.cameras] == ['a']
    np.testing.assert_allclose(shot.cameras[0].world_from_camera, np.eye(4))
