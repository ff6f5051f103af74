"""The filter trusts what is sure, and forgets what time made doubtful."""

from __future__ import annotations

import math

import pytest

from chromm_ros.capture.world.scale_filter import ScaleFilter
from chromm_ros.people import ScaleEstimate


def test_scale_filter_trusts_what_is_sure():
    scale = ScaleFilter()
    scale.observe(2.0, 0.01)
    assert scale.scale == pytest.approx(2.0, rel=0.01)
    scale.observe(1.0, 1.0)
    assert scale.scale == pytest.approx(2.0, rel=0.01)
    scale.drift(1.0)
    scale.observe(1.0, 0.1)
    assert scale.scale == pytest.approx(1.0, rel=0.02)


def test_scale_filter_follows_a_jump_only_where_it_may():
    calm, following = ScaleFilter(), ScaleFilter()
    for _ in range(20):
        calm.observe(1.0, 0.02)
        following.observe(1.0, 0.02, follow=True)
    calm.observe(1.5, 0.02)
    following.observe(1.5, 0.02, follow=True)
    assert calm.scale == pytest.approx(1.0, abs=0.05)
    assert following.scale == pytest.approx(1.5, abs=0.02)


def test_many_votes_that_agree_weigh_more_and_nobody_weighs_nothing():
    one, many, none = ScaleFilter(), ScaleFilter(), ScaleFilter()
    one.observe_vote(ScaleEstimate(1.3, math.nan, 1))
    many.observe_vote(ScaleEstimate(1.3, 0.05, 20))
    none.observe_vote(ScaleEstimate(1.3, math.nan, 0))
    none.observe_vote(None)
    assert none.scale == 1.0
    assert 1.0 < one.scale < many.scale < 1.3
