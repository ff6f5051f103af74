import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.evaluation.scoring import CameraScore, PeopleAtTime, PeopleScore, align_by_cameras


def crowd(rng, ids):
    joints = rng.normal(size=(len(ids), 55, 3)) * 0.3
    joints += 3.0 * np.arange(len(ids))[:, None, None]
    return PeopleAtTime(np.array(ids), joints, Rotation.random(len(ids), random_state=1).as_matrix())


def rig(rng, count):
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = Rotation.random(count, random_state=2).as_matrix()
    poses[:, :3, 3] = rng.normal(size=(count, 3)) * 2
    return poses


def test_a_perfect_estimate_has_no_error():
    rng = np.random.default_rng(0)
    truth = crowd(rng, [1, 2, 3])
    score = PeopleScore()
    score.add(truth, PeopleAtTime(truth.ids + 10, truth.joints, truth.root_rotation))
    summary = score.summary()
    assert (summary['recall'], summary['precision'], summary['id_switches']) == (1.0, 1.0, 0)
    assert summary['head_error_m']['p90'] == 0.0
    assert summary['root_rotation_deg'] == pytest.approx(0.0, abs=1e-4)


def test_missing_people_lower_recall_and_ghosts_lower_precision():
    rng = np.random.default_rng(0)
    truth = crowd(rng, [1, 2, 3, 4])
    ghost = PeopleAtTime(np.array([9]), truth.joints[:1] + 50.0, truth.root_rotation[:1])
    half = PeopleAtTime(
        np.array([1, 2, 9]),
        np.concatenate([truth.joints[:2], ghost.joints]),
        np.concatenate([truth.root_rotation[:2], ghost.root_rotation]),
    )
    score = PeopleScore()
    score.add(truth, half)
    assert score.summary()['recall'] == 0.5
    assert score.summary()['precision'] == pytest.approx(2 / 3)


def test_an_exchange_of_ids_counts_once_for_each_person_and_not_again():
    rng = np.random.default_rng(0)
    truth = crowd(rng, [1, 2])
    score = PeopleScore()
    for ids in ([7, 8], [7, 8], [8, 7], [8, 7]):
        score.add(truth, PeopleAtTime(np.array(ids), truth.joints, truth.root_rotation))
    assert score.summary()['id_switches'] == 2
    assert score.ids == {1: [7, 8], 2: [8, 7]}


def test_nobody_anywhere_gives_none_instead_of_a_number():
    empty = PeopleAtTime(np.zeros(0, int), np.zeros((0, 55, 3)), np.zeros((0, 3, 3)))
    score = PeopleScore()
    score.add(empty, empty)
    assert score.summary()['recall'] is None
    assert score.summary()['head_error_m']['median'] is None


@pytest.mark.parametrize('count', [1, 2, 4])
def test_a_rig_in_another_world_aligns_exactly(count):
    rng = np.random.default_rng(3)
    truth = rig(rng, count)
    motion = rig(rng, 1)[0]
    rotation, translation = align_by_cameras(truth, motion @ truth)
    back = np.linalg.inv(motion)
    np.testing.assert_allclose(rotation, back[:3, :3], atol=1e-9)
    np.testing.assert_allclose(translation, back[:3, 3], atol=1e-9)


def test_camera_errors_do_not_depend_on_the_world_frame():
    rng = np.random.default_rng(4)
    truth = rig(rng, 4)
    noisy = truth.copy()
    noisy[:, :3, 3] += rng.normal(size=(4, 3)) * 0.1
    here, elsewhere = CameraScore(), CameraScore()
    here.add(truth, noisy)
    elsewhere.add(truth, rig(rng, 1)[0] @ noisy)
    assert here.summary()['translation_m_median'] == pytest.approx(elsewhere.summary()['translation_m_median'])
    assert here.summary()['rotation_deg_median'] == pytest.approx(0.0, abs=1e-4)


def test_a_hidden_person_is_neither_missed_nor_a_false_alarm():
    rng = np.random.default_rng(0)
    truth = crowd(rng, [1, 2])
    score = PeopleScore()
    score.add(truth, truth, visible=np.array([True, False]))
    score.add(truth, PeopleAtTime(truth.ids[:1], truth.joints[:1], truth.root_rotation[:1]), np.array([True, False]))
    assert (score.summary()['recall'], score.summary()['precision'], score.summary()['truth']) == (1.0, 1.0, 2)
