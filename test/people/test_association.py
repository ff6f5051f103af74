import dataclasses

import numpy as np
import pytest
from people_windows import changed, chosen, same_partition

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Tracklets
from chromm_ros.people import AssociationSettings, associate
from chromm_ros.people.association import merge
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

ERRORS = EstimateErrors()

SETTINGS = AssociationSettings()


def test_people_are_found_again_in_every_view(noisy):
    identity = associate(noisy.people, Tracklets(noisy.person), SETTINGS, ERRORS)
    assert same_partition(identity, noisy.person)


def test_the_order_of_views_and_people_changes_nothing(noisy):
    identity = associate(noisy.people, Tracklets(noisy.person), SETTINGS, ERRORS)
    views, detections = [3, 1, 0, 2], [1, 2, 0]
    again = associate(
        chosen(noisy.people, views, detections), Tracklets(noisy.person[views][:, :, detections]), SETTINGS, ERRORS
    )
    np.testing.assert_array_equal(again, identity[views][:, :, detections])


def test_the_names_of_tracklets_do_not_matter(noisy):
    other = np.where(noisy.person >= 0, (7 * noisy.person + 5) % 31, -1)
    np.testing.assert_array_equal(
        associate(noisy.people, Tracklets(other), SETTINGS, ERRORS),
        associate(noisy.people, Tracklets(noisy.person), SETTINGS, ERRORS),
    )


def test_identities_count_from_zero_by_first_appearance(body):
    stage = crowd(3, 6, 3, 2, body)
    present = stage.truth.present.copy()
    present[:2, 0] = False  # comes late
    stage = dataclasses.replace(stage, truth=dataclasses.replace(stage.truth, present=present))
    estimates = simulate(stage, Errors(), 0, body)
    identity = associate(estimates.people, Tracklets(estimates.person), SETTINGS, ERRORS)
    assert (identity[estimates.person == 0] == 2).all()
    assert set(np.unique(identity)) - {-1} == {0, 1, 2}


def test_a_wrong_depth_is_forgiven_along_the_ray_only(body):
    estimates = simulate(crowd(4, 6, 3, 1, body), Errors(depth_bias=0.15), 1, body)
    tracklets = Tracklets(estimates.person)
    literal = associate(estimates.people, tracklets, dataclasses.replace(SETTINGS, along_rays=False), ERRORS)
    assert literal.max() > 2
    tolerant = associate(estimates.people, tracklets, SETTINGS, EstimateErrors(depth=0.15))
    assert same_partition(tolerant, estimates.person)


def test_one_person_is_never_twice_in_an_image():
    # two tracklets of view 0 at the same time both match one of view 1; the cheaper match wins
    view = np.array([0, 0, 1])
    present = np.ones((3, 4), bool)
    groups = merge([(0.1, 1, 2), (0.2, 0, 2)], view, present)
    assert groups[1] == groups[2] != groups[0]


def test_two_halves_of_a_track_are_one_person():
    view = np.array([0, 0, 1])
    present = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]], bool)
    assert len(set(merge([(0.1, 1, 2), (0.2, 0, 2)], view, present))) == 1


def test_a_conflict_over_several_views_is_refused():
    view = np.array([0, 1, 2, 0])
    present = np.ones((4, 2), bool)
    groups = merge([(0.1, 0, 1), (0.1, 1, 2), (0.3, 2, 3)], view, present)
    assert groups[0] == groups[1] == groups[2] != groups[3]


def test_short_tracklets_match_with_all_they_have(clean):
    first = changed(clean.people, valid=clean.people.valid & (np.arange(6) == 0)[None, :, None])
    person = np.where(first.valid, clean.person, -1)
    assert same_partition(associate(first, Tracklets(person), SETTINGS, ERRORS), person)


def test_tracklets_that_never_meet_are_two_people(clean):
    person = clean.person.copy()
    person[0, 3:] = -1
    person[1, :3] = -1
    people = chosen(clean.people, [0, 1])
    identity = associate(people, Tracklets(person[:2]), SETTINGS, ERRORS)
    assert not set(identity[0].ravel()) & set(identity[1].ravel()) - {-1}


@pytest.mark.parametrize('views', [[0], [1, 1]], ids=['one view', 'a camera twice'])
def test_degenerate_rigs(clean, views):
    person = clean.person[views]
    assert same_partition(associate(chosen(clean.people, views), Tracklets(person), SETTINGS, ERRORS), person)


def test_a_view_without_detections_and_nobody_at_all(clean, nobody):
    person = clean.person.copy()
    person[2] = -1
    assert same_partition(associate(clean.people, Tracklets(person), SETTINGS, ERRORS), person)
    assert associate(nobody, Tracklets(np.full((4, 6, 0), -1)), SETTINGS, ERRORS).shape == (4, 6, 0)


def upside_down(people, view):
    """The estimates of one view with the bodies hanging from their heads: right places, wrong poses."""
    root_rotation = people.root_rotation.copy()
    root_rotation[view] = np.diag([1.0, -1.0, -1.0]) @ root_rotation[view]
    canonical_joints = people.canonical_joints.copy()
    canonical_joints[view] *= np.array([1.0, 0.3, 1.0])
    return dataclasses.replace(people, root_rotation=root_rotation, canonical_joints=canonical_joints)


def test_a_view_with_wrong_poses_is_joined_by_its_rays(body):
    estimates = simulate(crowd(3, 6, 3, 1, body), Errors(), 1, body)
    wrong, tracklets = upside_down(estimates.people, 1), Tracklets(estimates.person)
    assert associate(wrong, tracklets, SETTINGS, ERRORS).max() > 2
    by_rays = associate(wrong, tracklets, dataclasses.replace(SETTINGS, ray_distance=0.25), ERRORS)
    assert same_partition(by_rays, estimates.person)


def test_rays_do_not_join_people_who_stand_apart(body):
    estimates = simulate(crowd(4, 6, 4, 2, body), Errors(), 1, body)
    kept = estimates.person.copy()
    kept[:2][kept[:2] >= 2] = -1  # two views see one half of the people, two the other half
    kept[2:][(kept[2:] >= 0) & (kept[2:] < 2)] = -1
    identity = associate(estimates.people, Tracklets(kept), dataclasses.replace(SETTINGS, ray_distance=0.25), ERRORS)
    assert same_partition(identity, kept)
