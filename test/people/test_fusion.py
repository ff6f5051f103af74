import numpy as np
import pytest
import roma
import torch
from people_windows import changed, chosen

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.geometry.similarity import Similarity
from chromm_ros.people import FusionSettings, fuse, pooled_tokens
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

ERRORS = EstimateErrors()


def angle(a, b):
    return roma.rotmat_geodesic_distance(torch.as_tensor(a), torch.as_tensor(b)).numpy()


@pytest.mark.parametrize('position', ['triangulation', 'weighted', 'average'])
def test_perfect_estimates_give_the_truth(clean, body, position):
    people, truth = (
        fuse(clean.people, clean.person, FusionSettings(position=position), ERRORS, body),
        clean.stage.truth,
    )
    assert people.valid.all()
    np.testing.assert_allclose(people.head, truth.head, atol=1e-5)
    np.testing.assert_allclose(people.betas, truth.betas, atol=1e-6)
    assert angle(people.root_rotation, truth.root_rotation).max() < 1e-3
    assert angle(people.pose, truth.pose).max() < 1e-3
    np.testing.assert_allclose(people.joints, truth.joints, atol=1e-4)
    np.testing.assert_allclose(people.residual[people.fused], 0.0, atol=1e-5)
    assert people.dropped == {}


def test_the_mean_of_the_views_is_better_than_a_view(noisy, body):
    truth = noisy.stage.truth
    people = fuse(noisy.people, noisy.person, FusionSettings(), ERRORS, body)
    alone = fuse(chosen(noisy.people, [0]), noisy.person[:1], FusionSettings(), ERRORS, body)
    both = people.valid & alone.valid
    for name in ('betas', 'joints'):
        error, single = (np.abs(getattr(each, name) - getattr(truth, name))[both].mean() for each in (people, alone))
        assert error < single
    for name in ('pose', 'root_rotation'):
        error, single = (angle(getattr(each, name), getattr(truth, name))[both].mean() for each in (people, alone))
        assert error < single


def test_means_of_near_rotations_agree_however_they_are_taken(noisy, body):
    chordal = fuse(noisy.people, noisy.person, FusionSettings(), ERRORS, body)
    literal = fuse(noisy.people, noisy.person, FusionSettings(pose_mean='axis_angle'), ERRORS, body)
    assert angle(chordal.pose, literal.pose)[chordal.valid].max() < 0.02
    # a body turned by about 180 degrees is where axis-angle vectors cannot be averaged
    assert angle(chordal.root_rotation, noisy.stage.truth.root_rotation)[chordal.valid].max() < 0.2


def test_the_order_of_views_and_people_changes_nothing(noisy, body):
    people = fuse(noisy.people, noisy.person, FusionSettings(), ERRORS, body)
    views, detections = [2, 3, 0, 1], [2, 1, 0]
    again = fuse(
        chosen(noisy.people, views, detections), noisy.person[views][:, :, detections], FusionSettings(), ERRORS, body
    )
    for name in ('head', 'head_covariance', 'betas', 'pose', 'root_rotation', 'joints'):
        np.testing.assert_allclose(getattr(again, name), getattr(people, name), atol=1e-6)
    np.testing.assert_array_equal(again.fused, people.fused[views])


def test_the_result_moves_with_the_world(noisy, body):
    torch.manual_seed(0)
    move = Similarity(np.ones(()), roma.random_rotmat(dtype=torch.float64).numpy(), np.array([3.0, -2.0, 7.0]))
    people = fuse(noisy.people, noisy.person, FusionSettings(), ERRORS, body)
    moved = changed(noisy.people, world_from_camera=move.apply_poses(noisy.people.world_from_camera))
    again = fuse(moved, noisy.person, FusionSettings(), ERRORS, body)
    valid = people.valid
    np.testing.assert_allclose(again.head[valid], move.apply(people.head[valid]), atol=1e-9)
    np.testing.assert_allclose(again.joints[valid], move.apply(people.joints[valid]), atol=1e-5)
    turned = move.rotation @ people.head_covariance @ move.rotation.T
    np.testing.assert_allclose(again.head_covariance, turned, atol=1e-9)
    np.testing.assert_allclose(again.residual, people.residual, atol=1e-9)
    np.testing.assert_allclose(again.pose, people.pose, atol=1e-9)


