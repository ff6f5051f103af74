import numpy as np
import pytest
from rig_sightings import LIMBS, Faults, priors, sightings, walkers

from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.people.self_calibration.pairs import ViewPair, relative_pose
from chromm_ros.people.self_calibration.sightings import PlacedPeople


def pair_of(stage, seen, first='camera0', second='camera1'):
    known = priors(stage)
    return ViewPair.of(*(PlacedPeople.of(seen, view, known[view].intrinsics, LIMBS) for view in (first, second)))


def errors(pose, stage, first=0, second=1):
    """Metres and radians."""
    true = invert_rigid(stage.world_from_camera[second, 0]) @ stage.world_from_camera[first, 0]
    turn = np.arccos(np.clip((np.trace(pose[:3, :3].T @ true[:3, :3]) - 1) / 2, -1, 1))
    return np.linalg.norm(pose[:3, 3] - true[:3, 3]), turn


@pytest.mark.parametrize('people', [1, 3])
def test_people_turn_one_camera_into_another(people):
    stage = walkers(people=people, seed=1)
    found = relative_pose(pair_of(stage, sightings(stage, 1)))
    apart, turn = errors(found.pose, stage)
    distance = np.linalg.norm(np.diff(stage.world_from_camera[:2, 0, :3, 3], axis=0))
    assert turn < 0.4  # a start for the bundle adjustment
    assert apart < 0.35 * distance
    assert found.sightings > 10


def test_without_errors_the_pose_is_exact_up_to_the_size_of_the_people():
    stage = walkers(people=1, seed=3)
    found = relative_pose(pair_of(stage, sightings(stage, 3, Faults(0, 0, 0, 0, 0, 0))))
    _, turn = errors(found.pose, stage)
    assert turn < 0.01


def test_the_order_of_the_views_does_not_matter():
    stage = walkers(people=2, seed=4)
    seen = sightings(stage, 4)
    there = relative_pose(pair_of(stage, seen))
    back = relative_pose(pair_of(stage, seen, 'camera1', 'camera0'))
    assert np.allclose(there.pose @ back.pose, np.eye(4), atol=0.1)


def test_nobody_gives_no_pose():
    stage = walkers(people=1)
    assert relative_pose(pair_of(stage, [])) is None
