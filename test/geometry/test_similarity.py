from pathlib import Path

import numpy as np
import pytest
import roma
import torch

from chromm_ros.geometry.similarity import Similarity, align_rigs, fit_similarity

FIXTURES = Path(__file__).parent / 'fixtures'


def random_similarity(seed=0, scale=1.7):
    torch.manual_seed(seed)
    rotation = roma.random_rotmat(dtype=torch.float64).numpy()
    return Similarity(np.asarray(scale), rotation, np.array([1.0, -2.0, 0.5]))


def poses(centres, seed=0):
    torch.manual_seed(seed)
    result = np.tile(np.eye(4), (len(centres), 1, 1))
    result[:, :3, :3] = roma.random_rotmat(len(centres), dtype=torch.float64).numpy()
    result[:, :3, 3] = centres
    return result


def test_a_reflection_is_refused_as_in_the_reference():
    reference = np.load(FIXTURES / 'align_reflection.npz')
    fit = fit_similarity(reference['X'], reference['Y'])
    np.testing.assert_allclose(fit.scale, reference['s'].item(), rtol=1e-5)
    np.testing.assert_allclose(fit.rotation, reference['R'], atol=1e-5)
    np.testing.assert_allclose(fit.translation, reference['t'], atol=1e-5)
    np.testing.assert_allclose(fit.apply(reference['X']), reference['pa_aligned'], atol=1e-5)


def test_the_transform_that_made_the_points_is_found():
    truth, source = random_similarity(), np.random.default_rng(0).normal(size=(2, 10, 3))
    fit = fit_similarity(source, truth.apply(source))
    np.testing.assert_allclose(fit.scale, [1.7, 1.7])
    np.testing.assert_allclose(fit.apply(source), truth.apply(source), atol=1e-9)
    rigid = fit_similarity(source, truth.apply(source), with_scale=False)
    np.testing.assert_allclose(rigid.scale, 1.0)
    np.testing.assert_allclose(rigid.rotation, np.stack([truth.rotation] * 2), atol=1e-9)


def test_points_without_weight_or_with_nan_do_not_count():
    truth, source = random_similarity(), np.random.default_rng(0).normal(size=(10, 3))
    target = truth.apply(source)
    target[0], source[1] = np.nan, np.inf
    target[2] += 100
    fit = fit_similarity(source, target, weights=np.array([1.0, 1, 0, 1, 1, 1, 1, 1, 1, 1]))
    np.testing.assert_allclose(fit.matrix, truth.matrix, atol=1e-9)


@pytest.mark.parametrize('count', [0, 1])
def test_too_few_points_turn_and_scale_nothing(count):
    fit = fit_similarity(np.ones((count, 3)), np.full((count, 3), 3.0))
    np.testing.assert_allclose(fit.matrix[:3, :3], np.eye(3))
    np.testing.assert_allclose(fit.translation, 2.0 * count)


def test_coincident_points_keep_the_scale():
    fit = fit_similarity(np.ones((5, 3)), np.random.default_rng(0).normal(size=(5, 3)))
    assert fit.scale == 1.0
    np.testing.assert_allclose(fit.rotation, np.eye(3), atol=1e-6)


def test_points_on_a_line_turn_as_little_as_possible():
    line = np.linspace(-1, 1, 5)[:, None] * np.array([1.0, 0, 0])
    fit = fit_similarity(line, 2 * line)
    np.testing.assert_allclose(fit.matrix, np.diag([2.0, 2.0, 2.0, 1.0]), atol=1e-9)


def test_inverse_and_composition():
    a, b = random_similarity(1), random_similarity(2, 0.3)
    points = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose((a @ b).apply(points), a.apply(b.apply(points)), atol=1e-12)
    np.testing.assert_allclose((a @ a.inverse()).matrix, np.eye(4), atol=1e-12)
    moved = a.apply(torch.as_tensor(points, dtype=torch.float32))
    assert moved.dtype == torch.float32
    np.testing.assert_allclose(moved.numpy(), a.apply(points), atol=1e-5)


RIGS = {
    'one camera': [[1.0, 2, 3]],
    'two cameras': [[0.0, 0, 0], [4.0, 0, 0]],
    'in one place': [[1.0, 1, 1]] * 3,
    'on a line': [[0.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0]],
    'spread': [[0.0, 0, 0], [4.0, 0, 0], [4.0, 5, 1], [0.0, 5, 2]],
}


@pytest.mark.parametrize('centres', RIGS.values(), ids=RIGS.keys())
def test_every_rig_determines_the_rotation(centres):
    source = poses(np.array(centres))
    has_size = len({tuple(centre) for centre in centres}) > 1
    truth = random_similarity(scale=1.7 if has_size else 1.0)
    fit = align_rigs(source, truth.apply_poses(source))
    np.testing.assert_allclose(fit.matrix, truth.matrix, atol=1e-7)


def test_a_given_scale_is_kept():
    source = poses(np.array(RIGS['spread']))
    truth = random_similarity()
    assert align_rigs(source, truth.apply_poses(source), scale=1.0).scale == 1.0
    single = source[:1]
    fit = align_rigs(single, truth.apply_poses(single), scale=1.7)
    np.testing.assert_allclose(fit.matrix, truth.matrix, atol=1e-9)


def test_a_camera_of_unknown_pose_does_not_count():
    source = poses(np.array(RIGS['spread']))
    truth = random_similarity()
    target = truth.apply_poses(source)
    target[1, 0, 0] = np.nan
    np.testing.assert_allclose(align_rigs(source, target).matrix, truth.matrix, atol=1e-9)


def test_jitter_of_a_standing_camera_is_neither_scale_nor_rotation():
    rng = np.random.default_rng(0)
    source = np.repeat(poses(np.zeros((1, 3))), 10, axis=0)
    target = source.copy()
    source[:, :3, 3] += 0.003 * rng.normal(size=(10, 3))
    target[:, :3, 3] += 0.009 * rng.normal(size=(10, 3))
    fit = align_rigs(source, target)
    assert fit.scale == 1.0
    np.testing.assert_allclose(fit.rotation, np.eye(3), atol=0.02)


def test_the_scale_of_noisy_rigs_has_no_bias():
    rng = np.random.default_rng(0)
    source = poses(rng.normal(size=(2000, 3)))
    target = source.copy()
    source[:, :3, 3] += 0.5 * rng.normal(size=(2000, 3))
    target[:, :3, 3] += 0.5 * rng.normal(size=(2000, 3))
    assert align_rigs(source, target).scale == pytest.approx(1.0, abs=0.03)


def test_no_cameras_in_common_is_the_identity():
    np.testing.assert_allclose(align_rigs(np.zeros((0, 4, 4)), np.zeros((0, 4, 4))).matrix, np.eye(4))


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match='same shape'):
        fit_similarity(np.zeros((3, 3)), np.zeros((4, 3)))
