import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chromm_ros.recording.state_files import decoded, encoded, load_state, save_state

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
def test_plain_data_comes_back_as_it_was(tree):
    assert decoded(encoded(tree)) == tree


def test_arrays_keep_their_kind_and_tuples_become_lists(tmp_path):
    arrays = [np.arange(3, dtype=np.int64), np.zeros((0, 4), np.float32), np.array(True), np.array([np.nan, np.inf])]
    save_state(tmp_path / 'state.npz', {'deep': ({'arrays': arrays}, np.float64(1 / 3))})
    (inner, third) = load_state(tmp_path / 'state.npz')['deep']
    assert third == 1 / 3
    for one, other in zip(inner['arrays'], arrays):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    assert not (tmp_path / 'state.npz.partial').exists()


@pytest.mark.parametrize('tree', [{1: 2}, [object()], {'a': {3, 4}}, [np.array([object()])]])
def test_what_is_no_plain_data_is_refused(tree):
    with pytest.raises(TypeError, match=r'plain data|keys must be text'):
        encoded(tree)


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 cut off', b'\x80\x04pickle'])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / 'resume.npz'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'resume\.npz is not a saved state'):
        load_state(path)


def test_a_pickle_in_the_file_is_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / 'ran'), 'w'))

    np.savez(tmp_path / 'state.npz', tree=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match='not a saved state'):
        load_state(tmp_path / 'state.npz')
    assert not (tmp_path / 'ran').exists()
