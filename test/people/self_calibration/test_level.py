import numpy as np
import roma
import torch
from rig_sightings import landmarks, walkers

from chromm_ros.people.self_calibration.level import find_level
from chromm_ros.people.self_calibration.sightings import ANKLES, FEET

CAMERA = np.array([[0, 0, 1.0, 0.5], [-1, 0, 0, 0], [0, -1, 0, 2.0], [0, 0, 0, 1]])


def level_of(marks, turn, shift):
    """The level of people in a world that was turned by a rotation vector and moved."""
    rotation = roma.rotvec_to_rotmat(torch.tensor(turn, dtype=torch.float64)).numpy()
    camera = CAMERA.copy()
    camera[:3, :3], camera[:3, 3] = rotation @ CAMERA[:3, :3], rotation @ CAMERA[:3, 3] + shift
    return find_level(marks @ rotation.T + shift, np.ones(len(marks)), camera), rotation, camera


def test_up_and_floor_come_back_whatever_way_the_world_is_turned():
    marks = landmarks(walkers(people=3, seed=1)).reshape(-1, 19, 3)
    level, rotation, camera = level_of(marks, [0.4, -0.7, 2.0], [3.0, 1.0, -2.0])
    up = level.change.rotation @ rotation @ [0, 0, 1.0]
    assert np.degrees(np.arccos(up[2])) < 4
    moved = level.change.apply_poses(camera[None])[0]
    assert abs(moved[2, 3] - 2.0) < 0.15
    assert np.allclose(moved[:2, 3], 0)
    assert abs(moved[1, 2]) < 1e-9
    assert moved[0, 2] > 0.9


def test_many_sightings_of_one_stander_are_less_sure_than_a_walk():
    marks = landmarks(walkers(people=1, seed=2, steps=30)).reshape(-1, 19, 3)
    walk = find_level(marks, np.ones(30), CAMERA)
    stand = find_level(np.repeat(marks[:1], 30, 0), np.full(30, 30.0), CAMERA)
    assert stand.tilt_error > 2 * walk.tilt_error


def test_without_feet_the_hips_tell_the_floor_roughly():
    marks = landmarks(walkers(people=3, seed=1)).reshape(-1, 19, 3)
    marks[:, [*ANKLES, *FEET]] = np.nan
    level, _, camera = level_of(marks, [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert level.feet == 0
    assert level.floor_error >= 0.1
    assert abs(level.change.apply_poses(camera[None])[0, 2, 3] - 2.0) < 0.3


def test_nobody_gives_no_level():
    assert find_level(np.full((3, 19, 3), np.nan), np.ones(3), CAMERA) is None
    assert find_level(np.zeros((0, 19, 3)), np.ones(0), CAMERA) is None
