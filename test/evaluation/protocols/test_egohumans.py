import numpy as np
import pytest
from fake_egohumans import NAME, PEOPLE, fake_egohumans

from chromm_ros.datasets.egohumans import EgoHumans
from chromm_ros.evaluation.protocols.egohumans import egohumans


@pytest.fixture(scope='module')
def folder(tmp_path_factory, bodies):
    return fake_egohumans(tmp_path_factory.mktemp('egohumans'), bodies)


@pytest.fixture
def truth(folder, bodies):
    """The true cameras and people of the clip."""
    return egohumans(EgoHumans(folder, bodies)).plans[0].make().truth


@pytest.mark.parametrize('change', ['identity', 'scale'])
def test_the_truth_rigidly_moved_has_no_error(both_ways, folder, change):
    result = both_ways('egohumans', folder, change)
    for name in ('w_mpjpe_cameras', 'ga_mpjpe', 'pa_mpjpe'):
        assert result['metrics'][name]['mean'] == pytest.approx(0, abs=1e-6)
        assert result['metrics'][name]['groups'] == {'tagging': pytest.approx(0, abs=1e-6)}
    assert result['data']['instants'] == 3  # frames 11, 21, 31
    assert result['coverage'] == 1


def test_people_beside_right_cameras_cost_their_distance(both_ways, folder):
    result = both_ways('egohumans', folder, 'shift=0.1')
    assert result['metrics']['w_mpjpe_cameras']['mean'] == pytest.approx(0.1, abs=1e-6)
    assert result['metrics']['ga_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['metrics']['pa_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)


def test_a_wrong_scale_costs_the_distance_from_the_cameras(both_ways, folder, truth):
    result = both_ways('egohumans', folder, 'about_cameras=1.05')
    middle = truth.world_from_camera[:, :, :3, 3].mean(1)
    expected = 0.05 * np.linalg.norm(truth.joints - middle[:, None, None], axis=-1).mean()
    assert result['metrics']['w_mpjpe_cameras']['mean'] == pytest.approx(expected, abs=1e-6)
    assert result['metrics']['ga_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)


def test_cameras_are_scored_where_they_are_asked_for(both_ways, folder, truth, capsys):
    result = both_ways('egohumans', folder, 'about_cameras=1.2', '--camera-errors')
    errors = {name: result['metrics'][name]['mean'] for name in ('te', 's_te', 'ae', 'rra', 'cca', 's_cca')}
    centres = truth.world_from_camera[:, :, :3, 3]
    away = np.linalg.norm(centres - centres.mean(1, keepdims=True), axis=-1)
    near = (0.2 * away < 0.1 * away.max(1, keepdims=True)).mean()
    assert errors == pytest.approx(
        {'te': 0.2 * away.mean(), 's_te': 0, 'ae': 0, 'rra': 1, 'cca': near, 's_cca': 1}, abs=1e-6
    )
    table = capsys.readouterr().out
    assert 'RRA@10 ↑' in table
    assert '10.24' in table  # HAMSt3R's angle, from its table
    assert 'te' not in both_ways('egohumans', folder, 'identity')['metrics']


def test_two_equal_people_pulled_apart_cost_ga_mpjpe(both_ways, bodies, tmp_path):
    copy = fake_egohumans(tmp_path / 'twins', bodies)
    between = np.array([0.0, 0.6, 0.8])
    half, pull = 0.6, 0.04
    for file in (copy / NAME / 'processed_data' / 'smpl').glob('*.npy'):
        one = np.load(file, allow_pickle=True).item()[PEOPLE[0]]
        place = one['joints'] - half * between, one['joints'] + half * between
        twins = {name: one | {'joints': joints} for name, joints in zip(PEOPLE, place)}
        np.save(file, np.array(twins, dtype=object))
    result = both_ways('egohumans', copy, f'apart={2 * pull}')

    expected = []
    for joints in egohumans(EgoHumans(copy, bodies)).plans[0].make().truth.joints[:, 0]:
        offset = joints - joints.mean(0)
        size, count = (offset**2).sum(), len(joints)
        scale = (count * half * (half + pull) + size) / (count * (half + pull) ** 2 + size)
        for side in (1, -1):
            error = (scale * (half + pull) - half) * side * between + (scale - 1) * offset
            expected.append(np.linalg.norm(error, axis=-1).mean())
    assert result['metrics']['ga_mpjpe']['mean'] == pytest.approx(np.mean(expected), abs=1e-6)
    assert result['metrics']['pa_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)


def test_two_people_confused_in_one_view_cost_reidentification(both_ways, folder):
    result = both_ways('egohumans', folder, 'swap')
    views, people = 4, 3
    pairs = people**2 * views * (views - 1) // 2
    wrong = 4 * (views - 1)
    found = result['association']['combined']
    assert found['accuracy'] == pytest.approx(100 * (pairs - wrong) / pairs)  # 42 of 54
    assert found['precision'] == found['recall'] == pytest.approx(100 * 12 / 18)
    assert found['positive_share'] == pytest.approx(18 / 54)
    assert found['pairs'] == 3 * pairs


def test_whoever_is_missed_lowers_coverage_and_recall_alone(both_ways, folder):
    result = both_ways('egohumans', folder, 'miss=3')
    assert result['coverage'] == pytest.approx(2 / 3)
    assert result['metrics']['w_mpjpe_cameras']['mean'] == pytest.approx(0, abs=1e-6)


def test_a_list_of_frames_takes_the_place_of_every_tenth(evaluate, folder, tmp_path):
    frames = tmp_path / 'frames.txt'
    frames.write_text(f'# the list of somebody\n{NAME} 2\n{NAME} 30\n')
    status, result = evaluate('egohumans', folder, '--oracle', 'identity', '--frames', frames)
    assert status == 0
    assert result['data']['instants'] == 2
    assert not any('every' in reason for reason in result['why_not'])


def test_a_line_that_is_no_frame_is_named(evaluate, folder, tmp_path, capsys):
    frames = tmp_path / 'frames.txt'
    frames.write_text(f'{NAME} 2\n{NAME} last\n')
    status, _ = evaluate('egohumans', folder, '--oracle', 'identity', '--frames', frames)
    assert status == 1
    assert 'line 2' in capsys.readouterr().err


def test_the_table_says_that_frames_are_not_the_papers(evaluate, folder, capsys):
    evaluate('egohumans', folder, '--oracle', 'identity')
    printed = ' '.join(capsys.readouterr().out.split())
    assert 'HAMSt3R 3.800 0.420 0.140' in printed
    assert 'positive_share 0.333, the paper has 0.28' in printed
    assert 'every 10th' in printed
