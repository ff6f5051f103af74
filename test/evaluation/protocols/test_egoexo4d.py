import numpy as np
import pytest
from fake_egoexo4d import LABELLED, TAKE, fake_egoexo4d, true_joints


@pytest.fixture(scope='module')
def folder(tmp_path_factory, bodies):
    return fake_egoexo4d(tmp_path_factory.mktemp('egoexo4d'), bodies)


def test_the_listed_frames_of_the_truth_have_no_error(both_ways, folder):
    result = both_ways('egoexo4d', folder, 'scale', '--frames', folder / 'takes.txt')
    assert result['data']['instants'] == 2
    assert result['protocol']['joints'] == 'coco12'
    for name in ('w_mpjpe_cameras', 'pa_mpjpe'):
        assert result['metrics'][name]['mean'] == pytest.approx(0, abs=1e-6)


def test_a_person_beside_right_cameras_costs_the_distance(both_ways, folder):
    """Two joints of one frame are not known: they count on neither side."""
    result = both_ways('egoexo4d', folder, 'shift=0.2', '--frames', folder / 'takes.txt')
    assert result['metrics']['w_mpjpe_cameras']['mean'] == pytest.approx(0.2, abs=1e-6)
    assert result['metrics']['pa_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)


def test_frames_that_are_not_hsfms_do_not_compare(evaluate, folder, capsys):
    status, result = evaluate('egoexo4d', folder, '--oracle', 'identity')
    assert status == 0
    assert any('not those of HSfM' in reason for reason in result['why_not'])
    assert 'GA-MPJPE' not in capsys.readouterr().out


def test_estimates_with_the_joints_of_smpl_are_compared_by_their_limbs(evaluate, folder, bodies, tmp_path):
    frame = LABELLED[0]
    coco = true_joints(bodies)[frame]
    smpl = np.zeros((1, 22, 3))
    smpl[0, [16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8]] = coco[5:]
    smpl[0, [0, 3, 6, 9, 10, 11, 12, 13, 14, 15]] = coco[5:].mean(0)
    file = tmp_path / 'peer' / f'{TAKE}.npz'
    file.parent.mkdir()
    np.savez(
        file, frames=[frame], views=['cam01'], person_frame=[frame],
        person_id=[0], joints=smpl, joint_names='body22',
    )  # fmt: skip
    status, result = evaluate('egoexo4d', folder, '--predictions', tmp_path / 'peer')
    assert status == 0
    assert result['metrics']['pa_mpjpe']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['metrics']['w_mpjpe_cameras']['mean'] is None
    assert any('coco12 of SMPL joints' in reason for reason in result['why_not'])
