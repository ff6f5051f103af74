"""Motion: poses are rotations, sides mirror each other, gaits follow the ground."""

import numpy as np
import pytest
import torch

from chromm_ros.body.model import BodyModel
from chromm_ros.synthetic.motion import CHANNEL, CHANNELS, STANDING, Gait, pose_from_angles, sample_activity

SECONDS = np.linspace(0, 4, 41)


def angles_of(name, seed=0, seconds=SECONDS):
    if name in ('walk', 'run'):
        gait = Gait(np.random.default_rng(seed), run=name == 'run')
        return gait(seconds, gait.speed * seconds)
    return sample_activity(name, np.random.default_rng(seed))(seconds, np.zeros_like(seconds))


@pytest.mark.parametrize('name', [*STANDING, 'sit', 'walk', 'run'])
def test_every_activity_gives_rotations_that_change_smoothly(name):
    pose = pose_from_angles(angles_of(name))
    assert pose.shape == (len(SECONDS), 52, 3, 3)
    np.testing.assert_allclose(pose @ pose.swapaxes(-1, -2), np.broadcast_to(np.eye(3), pose.shape), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(pose), 1, atol=1e-5)
    speed = np.abs(np.diff(angles_of(name), axis=0)).max() / (SECONDS[1] - SECONDS[0])
    assert 0 < speed < 12  # radians per second; 12 is a runner's knee


def test_no_angles_are_the_t_pose():
    pose = pose_from_angles(np.zeros(len(CHANNELS)))
    angle = np.arccos(np.clip((np.trace(pose, axis1=-2, axis2=-1) - 1) / 2, -1, 1))
    assert angle.max() < 0.06  # the collar bones alone are raised a little


def test_swapping_the_sides_mirrors_the_body():
    angles = angles_of('freestyle', seconds=np.zeros(1))[0]
    swapped = angles.copy()
    for name in CHANNELS:
        if name.endswith(('_l', '_r')):
            swapped[CHANNEL[name]] = angles[CHANNEL[name[:-1] + ('r' if name.endswith('_l') else 'l')]]
    for sideways in ('twist', 'lean', 'neck_yaw', 'head_yaw', 'wrist_l', 'wrist_r'):
        angles[CHANNEL[sideways]] = swapped[CHANNEL[sideways]] = 0
    body = BodyModel.load_proxy()
    joints, mirrored = (body.joints(torch.zeros(10), torch.as_tensor(pose_from_angles(a))) for a in (angles, swapped))
    for left, right in ((4, 5), (7, 8), (18, 19), (20, 21)):
        np.testing.assert_allclose(joints[left] * torch.tensor([-1, 1, 1]), mirrored[right], atol=0.02)


def test_an_arm_goes_forward_and_a_knee_bends_back():
    body = BodyModel.load_proxy()
    angles = np.zeros(len(CHANNELS))
    angles[[CHANNEL['drop_l'], CHANNEL['swing_l'], CHANNEL['knee_r']]] = 1.4, 1.2, 1.2
    joints = body.joints(torch.zeros(10), torch.as_tensor(pose_from_angles(angles)))
    assert joints[20, 2] > joints[16, 2] + 0.2  # the left wrist is in front of the shoulder (z is forward)
    assert joints[8, 2] < joints[5, 2] - 0.2  # the right ankle is behind the knee


@pytest.mark.parametrize('run', [False, True])
def test_the_gait_follows_the_ground_and_not_the_clock(run):
    gait = Gait(np.random.default_rng(1), run)
    walked = np.linspace(0, gait.cycle, 25)
    hip = gait(np.zeros_like(walked), walked)[:, CHANNEL['hip_l']]
    assert np.ptp(hip) > 1.8 * gait.amplitude
    np.testing.assert_allclose(hip[0], hip[-1], atol=1e-9)  # one cycle
    still = gait(SECONDS, np.zeros_like(SECONDS))[:, CHANNEL['hip_l']]
    assert np.ptp(still) < 0.15  # only the sway


def test_the_same_seed_moves_the_same_way():
    np.testing.assert_array_equal(angles_of('talk', seed=3), angles_of('talk', seed=3))
    assert not np.array_equal(angles_of('talk', seed=3), angles_of('talk', seed=4))
