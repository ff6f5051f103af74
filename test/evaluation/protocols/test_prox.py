import numpy as np
import pytest
from fake_prox import RECORDING, fake_prox

from chromm_ros.datasets.prox import Prox
from chromm_ros.evaluation.protocols.depth import depth_errors, sampled


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return fake_prox(tmp_path_factory.mktemp('prox'))


@pytest.mark.parametrize('change', ['identity', 'depth=1.7'])
def test_true_depth_in_any_unit_has_no_error(both_ways, folder, change):
    result = both_ways('prox', folder, change)
    assert result['data']['instants'] == 3  # pictures 0, 100, 200 of 250
    for name in ('absrel', 'absrel_lsq', 'absrel_static'):
        assert result['metrics'][name]['mean'] == pytest.approx(0, abs=1e-6)
    assert result['metrics']['delta']['mean'] == 1


def test_a_part_too_far_costs_its_share(both_ways, folder):
    result = both_ways('prox', folder, 'depth_part')
    known = int((Prox(folder).sequences()[0].instant(0).views[0].depth() > 0).sum())
    share = round(0.4 * known) / known  # 40 %, in whole pixels
    assert share == pytest.approx(0.4, abs=1e-3)
    assert result['metrics']['absrel']['mean'] == pytest.approx(0.3 * share, abs=1e-6)
    assert result['metrics']['delta']['mean'] == pytest.approx(1 - share, abs=1e-6)


def test_one_wall_of_which_a_part_is_too_far():
    truth = np.full(1000, 2.0)
    guess = truth * np.repeat([1.3, 1.0], [400, 600])
    found = depth_errors(truth, guess, np.ones(1000, bool), 'median')
    assert found['absrel'] == pytest.approx(0.12, abs=1e-9)
    assert found['delta'] == pytest.approx(0.6, abs=1e-9)


def test_people_may_be_left_out():
    truth = np.full(100, 2.0)
    guess = np.repeat([4.0, 2.0], [30, 70])
    static = np.repeat([False, True], [30, 70])
    found = depth_errors(truth, guess, static, 'median')
    assert found['absrel'] == pytest.approx(0.3)
    assert found['absrel_static'] == 0


def test_a_depth_map_of_another_size_is_sampled_where_the_truth_is():
    columns = np.arange(64)
    ramp = np.tile(np.arange(16.0), (8, 1))
    inner = slice(4, 60)
    found = sampled(ramp, (32, 64), np.full(64, 11), columns)
    np.testing.assert_allclose(found[inner], ((columns + 0.5) / 4 - 0.5)[inner])


def test_a_depth_map_of_another_shape_is_refused(evaluate, folder, tmp_path):
    file = tmp_path / 'peer' / f'{RECORDING}.npz'
    file.parent.mkdir()
    np.savez(file, frames=[0, 100, 200], views=['kinect'], depth=np.ones((3, 50, 50)))
    status, result = evaluate('prox', folder, '--predictions', tmp_path / 'peer')
    assert status == 1
    assert 'expected the same proportions' in result['data']['missing'][RECORDING]


def test_other_pictures_than_the_papers_are_said(evaluate, folder):
    _, result = evaluate('prox', folder, '--oracle', 'identity', '--every', '50')
    assert result['data']['instants'] == 5
    assert any('one of every 50' in reason for reason in result['why_not'])
