"""The margin means what BoundingCylinder.msg says: a quantile and a way, within a bound; a place up to a width."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standins import human

from chromm_ros.ros.outputs.margins import SPEEDING_UP, WALKING_SPEED, margin_of, way_of

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
    assert margin(somebody, latency=0.4).width == pytest.approx(2 * math.sqrt(0.08) + way_of(somebody, 0.4))
    assert way_of(somebody, 0.4) == pytest.approx(1.6 * 0.4 - 0.6 * 0.2 / 2), '1 m/s is 1.6 m/s after 0.2 s'
    assert margin(somebody).width == pytest.approx(2 * math.sqrt(0.08)), 'extrapolated to now: no way is left'


def test_height_and_climbing_do_not_widen_a_cylinder():
    somebody = person(velocity=(0.0, 0.0, 2.0))
    somebody.covariance[2, 2] = 9.0
    assert margin(somebody).width == pytest.approx(0.2)
    assert margin(somebody, latency=0.3).width == pytest.approx(margin(person(), latency=0.3).width)


@given(st.floats(0, 3), st.floats(0, 2), st.floats(0, 2))
def test_the_way_holds_whoever_speeds_up_by_less(speed, seconds, more):
    way = way_of(person(velocity=(speed, 0.0, 0.0)), seconds)
    top = max(speed, WALKING_SPEED)
    for share in (0.0, 0.3, 1.0):
        times = np.linspace(0.0, seconds, 400)
        reached = np.trapezoid(np.minimum(speed + share * SPEEDING_UP * times, top), times)
        assert reached <= way + 1e-6
    assert way_of(person(velocity=(speed, 0.0, 0.0)), seconds + more) - way <= top * more + 1e-9


def test_a_slow_machine_makes_places_wider_and_no_regions_of_them():
    slow = margin(person(0.2, velocity=(1.4, 0.0, 0.0)), latency=0.8)
    assert slow.placed
    assert slow.width > 1.4


def test_extrapolation_makes_no_region_of_a_place():
    now, then = person(0.6, unseen=0.8), person(0.1)
    assert not margin(now).placed
    assert margin_of(now, 10 * SECOND, 0.0, 2.0, 1.0, estimated=then).placed
    assert not margin_of(then, 10 * SECOND, 0.0, 2.0, 1.0, estimated=now).placed


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
    assert found.placed == (sigma * deviation <= widest + 1e-9)


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
