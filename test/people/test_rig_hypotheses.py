import numpy as np
import pytest
from people_windows import chosen, same_partition

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import Tracklets
from chromm_ros.people import AssociationSettings, associate
from chromm_ros.people.rig_hypotheses import match_misplaced
from chromm_ros.people.tracklet_stack import TrackletStack
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

ERRORS = EstimateErrors()

NOISE = 0.5
MISPLACED = Errors(
    head=0.004, depth=0.03, rotation=0.2, pose=0.05, dropout=0.1, camera_position=NOISE, camera_rotation=0.08
)


def partition(people, person, noise=NOISE):
    stack = TrackletStack.of(people, Tracklets(person), joints=1)
    identity = np.full(person.shape, -1)
    identity[stack.rows] = match_misplaced(people, stack, np.full(len(people.valid), noise), ERRORS)[stack.of_row]
    return identity


def test_people_are_found_where_eq_4_alone_does_not_find_them(body):
    found = {'eq. 4': 0, 'shifts': 0}
    for seed in range(12):
        estimates = simulate(crowd(4, 4, 3, seed, body), MISPLACED, seed, body)
        literal = associate(estimates.people, Tracklets(estimates.person), AssociationSettings(), ERRORS)
        found['eq. 4'] += same_partition(literal, estimates.person)
        found['shifts'] += same_partition(partition(estimates.people, estimates.person), estimates.person)
    assert found['shifts'] >= 9
    assert found['shifts'] >= found['eq. 4'] + 5


def test_the_order_of_views_and_people_changes_nothing(body):
    estimates = simulate(crowd(4, 4, 3, 1, body), MISPLACED, 1, body)
    views, detections = [2, 0, 3, 1], [2, 0, 1]
    again = partition(chosen(estimates.people, views, detections), estimates.person[views][:, :, detections])
    there = partition(estimates.people, estimates.person)[views][:, :, detections]
    assert same_partition(again, there)


def test_a_shift_costs_more_than_it_gains_for_people_who_are_elsewhere(body):
    # in view 0 the first person only, in view 1 the second one only: they stand metres apart
    estimates = simulate(crowd(2, 3, 2, 5, body, spread=4.0), Errors(), 0, body)
    alone = np.where(estimates.person == np.array([0, 1])[:, None, None], estimates.person, -1)
    heads = estimates.stage.truth.head[0]
    assert np.linalg.norm(heads[0] - heads[1]) > 3.0
    assert same_partition(partition(estimates.people, alone, noise=0.3), alone)


@pytest.mark.parametrize('people', [0, 1])
def test_views_that_see_nobody_have_nothing_to_match(body, people):
    estimates = simulate(crowd(3, 2, 1, 3, body), Errors(), 0, body)
    seen = np.where(np.arange(3)[:, None, None] < people, estimates.person, -1)
    assert same_partition(partition(estimates.people, seen), seen)
