from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from chromm_ros.evaluation import metrics

FIXTURES = Path(__file__).parent / 'fixtures'


@pytest.fixture(params=['metrics_main', 'metrics_tail1', 'metrics_short'])
def reference(request):
    return np.load(FIXTURES / f'{request.param}.npz')


def test_world_errors_are_those_of_the_reference(reference):
    truth, estimate = reference['gt'], reference['pred']
    np.testing.assert_allclose(1000 * metrics.world_error(truth, estimate), reference['w_mpjpe_mm'], atol=1e-2)
    np.testing.assert_allclose(
        1000 * metrics.world_aligned_error(truth, estimate), reference['wa_mpjpe_mm'], atol=1e-2
    )


def test_root_errors_are_those_of_the_reference(reference):
    truth, estimate = reference['gt'][:, 0], reference['pred'][:, 0]
    np.testing.assert_allclose(metrics.root_translation_error(truth, estimate), reference['rte_pct'], atol=1e-4)
    scaled = metrics.root_translation_error(truth, estimate, with_scale=True)
    np.testing.assert_allclose(scaled, reference['rte_scaled_pct'], atol=1e-4)


def test_body_errors_are_those_of_the_reference(reference):
    truth, estimate = reference['gt'], reference['pred']
    np.testing.assert_allclose(1000 * metrics.procrustes_error(truth, estimate), reference['pa_mpjpe_mm'], atol=1e-2)
    aligned = 1000 * metrics.pelvis_aligned_error(truth, estimate, root=(1, 2))
    np.testing.assert_allclose(aligned, reference['mpjpe_pelvis_mm'], atol=1e-2)


def cameras_at(centres):
    poses = np.tile(np.eye(4), (len(centres), 1, 1))
    poses[:, :3, 3] = centres
    return poses


def test_multi_view_errors_are_those_of_the_reference():
    reference = np.load(FIXTURES / 'metrics_multiview.npz')
    truth, estimate = reference['gt_joints'], reference['pred_joints']
    cameras = cameras_at(reference['gt_cams']), cameras_at(reference['pred_cams'])
    error = metrics.camera_aligned_error(truth, estimate, *cameras)
    np.testing.assert_allclose(error, reference['w_mpjpe_m_per_person'], atol=1e-5)
    np.testing.assert_allclose(
        metrics.group_aligned_error(truth, estimate), reference['ga_mpjpe_m_per_person'], atol=1e-5
    )
    np.testing.assert_allclose(
        metrics.procrustes_error(truth, estimate), reference['pa_mpjpe_m_per_person'], atol=1e-5
    )


def test_two_cameras_align_by_their_orientations():
    rng = np.random.default_rng(0)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turn *= np.linalg.det(turn)
    true = cameras_at(np.array([[0.0, 0, 0], [3.0, 0, 0]]))
    moved = true.copy()
    moved[:, :3, :3] = turn @ true[:, :3, :3]
    moved[:, :3, 3] = true[:, :3, 3] @ turn.T + 5
    people = rng.normal(size=(2, 24, 3))
    np.testing.assert_allclose(metrics.camera_aligned_error(people, people @ turn.T + 5, true, moved), 0, atol=1e-9)


def test_a_camera_that_turns_and_one_that_moves_cost_what_they_turn_and_move():
    true = cameras_at(np.array([[0.0, 0, 0], [4.0, 0, 0], [0.0, 4, 0], [4.0, 4, 0]]))
    turned = true.copy()
    turned[0, :3, :3] = Rotation.from_rotvec([0, 0, np.radians(20)]).as_matrix() @ true[0, :3, :3]
    errors = metrics.camera_errors(true, turned)
    assert errors == pytest.approx({'te': 0, 's_te': 0, 'ae': 10, 'rra': 0.5, 'cca': 1, 's_cca': 1}, abs=1e-6)
    larger = true.copy()
    larger[:, :3, 3] *= 1.5
    errors = metrics.camera_errors(true, larger)
    assert errors == pytest.approx({'te': 0.5 * 8**0.5, 's_te': 0, 'ae': 0, 'rra': 1, 'cca': 0, 's_cca': 1}, abs=1e-6)
    moved = np.array(true)
    moved[:, :3, 3] = true[:, :3, 3] @ Rotation.from_rotvec([0.3, 1, 0]).as_matrix().T + 7
    moved[:, :3, :3] = Rotation.from_rotvec([0.3, 1, 0]).as_matrix() @ true[:, :3, :3]
    assert metrics.camera_errors(true, moved)['te'] == pytest.approx(0, abs=1e-9)


def test_the_path_of_somebody_who_stands_still_has_no_length():
    with pytest.raises(ValueError, match='never moves'):
        metrics.root_translation_error(np.ones((5, 3)), np.zeros((5, 3)))


def test_association_counts_pairs_of_views():
    truth = np.array([[[0, 1]], [[1, 0]], [[0, -1]]])
    assert metrics.association_score(truth, truth).f1 == 1.0
    identity = np.array([[[0, 1]], [[1, 0]], [[7, 3]]])  # the third view is nobody's
    score = metrics.association_score(truth, identity)
    assert (score.true_positives, score.false_positives, score.false_negatives) == (2, 0, 2)
    assert score.true_negatives == 4
    assert score.recall == 0.5
    everybody = metrics.association_score(truth, np.zeros_like(truth))
    assert everybody.recall == 1.0
    assert everybody.precision == 0.5


def test_a_detection_without_identity_is_nobodys_partner():
    score = metrics.association_score(np.zeros((2, 1, 1), int), np.full((2, 1, 1), -1))
    assert score.recall == 0.0


def test_no_pairs_have_no_score():
    assert np.isnan(metrics.association_score(np.zeros((1, 3, 2), int), np.zeros((1, 3, 2), int)).accuracy)


def test_switches_are_counted_per_view_and_over_gaps():
    truth = np.array([[[0, 1], [1, 0], [-1, -1], [0, 1]]])
    assert metrics.identity_switches(truth, truth) == 0
    assert metrics.identity_switches(truth, np.array([[[0, 1], [1, 0], [-1, -1], [1, 0]]])) == 2
    assert metrics.identity_switches(truth, np.array([[[0, 1], [-1, -1], [-1, -1], [0, 1]]])) == 0


def test_depth_is_scored_after_scaling():
    truth = np.array([1.0, 2.0, 4.0, 0.0])
    assert metrics.depth_scores(truth, 3 * truth) == (0.0, 1.0)
    relative, share = metrics.depth_scores(truth, np.array([1.0, 2.0, 6.0, 9.0]), align_scale=False)
    assert relative == pytest.approx(0.5 / 3)
    assert share == pytest.approx(2 / 3)
    assert np.isnan(metrics.depth_scores(np.zeros(3), np.ones(3))).all()


def test_the_pelvis_error_is_relative_to_the_longer_side():
    error = metrics.pelvis_error(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]]), np.array([[20.0, 50.0]]))
    np.testing.assert_allclose(error, [0.1])
