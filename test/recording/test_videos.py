"""Frames of videos are paired by when they were taken, whatever their rates, starts and gaps."""

from collections import Counter

import numpy as np
import pytest
from recordings import shown, write_video

from chromm_ros.recording import videos
from chromm_ros.recording.sources import open_source

LEVEL = 0.025
"""Seconds of one gray level, and what the codec takes off."""


def even(rate, seconds=2.0, start=0.0):
    return [start + n / rate for n in range(round(rate * seconds))]


def dark():
    """A phone in bad light: half the rate in the second second."""
    return [n / 30 for n in range(30)] + [1 + n / 15 for n in range(15)]


def jittered():
    return [n / 30 + 0.004 * ((7 * n) % 5) / 5 for n in range(60)]


def with_gap():
    return [n / 30 for n in range(60) if not 20 <= n < 40]


def pairs(tmp_path, left, right, suffix='.mkv', **options):
    files = [write_video(tmp_path / f'left{suffix}', left), write_video(tmp_path / f'right{suffix}', right)]
    source = open_source(files, **options)
    sets = list(source)
    both = [one for one in sets if len(one.views) == 2]
    return (
        source,
        sets,
        np.array([[one.stamp / 1e9, shown(one, 'left') / 100, shown(one, 'right') / 100] for one in both]),
    )


@pytest.mark.parametrize('suffix', ['.mkv', '.mp4', '.avi'])
@pytest.mark.parametrize('rates', [(30, 15), (15, 30), (30, 25), (30, 29.97), (10, 60)])
def test_different_rates_show_the_same_moments(tmp_path, rates, suffix):
    left, right = (even(rate) for rate in rates)
    _, _, table = pairs(tmp_path, left, right, suffix)
    assert len(table) >= 2 * min(rates) - 2
    assert np.abs(table[:, 1] - table[:, 2]).max() <= 0.5 / max(rates) + LEVEL


@pytest.mark.parametrize('times', [dark(), jittered(), with_gap(), even(30, start=0.5), even(24, seconds=1.0)])
def test_variable_rates_gaps_and_late_starts_show_the_same_moments(tmp_path, times):
    _, _, table = pairs(tmp_path, even(30), times)
    assert len(table) >= 0.9 * sum(time < 2.0 for time in times) - 1
    assert np.abs(table[:, 1] - table[:, 2]).max() <= 1 / 60 + LEVEL
    assert np.abs(table[:, 0] - table[:, 2]).max() <= 1 / 60 + LEVEL


def test_where_one_video_has_a_gap_the_other_goes_on(tmp_path):
    _, sets, _ = pairs(tmp_path, even(30), [t for t in even(30, 6.0) if not 1.0 <= t < 5.0], camera_timeout=0.5)
    alone = [one.stamp / 1e9 for one in sets if list(one.views) == ['left']]
    assert min(alone, default=0) > 0.4


def test_a_lone_video_keeps_its_own_times(tmp_path):
    source = open_source([write_video(tmp_path / 'one.mkv', dark())])
    stamps = np.array([one.stamp for one in source]) / 1e9
    np.testing.assert_allclose(stamps, dark(), atol=2e-3)


@pytest.mark.parametrize('rate', [20.0, 15.0, 10.0, 7.0, 100.0])
def test_a_rate_thins_and_keeps_the_moments_together(tmp_path, rate):
    _, sets, table = pairs(tmp_path, even(30), even(15), rate=rate)
    assert len(sets) == pytest.approx(2 * min(rate, 15), abs=2)
    assert np.abs(table[:, 1] - table[:, 2]).max() <= 1 / 60 + LEVEL


@pytest.mark.parametrize('offset', [0.5, -0.4, 1.234])
def test_an_offset_moves_a_camera_that_was_started_by_hand(tmp_path, offset):
    """What happens at second s is frame time s of ``left``, but s - offset of ``right``."""
    begin = max(offset, 0.0)
    left = write_video(tmp_path / 'left.mkv', even(30, 2.0), level=lambda time: round(100 * time))
    right = write_video(tmp_path / 'right.mkv', even(30, 2.0), level=lambda time: round(100 * (time + offset)) % 256)
    both = [one for one in open_source([left, right], offsets={'right': offset}) if len(one.views) == 2]
    assert len(both) == pytest.approx(30 * (2.0 - abs(offset)), abs=3)
    moments = np.array(
        [[shown(one, 'left'), shown(one, 'right')] for one in both if shown(one, 'left') >= 100 * begin]
    )
    assert np.abs(moments[:, 0] - moments[:, 1]).max() <= 100 * (1 / 60 + LEVEL)


def test_cameras_half_a_period_apart_are_paired(tmp_path):
    _, _, table = pairs(tmp_path, even(15), even(15, start=0.033))
    assert len(table) >= 29
    assert np.abs(table[:, 1] - table[:, 2]).max() <= 0.034 + LEVEL


def test_a_slop_that_the_user_gave_is_kept_and_what_it_costs_is_said(tmp_path):
    source, sets, _ = pairs(tmp_path, even(15), even(15, start=0.033), given={'sync_slop'})
    assert not sets
    assert 'sync_slop: 0.03' in ' '.join(source.notes)


def test_a_camera_that_covers_a_part_is_named(tmp_path):
    source, sets, _ = pairs(tmp_path, even(30, 4.0), even(30, 2.0))
    assert len(sets) == pytest.approx(120, abs=2)
    assert any(note.startswith('right: has images from 0.0 s to 2.0 s') for note in source.notes)


@pytest.mark.parametrize(
    ('content', 'words'),
    [(b'', 'is empty'), (b'no video', 'cannot be opened as a video'), (None, 'the index at its end is missing')],
)
def test_files_that_are_no_videos_are_one_line(tmp_path, content, words):
    whole = write_video(tmp_path / 'whole.mp4', even(30))
    cut = tmp_path / 'cut.mp4'
    cut.write_bytes(whole.read_bytes()[:-2000] if content is None else content)
    with pytest.raises(ValueError, match=words) as caught:
        list(open_source([cut]))
    assert 'cut.mp4' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_damaged_frames_are_counted_and_the_rest_is_used(tmp_path):
    whole = write_video(tmp_path / 'a.avi', even(30))
    content = bytearray(whole.read_bytes())
    for place in range(6000, 12000):
        content[place] = 0
    whole.write_bytes(content)
    lost = Counter()
    count = sum(1 for _ in videos.frames(whole, 'a', lost))
    assert count + lost['damaged_frame'] >= 50
    assert count > 30
