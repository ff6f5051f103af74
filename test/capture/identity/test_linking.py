"""Who is who: votes of shared images, place, time, shape and token."""

from __future__ import annotations

import numpy as np

from chromm_ros.capture.identity.linking import Candidates, Observed, count_votes, link, pair_token_distance
from chromm_ros.capture.settings import IdentitySettings

SETTINGS = IdentitySettings()
A, B = np.array([0.0, 0, 1.6]), np.array([2.0, 0, 1.6])


def east(distance: float) -> np.ndarray:
    return np.array([distance, 0, 1.6])


def links(
    observed: list[np.ndarray],
    known: list[np.ndarray],
    votes=None,
    away=0.2,
    looks=None,
    new_looks=None,
    doubted=None,
) -> list:
    """Indices of the known that the observed are linked with; looks are (betas, token) numbers."""
    looks = [0.0] * len(known) if looks is None else looks
    new_looks = [0.0] * len(observed) if new_looks is None else new_looks
    votes = np.zeros((len(observed), len(known))) if votes is None else np.array(votes, float)
    away = np.full(len(known), away)
    doubted = np.zeros(len(known), bool) if doubted is None else np.array(doubted)
    candidates = Candidates(np.array(known), away, _looks(looks, 10), _looks(looks, 4), doubted)
    people = Observed(np.array(observed), _looks(new_looks, 10), _looks(new_looks, 4), votes)
    return link(people, candidates, 1.0, SETTINGS).tolist()


def _looks(values: list[float], size: int) -> np.ndarray:
    looks = np.zeros((len(values), size))
    looks[:, 0] = values
    return looks


def test_place_alone_links_the_near_and_not_the_far():
    assert links([B + 0.1, A - 0.1], [A, B]) == [1, 0]
    assert links([east(1.5)], [A]) == [-1]


def test_votes_link_across_a_wrong_depth():
    assert links([east(1.5)], [A], votes=[[6]]) == [0]


def test_place_corrects_tracklets_that_were_swapped():
    swapped = [[6, 0], [0, 6]]
    assert links([B, A], [A, B], votes=swapped) == [1, 0]
    close = east(0.15)
    assert links([close, A], [A, close], votes=swapped) == [0, 1]  # too near to tell: the votes decide


def test_nobody_is_linked_twice():
    assert sorted(links([A, A + 0.05], [A], votes=[[4], [2]])) == [-1, 0]
    assert links([A, A + 0.05], [A], votes=[[4], [2]])[0] == 0


def test_who_was_away_is_recognised_by_looks():
    doors = [A, east(0.5)]
    assert links([east(0.4)], doors, away=10.0, looks=[2.0, 0.0], new_looks=[2.0]) == [0]
    assert links([east(0.4)], doors, away=10.0, looks=[2.0, 0.0], new_looks=[0.0]) == [1]


def test_a_stranger_at_the_same_place_is_new():
    assert links([A], [A], away=10.0, looks=[0.0], new_looks=[4.0]) == [-1]


def test_the_reach_grows_with_time_up_to_a_limit():
    there = east(2.0)
    assert links([there], [A], away=0.2) == [-1]
    assert links([there], [A], away=2.0) == [0]
    assert links([east(5.0)], [A], away=1000.0) == [-1]


def test_nothing_to_link():
    assert links([], [A]) == []
    assert link(
        Observed(np.zeros((1, 3)), np.zeros((1, 10)), np.zeros((1, 4)), np.zeros((1, 0))), None, 0.0, SETTINGS
    ) == [-1]


def test_votes_are_counted_per_person_and_identity():
    people = np.array([[0, 1, -1], [0, 0, 1]])
    labels = np.array([[7, 9, 7], [7, 9, 4]])
    assert count_votes(people, labels, [9, 7], 2).tolist() == [[1, 2], [1, 0]]


def test_token_distance_needs_two_people_in_an_image():
    tokens = np.zeros((2, 3, 4))
    tokens[0, 1] = 1.0
    assert pair_token_distance(tokens, np.array([[True, False, False], [True, False, False]])) is None
    assert pair_token_distance(tokens, np.array([[True, True, False], [True, False, False]])) == 2.0


def test_a_stranger_takes_nobodys_id():
    """Rather than giving the known person another id so that the stranger gets one, the stranger is new."""
    voted = [[5, 0], [0, 0]]
    assert links([A, east(0.55)], [A, east(3.0)], votes=voted, looks=[0.0, 0.0], new_looks=[0.0, 6.0]) == [0, -1]


def test_who_was_never_believed_in_is_found_by_votes_alone():
    assert links([A], [A]) == [0]
    assert links([A], [A], doubted=[True]) == [-1]
    assert links([A], [A], votes=[[3]], doubted=[True]) == [0]
