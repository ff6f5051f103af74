import json
import threading
from collections import Counter, deque

import numpy as np
import pytest
import torch

from chromm_ros.flow import Cloud, HumanState, Observation
from chromm_ros.recording.state_files import load_state, save_state
from chromm_ros.viewing.view import Timeline


def there_and_back(tmp_path, tree):
    save_state(tmp_path / 'state.npz', tree)
    return load_state(tmp_path / 'state.npz')


def test_plain_data_comes_back_with_its_types(tmp_path):
    tree = {
        'numbers': [1, 0.1, float('inf'), True, None, np.float32(0.5), np.int64(2**60)],
        ('a', 1): deque([1, 2, 3], maxlen=3),
        'counts': Counter(late=2),
        'set': {1, 2},
        'state': HumanState.LOST,
    }
    back = there_and_back(tmp_path, tree)
    assert back == tree
    assert back[('a', 1)].maxlen == 3
    assert isinstance(back['counts'], Counter)
    assert back['state'] is HumanState.LOST
    assert type(back['numbers'][5]) is np.float32


def test_arrays_and_tensors_come_back_bit_for_bit(tmp_path):
    array = np.array([[0.1, np.nan], [np.inf, -0.0]], np.float32)
    tensor = torch.arange(6).reshape(2, 3)
    back = there_and_back(tmp_path, [array, tensor])
    assert back[0].tobytes() == array.tobytes()
    assert torch.equal(back[1], tensor)


def test_objects_of_the_package_come_back_frozen_or_not(tmp_path):
    cloud = Cloud(np.ones((2, 3), np.float32), np.zeros((2, 3), np.uint8), np.ones(2, np.float32))
    timeline = Timeline(span=3.0)
    back = there_and_back(tmp_path, {'cloud': cloud, 'timeline': timeline})
    np.testing.assert_array_equal(back['cloud'].points, cloud.points)
    assert back['timeline'].span == 3.0
    assert back['timeline'].views == ()


def test_what_was_shared_stays_shared(tmp_path):
    array = np.zeros(3)
    back = there_and_back(tmp_path, {'one': array, 'two': [array]})
    back['one'][0] = 5.0
    assert back['two'][0][0] == 5.0


def test_foreign_objects_are_not_written(tmp_path):
    with pytest.raises(TypeError, match='cannot be part'):
        save_state(tmp_path / 'state.npz', {'where': tmp_path})
    assert not (tmp_path / 'state.npz').exists()


@pytest.mark.parametrize(
    'name',
    ['os:system', 'subprocess:Popen', 'chromm_ros.settings:changed', 'chromm_ros.apps.processes:subprocess.Popen'],
)
@pytest.mark.parametrize('kind', ['class', 'enum'])
def test_a_file_cannot_name_code_to_run(tmp_path, name, kind):
    node = {'class': name, 'attributes': {}} if kind == 'class' else {}
    root = {'object': 0} if kind == 'class' else {'enum': name, 'value': 'true'}
    tree = {'root': root, 'objects': [node]}
    np.savez(tmp_path / 'state.npz', tree=json.dumps(tree))
    with pytest.raises(ValueError, match='may not name'):
        load_state(tmp_path / 'state.npz')


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / 'state.npz'
    save_state(path, {'a': np.zeros(100)})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r'state\.npz'):
        load_state(path)


def test_observations_keep_their_arrays(tmp_path):
    seen = Observation('left', 3, 10, 0.9, 1.0, True, np.array([1.0, 2.0]), np.zeros(2), (0, 0, 5, 5), 0.01)
    back = there_and_back(tmp_path, (seen,))[0]
    assert (back.view, back.tracklet, back.roi) == ('left', 3, (0, 0, 5, 5))
    np.testing.assert_array_equal(back.head_px, [1.0, 2.0])


def test_tools_are_not_written_but_put_back_in_their_places(tmp_path):
    network = torch.nn.Linear(2, 2)
    save_state(tmp_path / 'state.npz', {'uses': [network], 'lock': threading.RLock()}, {'network': network})
    other = torch.nn.Linear(2, 2)
    back = load_state(tmp_path / 'state.npz', {'network': other})
    assert back['uses'] == [other]
    assert back['lock'].acquire(blocking=False)
