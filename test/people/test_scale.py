import numpy as np
import pytest
from people_windows import changed

from chromm_ros.people import ScaleSettings, rescaled, rig_scale, scale_ratio
from chromm_ros.synthetic.estimates import Errors, simulate

ESTIMATORS = ('mean', 'median', 'sums')


@pytest.mark.parametrize('estimator', ESTIMATORS)
def test_a_scene_of_the_right_size_stays_as_it_is(clean, estimator):
    estimate = scale_ratio(clean.people, ScaleSettings(estimator=estimator))
    assert estimate.ratio == pytest.approx(1.0, abs=1e-5)
    assert estimate.spread < 1e-5
    assert estimate.votes == clean.people.valid.sum()


@pytest.mark.parametrize('scale', [0.6, 0.8, 1.3])
def test_the_scale_of_the_scene_is_found(clean, body, scale):
    estimates = simulate(clean.stage, Errors(scale=scale), 0, body)
    once = scale_ratio(estimates.people, ScaleSettings()).ratio
    often = scale_ratio(estimates.people, ScaleSettings(passes=8)).ratio
    assert once == pytest.approx(1 / scale, rel=0.03)  # perspective makes one pass inexact
    assert often == pytest.approx(1 / scale, rel=1e-4)


def test_one_person_of_another_size_moves_the_median_less(clean):
    pelvis = clean.people.pelvis_px.copy()
    off = clean.person == 0
    pelvis[off] = clean.people.head_px[off] + 2 * (pelvis[off] - clean.people.head_px[off])
    people = changed(clean.people, pelvis_px=pelvis)
    mean, median = (scale_ratio(people, ScaleSettings(estimator=name)) for name in ('mean', 'median'))
    assert abs(median.ratio - 1) < 0.01 < abs(mean.ratio - 1)
    assert mean.spread > 0.1


def test_votes_that_cannot_count_are_counted_by_reason(clean):
    pelvis = clean.people.pelvis_px.copy()
    pelvis[0, 0, 0] = clean.people.head_px[0, 0, 0]
    pelvis[1, 0, 0] = clean.people.head_px[1, 0, 0] + 5 * (pelvis[1, 0, 0] - clean.people.head_px[1, 0, 0])
    pelvis[2, 0, 0] = np.nan
    estimate = scale_ratio(changed(clean.people, pelvis_px=pelvis), ScaleSettings())
    assert estimate.dropped == {'head-pelvis length too short': 1, 'implausible ratio': 1}
    assert estimate.votes == clean.people.valid.sum() - 3
    assert estimate.ratio == pytest.approx(1.0, abs=1e-5)


def test_nobody_leaves_the_scale_alone(nobody):
    estimate = scale_ratio(nobody, ScaleSettings())
    assert (estimate.ratio, estimate.votes) == (1.0, 0)
    assert np.isnan(estimate.spread)


def test_rescaling_moves_heads_and_cameras_but_no_bodies(clean):
    people = rescaled(clean.people, 2.0)
    np.testing.assert_allclose(people.head, 2 * clean.people.head)
    np.testing.assert_allclose(people.world_from_camera[..., :3, 3], 2 * clean.people.world_from_camera[..., :3, 3])
    np.testing.assert_array_equal(people.world_from_camera[..., :3, :3], clean.people.world_from_camera[..., :3, :3])
    np.testing.assert_array_equal(people.canonical_joints, clean.people.canonical_joints)
    # seen from the camera nothing changes but the distance
    np.testing.assert_array_equal(people.head_px, clean.people.head_px)


def rig(centres):
    poses = np.tile(np.eye(4), (len(centres), 1, 1))
    poses[:, :3, 3] = centres
    return poses


def test_the_baselines_of_a_known_rig_give_the_scale():
    given = rig([[0.0, 0, 0], [4, 0, 0], [0, 3, 0]])
    estimate = rig_scale(rig(0.5 * given[:, :3, 3] + 10), given)
    assert estimate.ratio == pytest.approx(2.0)
    assert estimate.spread == pytest.approx(0.0, abs=1e-9)
    assert estimate.votes == 3


def test_short_and_unknown_baselines_do_not_vote():
    given = rig([[0.0, 0, 0], [0.1, 0, 0], [4, 0, 0], [9, 9, 9]])
    estimated = rig([[0.0, 0, 0], [1.0, 0, 0], [2, 0, 0], [np.nan, 0, 0]])
    estimate = rig_scale(estimated, given)
    assert estimate.votes == 2
    assert estimate.dropped == {'short or unknown baseline': 4}
    assert rig_scale(given[:1], given[:1]).ratio == 1.0
