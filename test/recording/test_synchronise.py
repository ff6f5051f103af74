"""Offsets are found from what all cameras saw or heard, with their certainty; what is uncertain is not used."""

from fractions import Fraction

import av
import numpy as np
import pytest

from chromm_ros.apps.inputs import Inputs
from chromm_ros.apps.reconstruct import Options, open_inputs
from chromm_ros.recording.synchronise import CERTAIN, STEP, Signal, find_offsets, motion_signal, sound_signal

RATE = 15
SECONDS = 14.0


def events(seed, until=40.0):
    """Times [s] at which something happens, as people start, stop and turn."""
    return np.cumsum(np.random.default_rng(seed).uniform(0.3, 1.6, 60))[: int(until)]


def scene(moments, time, camera):
    """A picture in which a patch jumps at every moment, elsewhere and otherwise in every camera."""
    random = np.random.default_rng([camera, int((moments < time).sum())])
    x, y = random.integers(5, 50), random.integers(5, 35)
    pixels = np.random.default_rng(round(1000 * time) + camera).integers(95, 105, (48, 64, 3)).astype(np.uint8)
    pixels[y : y + 8, x : x + 8] = 230
    return pixels


def saw(moments, camera, began):
    """Frames of a camera that began at a time of the scene; its own clock then says zero."""
    times = np.arange(0, SECONDS, 1 / RATE)
    return motion_signal((float(t), scene(moments, t + began, camera)) for t in times)


@pytest.mark.parametrize(('seed', 'offset'), [(1, 0.0), (2, 1.37), (3, -2.21)])
def test_what_moves_says_when_a_camera_began(seed, offset):
    moments = events(seed)
    (found,) = find_offsets({'a': saw(moments, 1, 5.0), 'b': saw(moments, 2, 5.0 + offset)}, 'motion')
    assert found.seconds == pytest.approx(offset, abs=1 / RATE)
    assert found.used
    assert 'by its motion, certainty' in found.sentence()


@pytest.mark.parametrize('seed', [4, 5, 6])
def test_recordings_of_different_things_are_not_synchronised(seed):
    (found,) = find_offsets({'a': saw(events(seed), 1, 5.0), 'b': saw(events(seed + 50), 2, 5.0)}, 'motion')
    assert found.certainty < CERTAIN
    assert '--offset b=' in found.sentence()


def test_a_scene_without_motion_is_not_synchronised():
    still = Signal(0.0, np.zeros((700, 12)))
    (found,) = find_offsets({'a': still, 'b': still}, 'motion')
    assert found.certainty == 0.0


def test_three_cameras_that_agree_are_certain():
    moments = events(7)
    found = find_offsets({name: saw(moments, k, 5.0 + k) for k, name in enumerate('abc')}, 'motion')
    assert [one.seconds for one in found] == pytest.approx([1.0, 2.0], abs=1 / RATE)
    assert min(one.certainty for one in found) > 0.9


@pytest.mark.parametrize('period', [1.0, 2.3])
@pytest.mark.parametrize('count', [2, 3, 4])
def test_motion_that_repeats_itself_is_not_certain_however_many_cameras_agree(count, period):
    def swings(time, camera):
        x = round(30 + 22 * np.sin(2 * np.pi * time / period) * np.cos(camera))
        y = round(20 + 15 * np.sin(2 * np.pi * time / period))
        pixels = np.random.default_rng(round(1000 * time) + camera).integers(95, 105, (48, 64, 3)).astype(np.uint8)
        pixels[y : y + 8, x : x + 8] = 230
        return pixels

    times, begins = np.arange(0, SECONDS, 1 / RATE), (0, 3.7, 7.2, 1.1)
    signals = {f'c{k}': motion_signal((float(t), swings(t + begins[k], k)) for t in times) for k in range(count)}
    found = find_offsets(signals, 'motion')
    assert not any(one.used for one in found)


def test_three_recordings_of_different_things_are_not_synchronised():
    for seed in range(5):
        found = find_offsets({f'c{k}': saw(events(300 + 10 * seed + k), k, 5.0) for k in range(3)}, 'motion')
        assert not all(one.used for one in found)


