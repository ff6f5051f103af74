"""Recorded runs: the tracker keeps people on real detections of the tiny network; errors are measured from them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.evaluation.tracking.errors import measure
from chromm_ros.evaluation.tracking.recordings import Recording
from chromm_ros.evaluation.tracking.runs import LongWorld, replay, runs, summary
from chromm_ros.evaluation.tracking.timelines import write_timelines
from chromm_ros.network.presets import errors_of

FIXTURES = Path(__file__).parent / 'fixtures'
"""Rooms of selection seeds, recorded by ``chromm evaluate tracking --recordings``, depth thinned to a quarter."""

TINY = errors_of('tiny')
NO_NETWORK = SimpleNamespace(errors=TINY)


@pytest.fixture(scope='module')
def recordings() -> dict[str, Recording]:
    return {file.stem: Recording.load(file) for file in sorted(FIXTURES.glob('*.npz'))}


@pytest.mark.parametrize('name', ['3_people_1000004', '5_people_1000013', 'leaves_and_returns_1000021'])
def test_people_keep_their_ids_on_detections_of_the_tiny_network(recordings, name):
    run = replay(recordings[name], TINY)
    result = run.score()
    assert result.idf1 > 0.9
    assert result.mota > 0.85
    assert result.switches <= 2
    assert sum(result.ghosts) <= 0.03 * result.truth
    assert np.median(result.ghosts or [0]) <= 2
    wrong = sum(len(ids) - 1 for ids in run.ids_of_people() if ids)
    assert wrong <= 1


def test_recorded_runs_are_given_to_the_tracker_at_other_rates_without_rendering(recordings, tmp_path):
    """``chromm evaluate tracking --recordings FOLDER --every 4``: no network is there, and none is asked."""
    plan = LongWorld.sample(1_000_004, 3, 4, 40 / 60, 4.0)
    recordings['3_people_1000004'].save(tmp_path / '3_people_1000004_4_cameras_160_at_4_Hz_known.npz')
    usual, quarter = (next(iter(runs([plan], NO_NETWORK, None, False, tmp_path, every))) for every in (1, 4))
    assert (len(usual.times), len(quarter.times)) == (160, 40)
    assert quarter.interval == pytest.approx(4 * usual.interval)
    assert quarter.score().truth == pytest.approx(usual.score().truth / 4, rel=0.05)


def test_half_the_rate_changes_accuracy_and_little_else(recordings):
    result = replay(recordings['3_people_1000004'], TINY, every=2).score()
    assert result.idf1 > 0.9
    assert result.mota > 0.9
    assert result.switches <= 2  # two image sets per second are below STABLE_RATE


def test_tracked_people_are_a_part_of_those_published(recordings):
    run = replay(recordings['3_people_1000004'], TINY)
    published, tracked = summary([run]), summary([run], tracked_alone=True)
    assert tracked['false_alarms'] <= published['false_alarms']
    assert tracked['misses'] >= published['misses']
    assert published['person_minutes'] == pytest.approx(run.truth.in_sight.any(0).sum() * 0.25 / 60, abs=0.01)


def test_a_recording_comes_back_as_it_was_saved(recordings, tmp_path):
    before = recordings['leaves_and_returns_1000021']
    before.save(tmp_path / 'again.npz')
    after = Recording.load(tmp_path / 'again.npz')
    assert (after.name, after.estimated, len(after.steps)) == (before.name, before.estimated, len(before.steps))
    for one, other in zip(before.steps, after.steps):
        np.testing.assert_array_equal(one.detections.point, other.detections.point)
        np.testing.assert_array_equal(one.cameras.depth, other.cameras.depth)
    np.testing.assert_array_equal(before.truth.joints, after.truth.joints)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 not an archive', b'nonsense' * 100])
def test_a_file_that_is_no_recording_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / 'broken.npz'
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r'broken\.npz is no recording') as error:
        Recording.load(file)
    assert '\n' not in str(error.value)


def test_errors_are_measured_and_not_taken_over(recordings):
    """From nonsense to what the detections are like."""
    start = EstimateErrors(direction=0.5, depth=0.9)
    measured = measure([recordings['3_people_1000004'], recordings['5_people_1000013']], start)
    assert 0.002 < measured.direction < 0.02
    assert 0.05 < measured.depth < 0.2
    assert 0.5 < measured.detection.lasting < 0.95
    assert 0.01 < measured.detection.false_alarms < 0.3
    assert measured.detection.rate > 0.85
    assert measured.detection.posture_same_view.median < measured.detection.posture_other_person.median
    again = EstimateErrors.from_json(measured.to_json())
    assert again.direction == pytest.approx(measured.direction, rel=1e-3)  # four digits are kept
    assert EstimateErrors.from_json(again.to_json()) == again


def test_too_little_to_measure_is_said(recordings):
    with pytest.raises(ValueError, match='too few to measure'):
        measure([recordings['leaves_and_returns_1000021']], TINY)


def test_a_picture_of_the_run(recordings, tmp_path):
    run = replay(recordings['3_people_1000004'], TINY)
    write_timelines(tmp_path / 'pictures' / 'run.png', [run, run])
    assert (tmp_path / 'pictures' / 'run.png').stat().st_size > 1000
