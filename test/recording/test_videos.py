"""Frames of videos are paired by when they were taken, whatever their rates, starts and gaps."""

from collections import Counter
from fractions import Fraction

import av
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


def coded(path, times, codec='mpeg4', size=(64, 48), begin=0, **options):
    """A video as recorders write them: stored in another order than shown, in fragments, begun at any time."""
    muxing = {key: options.pop(key) for key in ('movflags',) if key in options}
    aspect = options.pop('aspect', Fraction(1))
    with av.open(str(path), 'w', options=muxing) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *size, 'yuv420p', 4_000_000
        stream.sample_aspect_ratio = aspect
        stream.options = {key: str(value) for key, value in options.items()}
        for number, time in enumerate(times):
            pixels = np.full((size[1], size[0], 3), round(100 * time), np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
            frame.pts = number
            for packet in stream.encode(frame):
                packet.pts, packet.dts = packet.pts + 30 * begin, packet.dts + 30 * begin
                container.mux(packet)
        for packet in stream.encode():
            packet.pts, packet.dts = packet.pts + 30 * begin, packet.dts + 30 * begin
            container.mux(packet)
    return path


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('a.avi', {'bf': 2}),
        ('a.mp4', {'bf': 2}),
        ('a.mkv', {'bf': 2}),
        ('a.ts', {'bf': 2, 'codec': 'mpeg2video'}),
        ('a.mp4', {'bf': 2, 'movflags': 'frag_keyframe+empty_moov'}),
        ('a.mov', {'bf': 2, 'codec': 'libx264', 'movflags': 'frag_keyframe+empty_moov'}),
        ('a.avi', {'bf': 2, 'codec': 'libx264'}),
        ('a.h264', {'codec': 'libx264'}),
        ('A.MOV', {'codec': 'libx265'}),
        ('a.webm', {'codec': 'libvpx-vp9'}),
    ],
)
def test_frames_have_the_times_at_which_they_are_shown(tmp_path, name, options):
    rate = 25 if name.endswith('h264') else 30  # what ffmpeg assumes of a stream without any time
    path = coded(tmp_path / name, even(rate), **options)
    found = np.array([(one.stamp / 1e9, shown(one, path.stem) / 100) for one in open_source([path])])
    assert len(found) == 2 * rate
    assert np.abs(found[:, 0] - found[:, 1]).max() <= LEVEL + 0.01


@pytest.mark.parametrize('begin', [30, 3600])
def test_clocks_with_nothing_in_common_begin_together_and_this_is_said(tmp_path, begin):
    paths = [coded(tmp_path / 'a.mkv', even(30)), coded(tmp_path / 'b.mkv', even(30), begin=begin)]
    source = open_source(paths)
    sets = list(source)
    assert len(sets) == 60
    assert all(abs(shown(one, 'a') - shown(one, 'b')) < 2 for one in sets)
    assert any(f'nothing in common (a 0.0 s, b {begin}.0 s)' in note for note in source.notes)


def test_frames_behind_a_damaged_part_keep_their_times(tmp_path):
    path = write_video(tmp_path / 'a.avi', even(30))
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 2000] = bytes(2000)
    path.write_bytes(content)
    lost = Counter()
    found = np.array([(f.stamp / 1e9, np.array(f.item.data).mean() / 100) for f in videos.frames(path, 'a', lost)])
    assert len(found) + lost['damaged_frame'] == 60
    assert lost['damaged_frame'] > 1
    assert np.abs(found[:, 0] - found[:, 1]).max() <= LEVEL


CORNER = np.zeros((48, 64, 3), np.uint8)
CORNER[:24, :32] = 200


@pytest.mark.parametrize(
    ('matrix', 'bright'),
    [
        ((1, 0, 0, 1), (0, 0)),
        ((0, 1, -1, 0), (0, -1)),
        ((-1, 0, 0, -1), (-1, -1)),
        ((0, -1, 1, 0), (-1, 0)),
        ((-1, 0, 0, 1), (0, -1)),
        ((1, 0, 0, -1), (-1, 0)),
        ((0, 1, 1, 0), (0, 0)),
        ((0, -1, -1, 0), (-1, -1)),
    ],
)
def test_phones_say_how_their_pictures_are_turned_and_mirrored(matrix, bright):
    a, b, c, d = (round(65536 * number) for number in matrix)
    pixels = videos.upright(CORNER, np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32).tobytes())
    assert pixels.shape == ((48, 64, 3) if matrix[0] else (64, 48, 3))
    assert {place: int(pixels[place].max()) for place in ((0, 0), (0, -1), (-1, 0), (-1, -1))} == {
        place: 200 * (place == bright) for place in ((0, 0), (0, -1), (-1, 0), (-1, -1))
    }


def test_of_several_pictures_in_one_file_the_largest_is_taken(tmp_path):
    path = tmp_path / 'a.mkv'
    with av.open(str(path), 'w') as container:
        streams = []
        for width, height in ((32, 24), (64, 48)):
            stream = container.add_stream('ffv1', rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, 'bgr0'
            streams.append(stream)
        for stream in streams:
            frame = av.VideoFrame.from_ndarray(np.zeros((stream.height, stream.width, 3), np.uint8), format='rgb24')
            container.mux(stream.encode(frame.reformat(format='bgr0')))
        for stream in streams:
            container.mux(stream.encode())
    (one,) = open_source([path])
    assert one.views['a'].pixels.shape == (48, 64, 3)


def test_pixels_that_are_not_square_are_said(tmp_path):
    path = coded(tmp_path / 'a.mp4', even(30, 0.2), aspect=Fraction(4, 3))
    source = open_source([path])
    list(source)
    assert any('its pixels are 1.33 times as wide as high' in note for note in source.notes)


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
