"""Stamps are compared with the clock of the node and with each other; what is wrong is said."""

import pytest

from chromm_ros.intake.dating import NANO, Dating


def said(ahead, cameras='ab', live=True):
    """What is found after images that are so far ahead of the node [s]."""
    dating = Dating(cameras)
    for k in range(10):
        for camera in cameras:
            now = (1000 + k) * NANO
            dating(camera, now + round(ahead.get(camera, 0.0) * NANO), now)
    return {camera: ' '.join(finding.text for finding in dating.findings(camera, live)) for camera in cameras}


@pytest.mark.parametrize('ahead', [0.0, -0.2, -8.0, 0.3])
def test_delays_are_no_other_clock(ahead):
    assert said({'a': ahead, 'b': ahead}) == {'a': '', 'b': ''}


@pytest.mark.parametrize(('ahead', 'words'), [(0.6, '+0.6 s'), (3.0, '+3 s'), (-11.0, '-11 s'), (-900.0, '-900 s')])
def test_stamps_from_the_future_or_of_long_ago_are_of_another_clock(ahead, words):
    found = said({'a': ahead, 'b': ahead})
    assert all(f'another clock, {words} against the clock of this node' in text for text in found.values())
    assert said({'a': ahead, 'b': ahead}, live=False) == {'a': '', 'b': ''}


def test_images_of_files_without_a_time_are_not_blamed_on_a_driver():
    dating = Dating('a')
    assert dating('a', 0, 0) == 0
    assert not dating.findings('a', live=False)
    dating('a', 0, 5 * NANO)
    assert 'does not date its images' in dating.findings('a')[0].text
