"""The capture and its windows: caches, strides, memory, time that jumps, broken images, saved states."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from captures import PERIOD, capture_of, run, tracked
from truthful_studio import BODY, Studio, TruthfulNetwork, circling, nanoseconds, ring, standing

from chromm_ros.capture.capture import Capture, window_stamps
from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.flow import ImageSet, ViewImage
from chromm_ros.recording.state_files import decoded, encoded
from chromm_ros.settings import changed

HERE = np.array([-0.5, 0.5, 1.6])


def test_cached_features_give_the_same_as_encoding_the_window_again():
    studio = Studio([circling(1.5, 0.0), standing(0, 1)])
    rolling = capture_of(studio, noise=0.05)
    run(rolling, studio, 0, 1)
    network = rolling.network
    encoded = network.encoded
    snapshot = run(rolling, studio, 1, 1.25)[0]
    assert network.encoded - encoded == 4  # the new images alone
    fresh = capture_of(studio, CaptureSettings(window_stride=4), noise=0.05)
    again = run(fresh, studio, 0.25, 1.25)[-1]
    by_head = sorted(tuple(human.head) for human in snapshot.humans)
    for human, head in zip(sorted(again.humans, key=lambda h: tuple(h.head)), by_head):
        assert np.linalg.norm(human.head - head) < 0.05
    np.testing.assert_allclose(snapshot.scene_update.points, again.scene_update.points, atol=0.05)


def test_a_window_of_nan_is_dropped_and_nothing_else():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio, broken=lambda time: abs(time - 2.0) < 0.01)
    before = run(capture, studio, 0, 2)[-1]
    assert run(capture, studio, 2, 2.25) == []
    after = run(capture, studio, 2.25, 3)
    assert len(after) == 3
    assert after[0].dropped['not a number'] == 1
    assert any('NaN or Inf' in message for message in after[0].messages)
    assert after[-1].session == before.session
    assert set(tracked(after[-1])) == {1}


@pytest.mark.parametrize(('known', 'moves', 'rows'), [(True, False, 4), (False, False, 4), (False, True, 8)])
def test_a_network_that_needs_no_history_decodes_the_newest_images_and_what_ties_them(known, moves, rows):
    studio = Studio([standing(0.5, 0)])
    settings = changed(CaptureSettings(), {'world.rig_moves': moves})
    capture = capture_of(studio, settings, decoder_window=1, memory=rows)
    snapshots = run(capture, studio, 0, 3, rig=studio.rig if known else None)
    assert 'out of memory' not in capture.dropped
    assert len(snapshots) == 12
    assert all(set(tracked(snapshot)) == {1} for snapshot in snapshots[3:])


def test_out_of_memory_halves_the_window_and_says_so():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio, memory=9)
    snapshots = run(capture, studio, 0, 3)
    assert len(snapshots) == 12
    said = [message for snapshot in snapshots for message in snapshot.messages if 'memory' in message]
    assert len(said) == 1
    assert set(tracked(snapshots[-1])) == {1}
    hopeless = capture_of(studio, memory=3)
    assert run(hopeless, studio, 0, 1) == []
    assert hopeless.dropped['out of memory'] > 0


def test_time_that_jumps_back_begins_a_session_and_jitter_does_not():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio)
    first = run(capture, studio, 10, 12)[-1]
    assert capture.add(studio.images(11.6, rig=studio.rig)) is None
    assert capture.add(studio.images(11.75, rig=studio.rig)) is None
    assert capture.dropped['late set'] == capture.dropped['repeated set'] == 1
    after = run(capture, studio, 0, 1)
    assert after[0].session != first.session
    assert after[0].window == 1
    assert any('jumped back' in message for message in after[0].messages)
    assert set(tracked(after[-1])) == {1}


def test_garbage_images_are_left_out_and_counted():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 1)
    images = studio.images(1.0, rig=studio.rig)
    stamp = images.stamp
    garbage = {
        'camera0': ViewImage(np.zeros((0, 0, 3), np.uint8), stamp),
        'camera1': ViewImage(np.zeros((48, 64), np.uint8), stamp),
        'camera2': ViewImage(np.zeros((48, 64, 3), np.float32), stamp),
    }
    snapshot = capture.add(ImageSet(stamp, {**images.views, **garbage}))
    assert snapshot.dropped['bad image'] == 3
    assert [camera.view for camera in snapshot.cameras if camera.used] == ['camera3']
    blind = ViewImage(images.views['camera0'].pixels, nanoseconds(1.25), np.full((3, 3), np.nan))
    assert capture.add(ImageSet(nanoseconds(1.25), {'camera0': blind})).dropped['bad intrinsics'] == 1


def test_images_prepared_ahead_change_nothing_and_leave_the_window():
    studio = Studio([circling(1.5, 0.0)])
    plain, ahead = capture_of(studio), capture_of(studio)
    for k in range(3):
        images = studio.images(k * PERIOD, rig=studio.rig)
        one, two = plain.add(images), ahead.add(ahead.prepare(images))
        np.testing.assert_array_equal(one.humans[0].joints, two.humans[0].joints)
    assert all(row.image.prepared is None for row in ahead._session.window.rows())
    broken = dataclasses.replace(images.views[studio.views[0]], pixels=np.zeros((0, 4, 3), np.uint8))
    prepared = ahead.prepare(dataclasses.replace(images, views={**images.views, studio.views[0]: broken}))
    assert list(prepared.views) == list(images.views)
    assert prepared.views[studio.views[0]].prepared is None


class Streaming(TruthfulNetwork):
    """Leaves something behind for each row, and notes how many rows it is given and what earlier ones left."""

    def decode(self, features, calibration=None, heads_on=None, with_confidence=False, memory=None):
        geometry = super().decode(features, calibration, heads_on, with_confidence, memory)
        self.seen.append((len(features), memory and len(memory)))
        left = None if memory is None else torch.zeros(len(geometry.tokens), 1)
        return dataclasses.replace(geometry, memory=left)


@pytest.mark.parametrize(
    ('known', 'moves', 'mode', 'expected'),
    [
        (True, False, 'streaming', [(4, []), (4, 4), (4, 8), (4, 12), (4, 12)]),
        (False, True, 'streaming', [(4, []), (8, []), (8, 4), (8, 8), (8, 8)]),
        (True, False, 'exact', [(4, None), (8, None), (12, None), (16, None), (16, None)]),
    ],
)
def test_a_streaming_window_computes_new_rows_and_those_that_tie_it(known, moves, mode, expected):
    studio = Studio([standing(0.5, 0)])
    network = Streaming(studio)
    network.seen = []
    settings = changed(CaptureSettings(window_mode=mode), {'world.rig_moves': moves})
    capture = Capture(network, BODY, settings, studio.views)
    snapshots = run(capture, studio, 0, 5 * PERIOD, rig=studio.rig if known else None)
    assert network.seen == expected
    assert set(tracked(snapshots[-1])) == {1}


def test_a_change_of_shape_restarts_the_window():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 1)
    images = studio.images(1.0, rig=studio.rig)
    tall = {view: dataclasses.replace(image, pixels=_taller(image.pixels)) for view, image in images.views.items()}
    snapshot = capture.add(ImageSet(images.stamp, tall))
    assert any('changed shape' in message for message in snapshot.messages)
    assert set(tracked(snapshot)) == {1}


def test_a_stride_waits_and_flush_does_not():
    studio = Studio([circling(1.5, 0.0)])
    capture = capture_of(studio, CaptureSettings(window_size=8, window_stride=3))
    snapshots = run(capture, studio, 0, 2)  # eight sets
    assert len(snapshots) == 2
    assert [len(snapshot.steps) for snapshot in snapshots] == [3, 3]
    rest = capture.flush()
    assert [step.stamp for step in rest.steps] == [nanoseconds(1.5), nanoseconds(1.75)]
    assert capture.flush() is None
    for step in (*snapshots[-1].steps, *rest.steps):
        (human,) = step.humans
        assert np.linalg.norm(human.head - studio.heads(step.stamp * 1e-9)[0]) < 0.05
        assert len(step.cameras) == 4


def test_long_windows_give_the_people_of_short_ones():
    """People in uniform, of whom two pass each other, or one comes back elsewhere in the middle of a long window."""

    def visitor(time):
        return None if 3 <= time < 5 else np.array([-1.5 if time < 4 else -0.5, 1.0, 1.6])

    times = PERIOD * np.arange(49)
    for people in ([circling(2.0, 0.0), visitor], [circling(1.0, 0.0), circling(1.0, 3.0, speed=-0.8)]):
        studio = Studio(people, same_looks=True)
        found = []
        for size, stride in ((4, 1), (25, 22)):
            settings = CaptureSettings(window_size=size, window_stride=stride, max_gap=60.0)
            capture = capture_of(studio, settings, noise=0.05)
            snapshots = [
                *(capture.add(studio.images(float(time), rig=studio.rig)) for time in times),
                capture.flush(),
            ]
            found.append([step for snapshot in snapshots if snapshot is not None for step in snapshot.steps])
        for short, long in zip(*found, strict=True):
            assert short.stamp == long.stamp
            assert [human.id for human in short.humans] == [human.id for human in long.humans]
            for one, other in zip(short.humans, long.humans):
                np.testing.assert_allclose(one.head, other.head, atol=0.02)
                assert {seen.view for seen in one.observations} == {seen.view for seen in other.observations}


def test_slow_windows_raise_the_stride():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio, CaptureSettings(max_interval=1e-6, max_stride=3))
    snapshots = run(capture, studio, 0, 3)
    assert capture.stride == 3
    assert any('every 2 image sets' in message for snapshot in snapshots for message in snapshot.messages)


def test_stages_add_up_to_the_time_that_a_window_takes():
    import time

    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 1)
    images = studio.images(1.0, rig=studio.rig)
    start = time.perf_counter()
    snapshot = capture.add(images)
    took = time.perf_counter() - start
    assert set(snapshot.stages) == {'encode', 'decode', 'heads', 'world', 'people', 'identities', 'scene'}
    assert sum(snapshot.stages.values()) == pytest.approx(took, rel=0.1, abs=0.002)


def test_a_lost_device_is_the_callers_business():
    studio = Studio([])
    capture = capture_of(studio)
    capture.network.decode = _lost
    with pytest.raises(RuntimeError, match='device lost'):
        run(capture, studio, 0, 1)


@pytest.mark.slow
def test_thirty_minutes_leave_the_memory_flat():
    def visitor(number):
        def path(time):
            if (time // 11 + number) % 3:
                return None
            return np.array([2 * math.cos(number), 2 * math.sin(number), 1.6])

        return path

    studio = Studio([visitor(number) for number in range(3)], rig=ring(2))
    capture = capture_of(studio, noise=0.02, gauge='scale')
    sizes = []
    for minute in range(30):
        for second in range(0, 60, 2):
            snapshot = capture.add(studio.images(60.0 * minute + second, rig=studio.rig))
        sizes.append(_held(capture))
    assert snapshot.window == 900
    assert max(sizes[5:]) <= 1.2 * max(sizes[1:5])


@pytest.mark.parametrize('rig', ['given', 'estimated'])
def test_a_capture_goes_on_from_its_state_as_if_nothing_had_been(rig):
    """Through plain data, with people who come back, a scene, a scale and cameras that are still being learnt."""
    studio = Studio([circling(1.5, 0.0), circling(1.2, 2.0, speed=-0.7), lambda time: None if 1 < time < 3 else HERE])
    settings = CaptureSettings(window_stride=2)

    def fresh():
        return capture_of(studio, settings, noise=0.02, gauge='scale', errors=EstimateErrors(camera_position=0.2))

    sets = [studio.images(t * PERIOD, rig=studio.rig if rig == 'given' else None) for t in range(20)]
    whole, first, second = fresh(), fresh(), fresh()
    expected = [whole.add(images) for images in sets]
    for images in sets[:9]:  # the ninth waits for the stride
        first.add(images)
    state = decoded(encoded(first.state_dict()))
    stamps = window_stamps(state)
    assert sets[8].stamp in stamps
    second.network.decoded = first.network.decoded  # the stand-in draws its gauge from this
    second.load_state_dict(state, [images for images in sets[:9] if images.stamp in stamps])
    for images, snapshot in zip(sets[9:], expected[9:]):
        again = second.add(images)
        assert (again is None) == (snapshot is None)
        if snapshot is not None:
            assert [human.id for human in again.humans] == [human.id for human in snapshot.humans]
            assert (again.session, again.window) == (first.session, snapshot.window)
            assert again.messages == snapshot.messages
            for one, other in zip(again.humans, snapshot.humans):
                np.testing.assert_array_equal(one.joints, other.joints)
                assert one.first_observed == other.first_observed
            for one, other in zip(again.cameras, snapshot.cameras):
                np.testing.assert_array_equal(one.world_from_camera, other.world_from_camera)
    np.testing.assert_array_equal(second.static_scene().points, whole.static_scene().points)
    assert second.dropped == whole.dropped


def test_a_state_of_other_images_is_refused():
    studio = Studio([standing(0.5, 0)])
    capture = capture_of(studio)
    run(capture, studio, 0, 1)
    with pytest.raises(ValueError, match='does not belong to these images'):
        capture_of(studio).load_state_dict(capture.state_dict(), [studio.images(9.0)])


def _held(capture: Capture) -> int:
    """Objects that a session holds, counted through its containers."""
    seen: set[int] = set()

    def count(thing) -> int:
        if id(thing) in seen or isinstance(thing, (str, int, float, type)):
            return 0
        seen.add(id(thing))
        if isinstance(thing, (np.ndarray, torch.Tensor)):
            return 1
        inner = list(thing.values()) if isinstance(thing, dict) else list(thing) if hasattr(thing, '__iter__') else []
        return 1 + sum(count(part) for part in (*inner, *getattr(thing, '__dict__', {}).values()))

    session = capture._session
    return sum(
        count(part) for part in (session.window, session.identities, session.scene, session.gauge, session.cameras)
    )


def _lost(*args, **kwargs):
    raise RuntimeError('device lost')


def _taller(pixels: np.ndarray) -> np.ndarray:
    return np.concatenate([pixels, pixels[::-1]])
