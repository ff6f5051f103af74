from __future__ import annotations

import collections
import io
import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from chromm_ros.pickles import dense, load_npy, load_pickle, sparse


def written(folder: Path, content: bytes) -> Path:
    path = folder / 'file.pkl'
    path.write_bytes(content)
    return path


PLAIN = {
    'array': np.arange(6.0).reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    'big': np.arange(3, dtype='>i4'),
    'flags': np.array([True, False]),
    'text': np.array(['one', 'three']),
    'number': np.float64(2.5),
    'objects': np.array([{'a': np.ones(2)}, None], dtype=object),
    'ordered': collections.OrderedDict(a=1),
    'set': {1, 2},
    'bytes': b'\x00\xff',
    'empty': b'',
    'complex': 1j,
    'nested': [({'k': (1, 2.5, 'x', None, True)},)],
}


@pytest.mark.parametrize('protocol', range(6))
def test_plain_data_is_read_by_every_protocol(tmp_path: Path, protocol: int) -> None:
    found = load_pickle(written(tmp_path, pickle.dumps(PLAIN, protocol=protocol)))
    assert list(found) == list(PLAIN)
    for name in ('array', 'fortran', 'big', 'flags', 'text', 'number'):
        np.testing.assert_array_equal(found[name], PLAIN[name])
        assert found[name].dtype.newbyteorder('=') == PLAIN[name].dtype.newbyteorder('=')
    np.testing.assert_array_equal(found['objects'][0]['a'], np.ones(2))
    for name in ('ordered', 'set', 'bytes', 'empty', 'complex', 'nested'):
        assert found[name] == PLAIN[name]


def test_pickles_of_python_2_become_text(tmp_path: Path) -> None:
    # what Python 2 writes for {'betas': numpy.array([1.0, 2.0]), 'sequence': 'courtyard'}
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\ntcnumpy\ndtype\n"
        b"(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        b"S'\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\x00@'\ntb"
    )
    content = b"(dS'sequence'\nS'courtyard'\nsS'betas'\n" + array + b's.'
    found = load_pickle(written(tmp_path, content))
    assert found['sequence'] == 'courtyard'
    np.testing.assert_array_equal(found['betas'], [1.0, 2.0])