def heard(moments, began, seed):
    """The signal of the sound of a camera: noise, and a peak at every moment."""
    samples = np.abs(np.random.default_rng(seed).normal(size=round(20 / STEP))) * 0.3
    for moment in moments:
        place = round((moment - began) / STEP)
        samples[place : place + 4] += 4.0
    return Signal(0.0, ((samples - samples.mean()) / samples.std())[:, None])


@pytest.mark.parametrize('claps', [[12.0], [12.0, 12.7, 14.1], [8.0, 13.0, 17.5]])
def test_a_clap_is_enough_where_nothing_else_is_heard(claps):
    (found,) = find_offsets({'a': heard(claps, 1.0, 1), 'b': heard(claps, 3.34, 2)}, 'sound')
    assert found.seconds == pytest.approx(2.34, abs=0.03)
    assert found.used


def test_a_metronome_is_not():
    (found,) = find_offsets({'a': heard(np.arange(4, 20), 1.0, 1), 'b': heard(np.arange(4, 20), 3.34, 2)}, 'sound')
    assert not found.used


def video(path, moments, camera, began, sound=True):
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('mpeg4', rate=RATE)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 64, 48, 'yuv420p', 2_000_000
        ear = container.add_stream('aac', rate=16000) if sound else None
        for number in range(round(SECONDS * RATE)):
            frame = av.VideoFrame.from_ndarray(scene(moments, number / RATE + began, camera), format='rgb24')
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if ear is not None:
            times = np.arange(int(SECONDS * 16000)) / 16000 + began
            samples = 0.003 * np.random.default_rng(camera).normal(size=len(times))
            for moment in moments:
                since = times - moment
                samples += np.where(
                    since >= 0, np.sin(2 * np.pi * 900 * since) * np.exp(-np.clip(since, 0, 9) / 0.03), 0
                )
            for start in range(0, len(samples) // 1024 * 1024, 1024):
                part = av.AudioFrame.from_ndarray(
                    samples[None, start : start + 1024].astype(np.float32) * 0.5, format='fltp', layout='mono'
                )
                part.sample_rate, part.pts, part.time_base = 16000, start, Fraction(1, 16000)
                container.mux(ear.encode(part))
            container.mux(ear.encode())
    return path


def test_sound_says_it_to_a_hundredth_of_a_second(tmp_path):
    moments = events(8)
    files = {name: video(tmp_path / f'{name}.mp4', moments, k, 5.0 + 0.733 * k) for k, name in enumerate('ab')}
    (found,) = find_offsets({name: sound_signal(path) for name, path in files.items()}, 'sound')
    assert found.seconds == pytest.approx(0.733, abs=0.02)
    assert found.used


@pytest.mark.parametrize('how', ['auto', 'sound', 'motion'])
def test_the_command_finds_the_offsets_and_reports_them(tmp_path, how):
    moments = events(9)
    paths = tuple(video(tmp_path / f'{name}.mp4', moments, k, 5.0 + 0.6 * k) for k, name in enumerate('ab'))
    options = Options(out=tmp_path / 'out', synchronise=how)
    chosen: Inputs = options.resolved()
    source = open_inputs(paths, options, chosen)
    assert source.offsets['b'] == pytest.approx(0.6, abs=1 / RATE)
    assert any('began +0.6' in note and 'certainty' in note for note in source.notes)


def test_videos_without_sound_are_refused_where_sound_was_asked_for(tmp_path):
    paths = tuple(video(tmp_path / f'{name}.mp4', events(9), k, 5.0, sound=False) for k, name in enumerate('ab'))
    options = Options(out=tmp_path / 'out', synchronise='sound')
    with pytest.raises(ValueError, match='no sound'):
        open_inputs(paths, options, options.resolved())


def test_what_cannot_be_synchronised_is_refused_with_the_reason(tmp_path):
    paths = tuple(video(tmp_path / f'{name}.mp4', events(20 + k), k, 5.0, sound=False) for k, name in enumerate('ab'))
    options = Options(out=tmp_path / 'out', synchronise='auto')
    with pytest.raises(ValueError, match=r'could not be synchronised.*certainty'):
        open_inputs(paths, options, options.resolved())
