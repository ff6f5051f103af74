import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fake_emdb import SPEED, fake_emdb, studio_emdb

from chromm_ros.datasets.emdb import Emdb
from chromm_ros.evaluation.protocols.estimates import load

LONG, SHORT, GAP = 'P2/19_indoor_walk_off_mvs', 'P0/09_outdoor_walk', 'P3/27_indoor_walk_off_mvs'


@pytest.fixture(scope='module')
def folder(tmp_path_factory, bodies):
    return fake_emdb(tmp_path_factory.mktemp('emdb'), bodies)


@pytest.mark.parametrize('change', ['identity', 'scale', 'shift=0.05'])
def test_the_truth_rigidly_moved_has_no_error(both_ways, folder, change):
    result = both_ways('emdb', folder, change)
    for name in ('wa_mpjpe', 'w_mpjpe', 'rte', 'rte_segment'):
        assert result['metrics'][name]['mean'] == pytest.approx(0, abs=1e-6)
    assert result['coverage'] == 1
    assert result['extra'] == 0
    assert result['data']['instants'] == 40 + 200 + 50  # good frames of the three sequences of EMDB-2


def test_scale_costs_nothing_but_the_way(both_ways, folder):
    result = both_ways('emdb', folder, 'scale=1.1')
    assert result['metrics']['wa_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['metrics']['w_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    frames = 200  # straight on, equally spaced
    assert result['per_sequence'][LONG]['rte'] == pytest.approx(100 * 0.1 * frames / (4 * (frames - 1)), abs=1e-6)


def test_each_segment_may_be_in_a_world_of_its_own(both_ways, folder):
    result = both_ways('emdb', folder, 'segments')
    assert result['metrics']['wa_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['metrics']['w_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['per_sequence'][LONG]['rte'] > 1


def test_frames_that_leave_the_first_two_behind_cost_w_mpjpe(both_ways, folder):
    result = both_ways('emdb', folder, 'tail=0.05')
    assert result['per_sequence'][LONG]['w_mpjpe'] == pytest.approx(1000 * 0.98 * 0.05, abs=1e-6)


def test_bodies_beside_their_way_cost_rte(both_ways, folder):
    result = both_ways('emdb', folder, 'across=0.03')
    frames = 200
    assert result['per_sequence'][LONG]['rte'] == pytest.approx(100 * 0.03 / (SPEED * (frames - 1)), abs=1e-6)


def test_the_way_counts_the_jump_over_bad_frames(both_ways, folder):
    """Forty frames of the sequence are good, ten in the middle are not: the way is that of fifty-nine steps."""
    result = both_ways('emdb', folder, 'scale=1.1')
    good = np.r_[0:20, 30:60] * SPEED
    expected = 100 * 0.1 * np.abs(good - good.mean()).mean() / (SPEED * 59)
    assert result['per_sequence'][GAP]['rte'] == pytest.approx(expected, abs=1e-6)


def test_missed_frames_are_left_out_and_said(both_ways, folder):
    result = both_ways('emdb', folder, 'miss', '--sequences', LONG)
    assert result['coverage'] == pytest.approx(0.75)
    assert result['metrics']['w_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert not result['comparable']
    assert any('coverage' in reason for reason in result['why_not'])


def test_frames_in_equal_pairs_pulled_apart_cost_wa_mpjpe(both_ways, folder, bodies, tmp_path):
    """Pairs of equal frames shifted by +d and -d leave no better rotation than none, and a scale below one."""
    source = folder / SHORT / 'P0_09_outdoor_walk_data.pkl'
    content = pickle.loads(source.read_bytes())
    twice = np.repeat(np.arange(0, 40, 2), 2)
    for key in ('poses_root', 'poses_body', 'trans'):
        content['smpl'][key] = content['smpl'][key][twice]
    content['camera']['extrinsics'] = content['camera']['extrinsics'][twice]
    target = tmp_path / 'pairs' / SHORT / source.name
    target.parent.mkdir(parents=True)
    target.write_bytes(pickle.dumps(content))

    distance = 0.02
    result = both_ways('emdb', tmp_path / 'pairs', f'alternate={distance}')

    joints = Emdb(tmp_path / 'pairs', bodies).sequences()[0].joints
    offset = joints - joints.mean((0, 1))
    size = (offset**2).sum()
    scale = size / (size + joints.shape[0] * joints.shape[1] * distance**2)
    side = np.where(np.arange(40) % 2, -1.0, 1.0)[:, None, None] * np.array([distance, 0, 0])
    expected = np.linalg.norm((scale - 1) * offset + scale * side, axis=-1).mean()
    assert result['metrics']['wa_mpjpe']['mean'] == pytest.approx(1000 * expected, abs=1e-6)


def test_without_body_files_nothing_compares(folder, evaluate, tmp_path):
    empty = tmp_path / 'no bodies'
    empty.mkdir()
    status, result = evaluate('emdb', folder, '--oracle', 'identity', '--bodies', empty)
    assert status == 0
    assert result['protocol']['joints'] == 'proxy22'
    assert any('proxy22' in reason for reason in result['why_not'])


def test_the_table_stands_beside_the_paper(evaluate, folder, capsys):
    evaluate('emdb', folder, '--oracle', 'identity')
    printed = ' '.join(capsys.readouterr().out.split())
    assert 'CHROMM 102.6 255.0 1.70' in printed
    assert 'Human3R 112.2' in printed
    assert 'coverage 1.000, extra 0.000' in printed
    assert '3 clips, the protocol has 25' in printed


def test_a_broken_sequence_is_lost_and_the_others_go_on(evaluate, bodies, tmp_path, capsys):
    copy = fake_emdb(tmp_path / 'broken', bodies)
    (copy / SHORT / 'P0_09_outdoor_walk_data.pkl').write_bytes(pickle.dumps(os.system))
    status, result = evaluate('emdb', copy, '--oracle', 'identity')
    assert status == 1
    assert result['data']['sequences'] == 2
    assert 'P0_09_outdoor_walk_data.pkl' in result['data']['missing'][SHORT]
    assert not result['comparable']
    assert '1 clip lost' in capsys.readouterr().out


def test_a_sequence_without_a_good_frame_is_named(evaluate, bodies, tmp_path):
    copy = fake_emdb(tmp_path / 'nobody', bodies)
    file = copy / SHORT / 'P0_09_outdoor_walk_data.pkl'
    content = pickle.loads(file.read_bytes())
    file.write_bytes(pickle.dumps(content | {'good_frames_mask': np.zeros(40, bool)}))
    status, result = evaluate('emdb', copy, '--oracle', 'identity')
    assert status == 1
    assert 'no frame of it can be scored' in result['data']['missing'][SHORT]


def test_estimates_from_a_file_written_by_hand(evaluate, folder, bodies, tmp_path):
    """A peer needs numpy and the documented keys, no code of this package; one given track needs no cameras."""
    sequence = next(s for s in Emdb(folder, bodies).sequences() if s.name == LONG)
    good = np.flatnonzero(sequence.data.good)
    file = tmp_path / 'peer' / f'{LONG}.npz'
    file.parent.mkdir(parents=True)
    np.savez(
        file,
        frames=good,
        views=['camera'],
        person_frame=good,
        person_id=np.zeros(len(good), int),
        joints=(2 * sequence.joints[good]).astype(np.float32),
        joint_names='smpl24',
    )
    status, result = evaluate('emdb', folder, '--predictions', tmp_path / 'peer', '--sequences', LONG)
    assert status == 0
    assert result['metrics']['w_mpjpe']['mean'] == pytest.approx(0, abs=1e-2)
    assert 'one given track' in result['notes'][0]


CAMERA = {'views': ['camera']}
ONE_PERSON = {'person_frame': [0], 'person_id': [0]}


@pytest.mark.parametrize(
    ('arrays', 'complaint'),
    [
        ({}, "no array 'frames'"),
        ({'frames': [0, 1], 'joints': np.zeros((2, 24, 3))}, 'joint_names'),
        (ONE_PERSON | {'frames': [0], 'joints': np.zeros((1, 23, 3)), 'joint_names': 'smpl24'}, 'needs (N, 24, 3)'),
        ({'frames': [1, 0]}, 'increase'),
        (ONE_PERSON | {'frames': [7], 'joints': np.zeros((1, 22, 3)), 'joint_names': 'body22'}, 'frame 0'),
        ({'frames': [0, 1], 'intrinsics': np.zeros((2, 3, 3))}, 'intrinsics'),
    ],
)
def test_estimates_that_do_not_fit_are_refused_by_name(evaluate, folder, tmp_path, arrays, complaint):
    file = tmp_path / 'peer' / f'{SHORT}.npz'
    file.parent.mkdir(parents=True)
    np.savez(file, **CAMERA, **arrays)
    status, result = evaluate('emdb', folder, '--predictions', tmp_path / 'peer', '--sequences', SHORT)
    assert status == 1
    reason = result['data']['missing'][SHORT]
    assert str(file) in reason
    assert complaint in reason


def test_estimates_never_run_code(evaluate, folder, tmp_path):
    file = tmp_path / 'peer' / f'{SHORT}.npz'
    file.parent.mkdir(parents=True)
    np.savez(file, frames=np.array([print], dtype=object), views=['camera'])
    status, result = evaluate('emdb', folder, '--predictions', tmp_path / 'peer', '--sequences', SHORT)
    assert status == 1
    assert 'plain arrays' in result['data']['missing'][SHORT]


@pytest.mark.parametrize(
    ('options', 'expected', 'complaint'),
    [
        (['--oracle', 'identity', '--sequences', 'Q*'], 2, "no clip is named like 'Q*'"),
        (['--oracle', 'everything'], 2, "no change is named 'everything'"),
        (['--oracle', 'shift=far'], 2, 'NAME=NUMBER'),
        (['--predictions', '/', '--oracle', 'identity'], 2, 'give one'),
        (['--set', 'people.fusion.position'], 2, 'NAME=VALUE'),
        (['--set', 'people.fusion.place=average'], 2, "unknown setting 'place'"),
        (['--set', 'adjust_scale=maybe'], 2, 'expected a bool'),
        (['--oracle', 'identity', '--limit', '-1'], 2, '--limit is -1; it must be at least 0'),
        (['--oracle', 'identity', '--segment', '2'], 2, '--segment is 2; it must be at least 3'),
        (['--predictions', '/nowhere'], 1, '/nowhere is not a folder'),
    ],
)
def test_options_that_cannot_be_met_are_one_line(evaluate, folder, capsys, options, expected, complaint):
    status, _ = evaluate('emdb', folder, *options)
    assert status == expected
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('chromm evaluate emdb:')
    assert complaint in error


@pytest.mark.slow
def test_a_killed_run_with_the_network_goes_on_where_it_was(bodies, body_folder, tmp_path):
    """Two copies of a studio walk: killed after the first, resumed, then only the second is predicted."""
    folder = studio_emdb(tmp_path / 'emdb', bodies, frames=8)
    first = folder / 'P2' / '19_indoor_walk_off_mvs'
    second = folder / 'P2' / '20_outdoor_walk'
    second.mkdir()
    (second / 'images').symlink_to(first / 'images')
    (second / 'P2_20_outdoor_walk_data.pkl').write_bytes((first / 'P2_19_indoor_walk_off_mvs_data.pkl').read_bytes())
    command = [
        sys.executable, '-m', 'chromm_ros.cli', 'evaluate', 'emdb', '--data', folder, '--json', tmp_path / 'r.json',
        '--preset', 'tiny', '--chunk', '4', '--segment', '4', '--resume', '--pictures', tmp_path / 'pictures',
    ]  # fmt: skip
    kept = tmp_path / 'r.json.parts' / 'P2'
    run = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (kept / '19_indoor_walk_off_mvs.npz').is_file() and run.poll() is None:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = (kept / '19_indoor_walk_off_mvs.npz').stat().st_mtime_ns

    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert (kept / '19_indoor_walk_off_mvs.npz').stat().st_mtime_ns == before
    assert load(kept / '20_outdoor_walk.npz').joints.shape[1:] == (22, 3)
    assert 'WA-MPJPE' in done.stdout
    assert (tmp_path / 'pictures' / 'P2' / '20_outdoor_walk.png').stat().st_size > 10_000


def test_a_network_that_places_no_cameras_says_what_to_do(evaluate, folder, capsys):
    status, _ = evaluate('emdb', folder, '--preset', 'open')
    assert status == 2
    assert '--set known_cameras=true' in capsys.readouterr().err


def test_true_cameras_do_not_compare(evaluate, folder):
    _, result = evaluate('emdb', folder, '--oracle', 'identity', '--set', 'known_cameras=true')
    assert 'the true cameras were given' in result['why_not']
