import dataclasses

import numpy as np
import pytest

from chromm_ros.body.model import BodyModel
from chromm_ros.geometry.cameras import project, transform
from chromm_ros.synthetic.estimates import Errors, crowd, simulate


@pytest.fixture(scope='module')
def body():
    return BodyModel.load()


@pytest.fixture(scope='module')
def stage(body):
    return crowd(3, 8, 4, seed=2, body=body)


def rows(estimates):
    return np.nonzero(estimates.person >= 0)


def test_without_errors_every_view_tells_the_truth(stage, body):
    estimates = simulate(stage, Errors(), 0, body)
    people = estimates.people
    view, step, slot = rows(estimates)
    person = estimates.person[view, step, slot]
    joints = transform(people.world_from_camera, people.joints)
    np.testing.assert_allclose(joints[view, step, slot], stage.truth.joints[step, person], atol=1e-4)
    np.testing.assert_allclose(people.betas[view, step, slot], stage.truth.betas[step, person])
    pelvis = project(people.joints[..., 0, :], people.intrinsics)
    np.testing.assert_allclose(people.pelvis_px[view, step, slot], pelvis[view, step, slot], atol=0.05)


def test_the_truth_stands_on_the_floor_inside_the_ring(stage):
    assert np.abs(stage.truth.joints[..., 2].min(-1)).max() < 1e-6
    assert (stage.truth.joints[..., 2].max(-1) < 2.3).all()
    assert np.linalg.norm(stage.truth.head[..., :2], axis=-1).max() < 4.0


def test_padding_is_zero(stage, body):
    estimates = simulate(stage, Errors(dropout=0.4), 0, body)
    empty = ~estimates.people.valid
    assert empty.any()
    for name in ('token', 'head', 'pose', 'betas', 'canonical_joints'):
        assert (getattr(estimates.people, name)[empty] == 0).all()
    assert (estimates.person[empty] == -1).all()


def test_the_seed_decides_everything(stage, body):
    first, again, other = (simulate(stage, Errors(head=0.01, dropout=0.2), seed, body) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.people.head_px, again.people.head_px)
    np.testing.assert_array_equal(first.person, again.person)
    assert first.person.shape != other.person.shape or (first.person != other.person).any()


@pytest.mark.parametrize(('field', 'amount'), [('depth', 0.1), ('depth_bias', 0.1)])
def test_depth_errors_are_as_large_as_asked(stage, body, field, amount):
    errors = np.concatenate([
        _relative_depth(simulate(stage, dataclasses.replace(Errors(), **{field: amount}), seed, body))
        for seed in range(6)
    ])  # fmt: skip
    assert errors.std() == pytest.approx(amount, rel=0.25)


def _relative_depth(estimates):
    view, step, slot = rows(estimates)
    true = _true_depth(estimates)[view, step, estimates.person[view, step, slot]]
    return np.log(estimates.people.head[view, step, slot, 2] / true)


def _true_depth(estimates):
    """(V, T, K) true depths."""
    stage = estimates.stage
    from_world = np.linalg.inv(stage.world_from_camera)
    heads = np.broadcast_to(stage.truth.head, (len(from_world), *stage.truth.head.shape))
    return transform(from_world, heads)[..., 2]


def test_dropout_and_duplicates_happen_as_often_as_asked(stage, body):
    full = simulate(stage, Errors(), 0, body).people.valid.sum()
    missed = [simulate(stage, Errors(dropout=0.3), seed, body).people.valid.sum() for seed in range(4)]
    assert np.mean(missed) == pytest.approx(0.7 * full, rel=0.1)
    doubled = [simulate(stage, Errors(duplicate=0.3), seed, body).people.valid.sum() for seed in range(4)]
    assert np.mean(doubled) == pytest.approx(1.3 * full, rel=0.1)


def test_a_person_who_is_not_there_is_not_detected(stage, body):
    present = stage.truth.present.copy()
    present[:4, 1] = False
    late = dataclasses.replace(stage, truth=dataclasses.replace(stage.truth, present=present))
    person = simulate(late, Errors(), 0, body).person
    assert not (person[:, :4] == 1).any()
    assert (person[:, 4:] == 1).any()


def test_occlusion_hides_the_farther_of_two(stage, body):
    joints = stage.truth.joints.copy()
    camera = stage.world_from_camera[0, 0, :3, 3]
    ray = joints[:, 0, 15] - camera
    joints[:, 1] += (camera + 1.2 * ray - joints[:, 1, 15])[:, None]  # person 1 behind person 0
    behind = dataclasses.replace(stage, truth=dataclasses.replace(stage.truth, joints=joints))
    person = simulate(behind, Errors(occlusion=0.02), 0, body).person
    assert (person[0] == 0).any(-1).all()
    assert not (person[0] == 1).any()


def test_uniform_makes_tokens_alike_and_swaps_exchange_them(stage, body):
    def spread(errors):
        estimates = simulate(stage, errors, 0, body)
        tokens = [estimates.people.token[0][estimates.person[0] == k].mean(0) for k in range(2)]
        return np.linalg.norm(tokens[0] - tokens[1])

    assert spread(Errors(uniform=1.0)) < 1e-4 < spread(Errors())
    swapped = simulate(stage, Errors(swap=0.5), 0, body)
    tokens = swapped.people.token[swapped.person == 0]
    assert len(np.unique(np.round(tokens[:, :3], 3), axis=0)) > 3  # more than one per view


def test_the_scene_scales_but_bodies_do_not(stage, body):
    true, half = (simulate(stage, Errors(scale=scale), 0, body).people for scale in (1.0, 0.5))
    np.testing.assert_allclose(half.head, 0.5 * true.head)
    np.testing.assert_allclose(half.world_from_camera[..., :3, 3], 0.5 * true.world_from_camera[..., :3, 3])
    np.testing.assert_array_equal(half.canonical_joints, true.canonical_joints)


def test_nobody_gives_an_empty_window(body):
    estimates = simulate(crowd(2, 3, 0, 0, body), Errors(), 0, body)
    assert estimates.people.valid.shape == (2, 3, 0)
