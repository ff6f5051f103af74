import numpy as np
import pytest
from people_windows import changed, chosen

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Tracklets
from chromm_ros.geometry.cameras import invert_rigid
from chromm_ros.people.rig_adjustment import adjust_rig
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

NOISE = 0.3
ERRORS = EstimateErrors(direction=0.01, camera_position=NOISE, camera_rotation=0.08)
MISPLACED = Errors(head=0.004, depth=0.03, rotation=0.2, camera_position=NOISE, camera_rotation=0.06)


@pytest.fixture(scope='module')
def misplaced(body):
    return simulate(crowd(4, 4, 3, 2, body), MISPLACED, 2, body)


def adjusted(people, person, noise=NOISE):
    corrections = adjust_rig(people, Tracklets(person), ERRORS.with_camera_position(noise))
    return changed(people, world_from_camera=corrections[:, None] @ people.world_from_camera)


def between_cameras(poses):
    """(V, V, 3) centre of each camera in the frame of each other."""
    return (invert_rigid(poses)[:, None] @ poses[None])[..., :3, 3]


def error(people, stage):
    """Median error of where cameras are in each other's frames [m]."""
    difference = between_cameras(people.world_from_camera[:, 0]) - between_cameras(stage.world_from_camera[:, 0])
    return np.median(np.linalg.norm(difference, axis=-1)[~np.eye(len(difference), dtype=bool)])


def test_people_put_cameras_right(body):
    before, after = [], []
    for seed in range(10):
        estimates = simulate(crowd(4, 4, 3, seed, body), MISPLACED, seed, body)
        before.append(error(estimates.people, estimates.stage))
        after.append(error(adjusted(estimates.people, estimates.person), estimates.stage))
    assert np.mean(after) < 0.5 * np.mean(before)


def test_cameras_that_stand_right_stay(clean):
    corrections = adjust_rig(clean.people, Tracklets(clean.person), ERRORS)
    np.testing.assert_allclose(corrections, np.broadcast_to(np.eye(4), corrections.shape), atol=1e-4)


def test_corrections_are_rigid_and_pull_no_camera_far(misplaced):
    corrections = adjust_rig(misplaced.people, Tracklets(misplaced.person), ERRORS)
    turned = corrections[:, :3, :3]
    np.testing.assert_allclose(turned @ turned.swapaxes(-1, -2), np.broadcast_to(np.eye(3), turned.shape), atol=1e-9)
    centres = misplaced.people.world_from_camera[:, 0]
    moved = (corrections @ centres)[:, :3, 3] - centres[:, :3, 3]
    assert np.linalg.norm(moved, axis=-1).max() < 4 * NOISE


def test_the_order_of_views_changes_nothing(misplaced):
    views = [3, 1, 0, 2]
    corrections = adjust_rig(misplaced.people, Tracklets(misplaced.person), ERRORS)
    again = adjust_rig(chosen(misplaced.people, views), Tracklets(misplaced.person[views]), ERRORS)
    np.testing.assert_allclose(again, corrections[views], atol=1e-6)


def test_a_moved_world_moves_with_its_corrections(misplaced):
    """Where the frame of the world lies says nothing about the cameras."""
    angle = 0.7
    moved = np.eye(4)
    moved[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    moved[:3, 3] = [3.0, -2.0, 1.0]
    people = changed(misplaced.people, world_from_camera=moved @ misplaced.people.world_from_camera)
    here = adjusted(misplaced.people, misplaced.person).world_from_camera
    there = adjusted(people, misplaced.person).world_from_camera
    np.testing.assert_allclose(there, moved @ here, atol=1e-4)


def test_a_view_that_shares_nobody_stays(misplaced):
    person = misplaced.person.copy()
    person[1] = -1
    corrections = adjust_rig(misplaced.people, Tracklets(person), ERRORS)
    np.testing.assert_allclose(corrections[1], np.eye(4), atol=1e-12)
    assert not np.allclose(corrections[0], np.eye(4))


def test_nobody_and_one_view_change_nothing(nobody, misplaced):
    empty = np.full((4, 6, 0), -1)
    np.testing.assert_array_equal(adjust_rig(nobody, Tracklets(empty), ERRORS), np.tile(np.eye(4), (4, 1, 1)))
    alone = adjust_rig(chosen(misplaced.people, [0]), Tracklets(misplaced.person[:1]), ERRORS)
    np.testing.assert_array_equal(alone, np.eye(4)[None])


def test_one_wrong_depth_does_not_pull_the_rig(misplaced):
    person = misplaced.person
    wrong = misplaced.people.head.copy()
    wrong[0][person[0] == 0] *= 2.5
    good = adjusted(misplaced.people, person)
    bad = adjusted(changed(misplaced.people, head=wrong), person)
    assert error(bad, misplaced.stage) < max(2 * error(good, misplaced.stage), 0.5 * NOISE)
