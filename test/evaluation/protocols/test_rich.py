import numpy as np
import pytest
from fake_rich import fake_rich

ONE = 'Gym_011_pushup1'


@pytest.fixture(scope='module')
def folder(tmp_path_factory, bodies):
    return fake_rich(tmp_path_factory.mktemp('rich'), bodies)


def test_every_camera_is_a_video(both_ways, folder):
    result = both_ways('rich', folder, 'scale')
    assert sorted(result['per_sequence']) == [f'{ONE}/cam_{camera:02d}' for camera in (2, 3, 4, 5)]
    for name in ('wa_mpjpe', 'w_mpjpe'):
        assert result['metrics'][name]['mean'] == pytest.approx(0, abs=1e-6)
    # The fits are float32, so the straight way is crooked by 1e-7 m, which no rotation about it is fitted to.
    assert result['metrics']['rte']['mean'] == pytest.approx(0, abs=1e-5)


def test_chunks_of_25_are_stitched_by_their_cameras(both_ways, folder):
    result = both_ways('rich', folder, 'chunks', '--views', 'all')
    assert list(result['per_sequence']) == [ONE]
    for name in ('wa_mpjpe', 'w_mpjpe', 'rte'):
        assert result['metrics'][name]['mean'] == pytest.approx(0, abs=1e-6 if name != 'rte' else 1e-5)
    assert result['metrics']['rte_segment']['mean'] > 0.1  # there the chunks keep the scales that they had


def test_chunks_that_are_not_stitched_are_metres_off(both_ways, folder):
    result = both_ways('rich', folder, 'unstitched', '--views', 'all')
    assert result['metrics']['w_mpjpe']['mean'] > 500


def test_two_people_stay_two_tracks(both_ways, folder):
    result = both_ways('rich', folder, 'identity', '--views', 'all', '--two-people')
    assert len(result['per_sequence']) == 2
    assert result['metrics']['w_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['counts']['identity_switches'] == 0
    assert any('two people' in reason for reason in result['why_not'])


def test_a_missing_calibration_is_named(evaluate, bodies, tmp_path):
    copy = fake_rich(tmp_path / 'rich', bodies)
    (copy / 'scan_calibration' / 'Gym' / 'calibration' / '003.xml').unlink()
    status, result = evaluate('rich', copy, '--oracle', 'identity')
    assert status == 1
    assert list(result['data']['missing']) == [f'{ONE}/cam_03']
    assert '003.xml' in result['data']['missing'][f'{ONE}/cam_03']
    assert np.isfinite(result['metrics']['w_mpjpe']['mean'])