class Calls:
    """An object whose pickle calls a function."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.call


class WithState:
    """An object whose pickle gives a state to what a call returned, or to a name itself."""

    def __init__(self, function: object, arguments: tuple, state: object) -> None:
        self.parts = (function, arguments, state)

    def __reduce__(self) -> tuple:
        return self.parts


def raw(*lines: str) -> bytes:
    return '\n'.join(lines).encode()


MALICIOUS = {
    'system': pickle.dumps(Calls(os.system, 'touch {mark}')),
    'eval': pickle.dumps(Calls(eval, "open('{mark}', 'w')")),
    'exec': pickle.dumps(Calls(exec, "open('{mark}', 'w')")),
    'open': pickle.dumps(Calls(open, '{mark}', 'w')),
    'popen': pickle.dumps(Calls(subprocess.Popen, ['touch', '{mark}'])),
    'import': pickle.dumps(Calls(__import__, 'antigravity')),
    'getattr': pickle.dumps(Calls(getattr, [], 'append')),
    'old protocol': raw('cos', 'system', "(S'touch {mark}'", 'tR.'),
    'posix by its other name': raw('cposix', 'system', "(S'touch {mark}'", 'tR.'),
    'instance': raw("(S'touch {mark}'", 'ios', 'system', '.'),
    'dotted name': b'\x80\x04\x8c\x05numpy\x8c\x0cndarray.tofile\x93.',
    'numpy load': raw('cnumpy', 'load', "(S'{mark}'", 'tR.'),
    'numpy memmap': raw('cnumpy', 'memmap', "(S'{mark}'", "S'f8'", "S'w+'", 'tR.'),
    'numpy runstring': raw('cnumpy.testing._private.utils', 'runstring', "(S'open(1)'", '(dtR.'),
    'scipy': raw('cscipy.io', 'loadmat', "(S'{mark}'", 'tR.'),
    'torch': raw('ctorch', 'load', "(S'{mark}'", 'tR.'),
    'chumpy function of another module': raw('cchumpy_tricks', 'system', '(tR.'),
    'state of the reader': pickle.dumps([1])[:0] + raw('c_codecs', 'encode', '(dS"__defaults__"', 'I1', 'sb.'),
    'slots of the reader': raw('cnumpy.core.multiarray', '_reconstruct', '(N(dS"__code__"', 'I1', 'stb.'),
    'array of any class': raw(
        'cnumpy.core.multiarray', '_reconstruct', '(ccollections', 'OrderedDict', '(I0', "tS'b'", 'tR.'
    ),
    'array by a call': raw('cnumpy', 'ndarray', '((I1000000000', 'ltR.'),
    'type by a call': raw('cnumpy', 'dtype', "(S'V8'", 'tR.'),
    'extension': b'\x80\x02\x82\x01.',
    'persistent': raw('Pname', '.'),
    'bytes of a size': raw('c__builtin__', 'bytearray', '(I100000000000', 'tR.'),
    'number of many digits': raw('c__builtin__', 'int', f"(S'{'9' * 5000}'", 'tR.'),
    'object of a class': raw(
        'ccopy_reg', '_reconstructor', '(c__builtin__', 'dict', 'c__builtin__', 'object', 'NtR.'
    ),
}


@pytest.mark.parametrize('name', MALICIOUS)
def test_code_is_refused_and_never_run(tmp_path: Path, name: str) -> None:
    mark = tmp_path / 'mark'
    content = MALICIOUS[name]
    # the path has the length of the placeholder's, so that lengths in the pickle stay right
    (tmp_path / '{mark}').unlink(missing_ok=True)
    path = written(tmp_path, content)
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        with pytest.raises(ValueError, match=r'file\.pkl') as caught:
            load_pickle(path)
    finally:
        os.chdir(here)
    assert '\n' not in str(caught.value)
    assert sorted(child.name for child in tmp_path.iterdir()) == ['file.pkl']
    assert not mark.exists()


def test_a_claimed_size_reserves_no_memory(tmp_path: Path) -> None:
    # "remember None as number 2 147 483 647": the reader in C would reserve 32 GB
    assert load_pickle(written(tmp_path, b'\x80\x02Nr\xff\xff\xff\x7f.')) is None
    for content in (b'\x80\x05\x8e' + (2**62).to_bytes(8, 'little'), b'\x80\x04\x95' + b'\xff' * 8):
        with pytest.raises(ValueError, match=r'file\.pkl'):
            load_pickle(written(tmp_path, content))


def test_the_message_names_what_the_file_wanted(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'holds posix\.system, which is not plain data'):
        load_pickle(written(tmp_path, MALICIOUS['system']))


def test_an_array_that_disagrees_with_itself_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps(np.arange(4.0), protocol=2)
    for broken in (
        content[:-20],
        content.replace(b'f8', b'O8'),
        content.replace(b'K\x04\x85', b'K\x63\x85'),
        b'',
        b'\x80',
    ):
        with pytest.raises(ValueError, match=r'file\.pkl'):
            load_pickle(written(tmp_path, broken))


def test_arrays_of_chumpy_are_read_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType('chumpy.ch')
    ch = type('Ch', (), {'__module__': 'chumpy.ch', '__reduce_ex__': object.__reduce_ex__})
    module.Ch = ch
    monkeypatch.setitem(sys.modules, 'chumpy', types.ModuleType('chumpy'))
    monkeypatch.setitem(sys.modules, 'chumpy.ch', module)
    array, formula = ch(), ch()
    array.__dict__.update(x=np.arange(3.0), _dirty_vars={'x'})
    formula.__dict__.update(a=1)
    for protocol in (1, 2, 4):
        found = load_pickle(written(tmp_path, pickle.dumps({'v': array, 'w': formula}, protocol)))
        np.testing.assert_array_equal(dense(found['v']), [0, 1, 2])
        with pytest.raises(ValueError, match='w is a chumpy expression'):
            dense(found['w'], 'w')


@pytest.mark.parametrize('layout', ['csc', 'csr', 'coo'])
def test_sparse_matrices_are_read_and_checked(tmp_path: Path, layout: str) -> None:
    matrix = scipy.sparse.random(5, 7, 0.4, layout, rng=np.random.default_rng(1))
    found = load_pickle(written(tmp_path, pickle.dumps(matrix, protocol=2)))
    np.testing.assert_array_equal(dense(found), matrix.toarray())
    np.testing.assert_array_equal(sparse(found).toarray(), matrix.toarray())


def test_a_sparse_matrix_that_points_outside_is_refused(tmp_path: Path) -> None:
    matrix = scipy.sparse.csr_matrix(np.eye(3))
    matrix.indices[1] = 1000
    found = load_pickle(written(tmp_path, pickle.dumps(matrix, protocol=2)))
    with pytest.raises(ValueError, match='regressor is no sparse matrix'):
        sparse(found, 'regressor')


def test_object_arrays_in_npy_files_are_read_by_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / 'a.npy'
    np.save(path, np.array({'aria01': {'joints': np.ones((45, 3))}}, dtype=object))
    np.testing.assert_array_equal(load_npy(path)['aria01']['joints'], np.ones((45, 3)))
    np.save(path, np.arange(6, dtype=np.float32).reshape(2, 3))
    np.testing.assert_array_equal(load_npy(path), np.arange(6).reshape(2, 3))
    np.save(path, np.array([Calls(os.system, 'false')], dtype=object))
    with pytest.raises(ValueError, match=r'a\.npy: refused to read: it holds posix\.system'):
        load_npy(path)
    for broken in (b'', b'\x93NUMPY', path.read_bytes()[:100], b'no array at all'):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r'a\.npy'):
            load_npy(path)


def test_an_array_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.arange(100.0))
    path = tmp_path / 'a.npy'
    path.write_bytes(stream.getvalue()[:-8])
    with pytest.raises(ValueError, match='cut off'):
        load_npy(path)
