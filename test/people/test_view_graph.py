import numpy as np
import pytest

from chromm_ros.people.view_graph import view_pairs


def connected(pairs, views):
    group = np.arange(views)
    for a, b in pairs:
        group[group == group[b]] = group[a]
    return len(set(group)) == 1


def test_few_views_are_all_paired():
    pairs = view_pairs(np.random.default_rng(0).normal(size=(4, 3)), neighbours=3)
    assert [tuple(pair) for pair in pairs] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


def test_two_far_groups_are_joined_by_their_shortest_bridge():
    left = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    right = left + np.array([50.0, 0, 0])
    pairs = view_pairs(np.concatenate([left, right]), neighbours=1)
    assert connected(pairs, 6)
    assert (1, 3) in {tuple(pair) for pair in pairs}


@pytest.mark.parametrize('count', [0, 1])
def test_fewer_than_two_views_have_no_pairs(count):
    assert view_pairs(np.zeros((count, 3)), 3).shape == (0, 2)


def test_cameras_in_one_place_are_paired():
    pairs = view_pairs(np.zeros((3, 3)), neighbours=1)
    assert connected(pairs, 3)


def test_views_without_a_centre_are_left_out():
    centres = np.array([[0.0, 0, 0], [np.nan, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(view_pairs(centres, 3), [[0, 2]])


def test_the_order_of_the_views_does_not_matter_even_with_ties():
    corners = np.array([[0.0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0], [2, 2, 3]])
    order = np.array([3, 1, 4, 0, 2])
    pairs = {frozenset(pair) for pair in view_pairs(corners, 2)}
    again = {frozenset(order[list(pair)]) for pair in view_pairs(corners[order], 2)}
    assert again == pairs