def test_more_noise_never_improves_the_median(body):
    stage = crowd(4, 10, 4, 5, body)
    medians = []
    for amount in (0.5, 1.0, 2.0, 4.0):
        errors = Errors(
            head=0.003 * amount, depth=0.03 * amount, camera_position=0.01 * amount, rotation=0.05 * amount
        )
        estimates = simulate(stage, errors, 7, body)
        people = fuse(estimates.people, estimates.person, FusionSettings(), ERRORS, body)
        medians.append(np.median(np.linalg.norm(people.joints - stage.truth.joints, axis=-1)[people.valid]))
    assert medians == sorted(medians)


def test_absent_people_are_zero_and_not_valid(clean, body):
    identity = clean.person.copy()
    identity[:, 2][identity[:, 2] == 1] = -1
    people = fuse(clean.people, identity, FusionSettings(), ERRORS, body)
    assert not people.valid[2, 1]
    assert people.valid.sum() == people.valid.size - 1
    assert (people.head[2, 1] == 0).all()
    assert (people.joints[2, 1] == 0).all()
    np.testing.assert_array_equal(people.root_rotation[2, 1], np.eye(3))
    assert np.isnan(people.residual[:, 2, 1]).all()


def test_a_view_that_sees_somebody_else_is_left_out_and_counted(clean, body):
    swapped = clean.person.copy()
    swapped[1] = np.where(swapped[1] == 0, 1, np.where(swapped[1] == 1, 0, swapped[1]))
    people = fuse(clean.people, swapped, FusionSettings(), ERRORS, body)
    np.testing.assert_allclose(people.head, clean.stage.truth.head, atol=1e-5)
    assert not people.fused[1, :, :2].any()
    assert people.dropped == {'view off the others': 12}
    assert (people.residual[1, :, :2] > 0.5).all()


def test_what_is_fused_of_three_views_or_more_lies_within_the_limit(noisy, body):
    settings = FusionSettings()
    people = fuse(noisy.people, noisy.person, settings, ERRORS, body)
    several = people.fused & (people.fused.sum(0) > 2)
    assert several.any()
    assert (people.residual[several] <= settings.max_ray_distance).all()


def test_the_residual_is_that_of_the_ray_and_knows_no_depth(clean, body):
    deeper = changed(clean.people, head=clean.people.head * np.array([1.3, 1.0, 1.0, 1.0])[:, None, None, None])
    people = fuse(deeper, clean.person, FusionSettings(position='triangulation'), ERRORS, body)
    np.testing.assert_allclose(people.residual[people.fused], 0.0, atol=1e-4)


def test_scores_weigh_the_views(clean, body):
    betas = clean.people.betas + np.arange(4.0)[:, None, None, None]
    score = np.broadcast_to(np.array([1.0, 0.0, 0.0, 1.0])[:, None, None], clean.people.score.shape)
    weighted = changed(clean.people, betas=betas, score=score)
    people = fuse(weighted, clean.person, FusionSettings(use_scores=True), ERRORS, body)
    np.testing.assert_allclose(people.betas, clean.stage.truth.betas + 1.5, atol=1e-6)


def test_tokens_are_pooled_over_the_views(clean):
    pooled = pooled_tokens(clean.people, clean.person)
    assert pooled.shape == (6, 3, clean.people.token.shape[-1])
    view, detection = np.nonzero(clean.person[:, 4] == 2)
    np.testing.assert_array_equal(pooled[4, 2], clean.people.token[view, 4, detection].max(0))


def test_nobody_fuses_to_nobody(nobody, body):
    people = fuse(nobody, np.full((4, 6, 0), -1), FusionSettings(), ERRORS, body)
    assert people.joints.shape == (6, 0, 55, 3)
    assert people.valid.shape == (6, 0)
