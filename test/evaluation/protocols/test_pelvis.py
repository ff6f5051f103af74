import numpy as np
import pytest

from chromm_ros.evaluation.metrics import pelvis_error
from chromm_ros.evaluation.protocols.pelvis import TruePerson, match_heads


def test_three_and_four_pixels_on_a_box_of_two_hundred():
    assert pelvis_error(np.zeros(2), np.array([3.0, 4.0]), np.array([200.0, 100.0])) == pytest.approx(0.025)


def test_heads_go_to_the_nearest_within_half_a_box():
    people = [
        TruePerson(np.array([x, 10.0]), np.array([x, 50.0]), np.array([x - 20, 0, x + 20, 100])) for x in (0.0, 40.0)
    ]
    first, second = match_heads(people, np.array([[39.0, 12.0], [2.0, 10.0], [200.0, 10.0]]))
    assert dict(zip(first.tolist(), second.tolist())) == {0: 1, 1: 0}
