import numpy as np
import pytest
from fake_images import FRAMES, SEQUENCES, fake_3dpw

from chromm_ros.datasets.threedpw import ThreeDpw
from chromm_ros.evaluation.protocols.pelvis import true_people


@pytest.fixture(scope='module')
def folder(tmp_path_factory, bodies):
    return fake_3dpw(tmp_path_factory.mktemp('3dpw'), bodies)


@pytest.mark.parametrize('truth', ['neuralannot', '3dpw'])
def test_the_true_pelvis_has_no_error(both_ways, folder, truth):
    result = both_ways('3dpw', folder, 'identity', '--truth', truth)
    assert result['metrics']['pelvis']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['metrics']['pelvis_coarse']['mean'] == pytest.approx(0, abs=1e-6)
    assert result['coverage'] == 1
    assert result['data']['instants'] == FRAMES * len(SEQUENCES)


def test_a_pelvis_beside_the_true_one_costs_its_distance_over_the_box(both_ways, folder, bodies):
    result = both_ways('3dpw', folder, 'pelvis=0.5')
    errors = []
    for sequence in ThreeDpw(folder, bodies).sequences():
        for index in range(FRAMES):
            instant = sequence.instant(index)
            people = true_people(instant, instant.views[0], bodies)
            sides = [(person.box[2:] - person.box[:2]).max() for person in people]
            errors.append(np.mean([0.5 / side for side in sides]))
    assert result['metrics']['pelvis']['mean'] == pytest.approx(np.mean(errors), abs=1e-6)
    assert result['metrics']['pelvis_coarse']['mean'] == pytest.approx(0, abs=1e-6)


def test_people_whose_camera_is_not_aligned_do_not_count(evaluate, folder):
    _, result = evaluate('3dpw', folder, '--oracle', 'identity', '--truth', '3dpw')
    assert any('not NeuralAnnot' in reason for reason in result['why_not'])
    _, thinned = evaluate('3dpw', folder, '--oracle', 'identity', '--truth', '3dpw', '--stride', '4')
    assert thinned['data']['instants'] == len(SEQUENCES) * FRAMES / 4
    assert any('one of every 4' in reason for reason in thinned['why_not'])


def test_a_head_outside_half_a_box_is_a_miss(evaluate, folder, tmp_path):
    name = next(iter(SEQUENCES))
    file = tmp_path / 'peer' / f'{name}.npz'
    file.parent.mkdir()
    frames = np.arange(FRAMES)
    heads, pelvises = np.full((FRAMES, 2), 500.0), np.full((FRAMES, 2), 9.0)
    detections = {'detection_frame': frames, 'detection_view': 0 * frames, 'detection_id': 0 * frames}
    np.savez(file, frames=frames, views=['image'], detection_head=heads, detection_pelvis=pelvises, **detections)
    status, result = evaluate('3dpw', folder, '--predictions', tmp_path / 'peer', '--sequences', name)
    assert status == 0
    assert result['coverage'] == 0
    assert result['extra'] == 1
    assert result['metrics']['pelvis']['mean'] is None
