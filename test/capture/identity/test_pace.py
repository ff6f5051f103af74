"""That image sets come too seldom for people to keep their ids is said, once, and stands in what holds now."""

from __future__ import annotations

import numpy as np
import pytest
from captures import capture_of
from truthful_studio import Studio, standing

from chromm_ros.capture.identity.pace import Pace
from chromm_ros.capture.notices import Notices
from chromm_ros.people.tracker.settings import STABLE_RATE

SECOND = 1_000_000_000


def run(pace, notices, rate, seconds, start=0.0):
    """Take image sets; returns the end [s]."""
    for time in start + np.arange(round(rate * seconds)) / rate:
        pace.take(round(time * SECOND), notices)
    return start + seconds


@pytest.mark.parametrize(
    ('rate', 'slow'), [(30, False), (4, False), (3, False), (2.98, False), (2, True), (0.2, True)]
)
def test_too_few_image_sets_are_said_once_and_stand_in_what_holds_now(rate, slow):
    pace, notices = Pace(), Notices()
    run(pace, notices, rate, 60)
    _, sentences = notices.tell()
    assert len(sentences) == len(pace.findings) == slow
    if slow:
        assert sentences == (pace.findings[0].text,)
        assert sentences[0].startswith(f'{rate:.1f} image sets per second are too few')
        assert f'from {STABLE_RATE:g} on' in sentences[0]
    assert pace.rate == pytest.approx(rate, rel=0.02)


def test_nothing_is_said_of_a_photo_or_a_moment():
    pace, notices = Pace(), Notices()
    assert pace.rate is None
    run(pace, notices, 1, 4)
    assert pace.rate is None
    assert notices.tell()[1] == ()


def test_a_machine_that_becomes_busy_and_recovers():
    pace, notices = Pace(), Notices()
    end = run(pace, notices, 5, 30)
    assert not pace.findings
    end = run(pace, notices, 1.2, 30, end)
    assert pace.findings
    end = run(pace, notices, 2.92, 30, end)
    assert pace.findings, 'almost is not enough to take it back'
    end = run(pace, notices, 5, 30, end)
    assert not pace.findings
    assert len(notices.tell()[1]) == 1
    run(pace, notices, 1.2, 30, end)
    assert len(notices.tell()[1]) == 1, 'it is said again when it happens again'


def test_it_is_written_down():
    pace, other = Pace(), Pace()
    run(pace, Notices(), 1, 20)
    other.load_state_dict(pace.state_dict())
    assert other.state_dict() == pace.state_dict()
    assert other.rate == pace.rate
    assert [finding.text for finding in other.findings] == [finding.text for finding in pace.findings]


@pytest.mark.parametrize(('period', 'slow'), [(0.3, False), (1.0, True)])
def test_a_capture_says_it_of_the_image_sets_that_it_computes(period, slow):
    studio = Studio([standing(0, 1)])
    capture = capture_of(studio)
    shots = [capture.add(studio.images(float(time), rig=studio.rig)) for time in np.arange(0, 8, period)]
    said = [message for shot in shots for message in shot.messages if 'too few' in message]
    assert len(said) == slow
    assert bool(shots[-1].findings) == slow
    assert not shots[0].findings
