"""The margin means what BoundingCylinder.msg says: a quantile and a way, within a bound; a place up to a width."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standins import human

from chromm_ros.ros.outputs.margins import WALKING_SPEED, margin_of

SECOND = 1_000_000_000


def person(deviation=0.1, velocity=(0.0, 0.0, 0.0), unseen=0.0):
    made = dataclasses.replace(
        human(1, 0), velocity=np.array(velocity), last_observed=10 * SECOND - round(unseen * SECOND)
    )
    made.covariance[:3, :3] = deviation**2 * np.eye(3)
    return made


def margin(somebody, latency=0.0, sigma=2.0, widest=1.0):
    return margin_of(somebody, 10 * SECOND, latency, sigma, widest)


def test_it_is_two_deviations_in_the_worst_direction_and_the_way_since_the_stamp():
    somebody = person(velocity=(0.6, 0.8, 0.0))
    somebody.covariance[:2, :2] = np.array([[0.05, 0.03], [0.03, 0.05]])
    assert margin(somebody, latency=0.4).width == pytest.approx(2 * math.sqrt(0.08) + 0.4)
    assert margin(somebody).width == pytest.approx(2 * math.sqrt(0.08)), 'extrapolated to now: no way is left'


def test_height_does_not_widen_a_cylinder():
    somebody = person()
    somebody.covariance[2, 2] = 9.0
    assert margin(somebody).width == pytest.approx(0.2)


def test_nobody_is_taken_to_run():
    assert margin(person(0.0, (30.0, 0.0, 0.0)), latency=0.5).width == pytest.approx(0.5 * WALKING_SPEED)


@given(
    st.floats(0, 50),
    st.tuples(*[st.floats(-20, 20)] * 3),
    st.floats(0, 30),
    st.floats(0, 5),
    st.floats(0, 5),
    st.floats(0.1, 3),
)
def test_it_is_never_more_than_its_bound_and_a_place_only_up_to_the_width(
    deviation, velocity, unseen, latency, sigma, widest
):
    found = margin(person(deviation, velocity, unseen), latency, sigma, widest)
    assert 0 <= found.width <= widest + WALKING_SPEED * (unseen + latency) + 1e-6
    assert not found.placed or found.width <= widest


def test_somebody_who_hides_behind_a_cupboard_loses_the_place_and_does_not_close_the_room():
    assert margin(person(0.3, unseen=2.0)).placed
    hidden = margin(person(5.0, unseen=2.0))
    assert not hidden.placed
    assert hidden.width == pytest.approx(1.0 + 2.0 * WALKING_SPEED)


def test_an_unknown_uncertainty_is_no_place():
    somebody = person()
    somebody.covariance[0, 0] = math.nan
    found = margin(somebody)
    assert not found.placed
    assert math.isfinite(found.width)
