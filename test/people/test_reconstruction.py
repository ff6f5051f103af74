import numpy as np
import pytest
from people_windows import changed, chosen, same_partition

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people import PeopleSettings, reconstruct_people
from chromm_ros.settings import leaves
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

ERRORS = EstimateErrors()

SETTINGS = PeopleSettings()


def test_the_people_of_a_window_come_out(noisy, body):
    tracklets, people = reconstruct_people(noisy.people, SETTINGS, ERRORS, body)
    assert same_partition(np.where(tracklets.ids < 0, -1, noisy.person), people.identity)
    assert people.valid.shape == (6, 3)
    order = [noisy.person[people.identity == k][0] for k in range(3)]
    error = np.linalg.norm(people.head - noisy.stage.truth.head[:, order], axis=-1)
    assert np.median(error[people.valid]) < 0.05


def test_the_order_of_views_and_people_changes_nothing(noisy, body):
    _, people = reconstruct_people(noisy.people, SETTINGS, ERRORS, body)
    views, detections = [1, 3, 2, 0], [1, 2, 0]
    _, again = reconstruct_people(chosen(noisy.people, views, detections), SETTINGS, ERRORS, body)
    np.testing.assert_array_equal(again.identity, people.identity[views][:, :, detections])
    np.testing.assert_allclose(again.joints, people.joints, atol=1e-6)
    assert again.dropped == people.dropped


def test_a_single_image_of_each_view_is_enough(clean, body):
    arrays = {name: array for name, array in vars(clean.people).items() if name != 'times' and array is not None}
    first = {name: array[:, :1] for name, array in arrays.items()}
    _, people = reconstruct_people(
        changed(clean.people, **first, times=clean.people.times[:1]), SETTINGS, ERRORS, body
    )
    assert same_partition(people.identity, clean.person[:, :1])


def test_one_view_alone_gives_its_own_people(clean, body):
    _, people = reconstruct_people(chosen(clean.people, [2]), SETTINGS, ERRORS, body)
    np.testing.assert_allclose(np.sort(people.head, 1), np.sort(clean.stage.truth.head, 1), atol=1e-5)


def test_nobody_is_an_empty_result(nobody, body):
    tracklets, people = reconstruct_people(nobody, SETTINGS, ERRORS, body)
    assert people.valid.shape == (6, 0)
    assert tracklets.dropped == people.dropped == {}


def test_a_view_without_any_detection(clean, body):
    valid = clean.people.valid.copy()
    valid[3] = False
    _, people = reconstruct_people(changed(clean.people, valid=valid), SETTINGS, ERRORS, body)
    assert people.valid.shape == (6, 3)
    assert not people.fused[3].any()


def test_everything_broken_in_one_view_costs_that_view_only(clean, body):
    broken = {}
    for name in ('token', 'pose', 'betas', 'head', 'head_px', 'canonical_joints', 'root_rotation'):
        values = np.array(getattr(clean.people, name), copy=True)
        values[1] = np.nan
        broken[name] = values
    _, people = reconstruct_people(changed(clean.people, **broken), SETTINGS, ERRORS, body)
    assert people.valid.shape == (6, 3)
    assert people.dropped == {'not finite': int(clean.people.valid[1].sum())}
    assert np.isfinite(people.joints).all()


def test_a_camera_listed_twice_changes_nobody(clean, body):
    _, people = reconstruct_people(chosen(clean.people, [0, 1, 2, 3, 3]), SETTINGS, ERRORS, body)
    assert people.valid.shape == (6, 3)
    heads = np.sort(clean.stage.truth.head, 1)
    np.testing.assert_allclose(np.sort(people.head, 1), heads, atol=1e-5)


def test_identical_people_raise_nothing(clean, body):
    same = {
        name: np.repeat(getattr(clean.people, name)[:, :, :1], 3, axis=2)
        for name in ('valid', 'score', 'token', 'head_px', 'pelvis_px', 'pose', 'betas', 'root_rotation', 'head')
    }
    same['canonical_joints'] = np.repeat(clean.people.canonical_joints[:, :, :1], 3, axis=2)
    _, people = reconstruct_people(changed(clean.people, **same), SETTINGS, ERRORS, body)
    assert people.dropped['duplicate'] == 2 * clean.people.valid[:, :, 0].sum()


@pytest.mark.slow
def test_a_crowd_with_every_error_is_still_mostly_right(body):
    errors = Errors(
        head=0.004, depth=0.05, depth_bias=0.03, rotation=0.1, pose=0.1, betas=0.3, token=0.3, uniform=0.5,
        dropout=0.1, outlier=0.01, swap=0.02, duplicate=0.05, occlusion=0.03, camera_position=0.02,
    )  # fmt: skip
    estimates = simulate(crowd(4, 20, 6, 0, body), errors, 0, body)
    _, people = reconstruct_people(estimates.people, SETTINGS, ERRORS, body)
    named = people.identity >= 0
    owner = [np.bincount(estimates.person[people.identity == k]).argmax() for k in range(people.valid.shape[1])]
    assert set(owner) == set(range(6))
    assert (np.array(owner)[people.identity[named]] == estimates.person[named]).mean() > 0.97


def test_every_setting_has_a_meaning_and_a_default_in_range():
    for leaf in leaves(PeopleSettings):
        assert leaf.help.endswith('.'), leaf.name
        assert leaf.range.problem(leaf.default) is None, leaf.name
