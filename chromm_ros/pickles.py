"""Pickles from strangers: arrays, containers and numbers are read, code is refused by name.

Data sets and body models come as pickles, and a pickle can name any function of the machine to be called. Here only
names on a short list mean anything, and each of them stands for a function of this module that checks its arguments.
Arrays of chumpy and matrices of scipy (files of SMPL) become inert records; :func:`dense` makes arrays of them.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

PLAIN_TYPE = re.compile(r'[|<>=]?([biufc]\d{1,2}|[SU]\d{0,9}|O8?|b1|\?)')
"""Types of array elements that are read: numbers, text, and objects that the reader itself has read."""

HINT = (
    'only arrays, numbers, text and containers are read from pickles. If you trust the file, load it with the '
    'program that wrote it and save its arrays again'
)


def load_pickle(path: str | Path) -> Any:
    """What a pickle holds, Python 2's included (its byte strings become text, latin1).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no pickle, is cut off, or names something that is not plain data; names the file.
    """
    path = Path(path)
    with path.open('rb') as stream:
        return _load(stream, path)


def load_npy(path: str | Path) -> Any:
    """The array of an ``.npy`` file; one of objects is read by :func:`load_pickle`'s rules (0-d: what it holds).

    Raises:
        FileNotFoundError, ValueError: as :func:`load_pickle`.
    """
    path = Path(path)
    with path.open('rb') as stream:
        return load_npy_stream(stream, path)


def load_npy_stream(stream: IO[bytes], path: Path) -> Any:
    """As :func:`load_npy`, from an open file; ``path`` is named in messages."""
    try:
        version = np.lib.format.read_magic(stream)
        if version[0] > 3:
            raise ValueError(f'version {version} is not known')
        reads = np.lib.format.read_array_header_1_0 if version[0] == 1 else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = reads(stream)
        if dtype.hasobject:
            array = _load(stream, path)
            if not isinstance(array, np.ndarray) or array.shape != shape:
                raise ValueError('its header and its content disagree')
            return array.item() if array.ndim == 0 else array
        content = stream.read()
        if len(content) < dtype.itemsize * int(np.prod(shape, dtype=object)):
            raise ValueError('it is cut off')
        array = np.frombuffer(content, dtype, int(np.prod(shape, dtype=object)))
        return array.reshape(shape, order='F' if fortran else 'C')
    except (ValueError, TypeError, EOFError, OSError, MemoryError) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f'{path}: is no .npy file that can be read ({error})') from error


def dense(value: Any, name: str = 'value') -> np.ndarray:
    """An array of what :func:`load_pickle` gave: arrays, chumpy's arrays, scipy's sparse matrices.

    Raises:
        ValueError: it is none of them; ``name`` is used in the message.
    """
    if isinstance(value, Record):
        state = value.state
        if value.kind.startswith('chumpy'):
            if 'x' not in state:
                raise ValueError(f'{name} is a chumpy expression ({value.kind}), not an array; save it as an array')
            return dense(state['x'], name)
        return _sparse(value, name).toarray()
    array = np.array(value)  # a plain array, not the reader's own class
    if array.dtype.hasobject:
        raise ValueError(f'{name} is not an array of numbers')
    return array


def sparse(value: Any, name: str = 'value') -> Any:
    """As :func:`dense`, as a ``scipy.sparse.csr_matrix``."""
    import scipy.sparse

    if isinstance(value, Record) and not value.kind.startswith('chumpy'):
        return _sparse(value, name)
    return scipy.sparse.csr_matrix(dense(value, name))


class Record:
    """The state of an object of a library, kept and never given to the library."""

    kind = ''

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        parts = state if isinstance(state, tuple) else (state,)
        self.state = {str(key): value for part in parts if isinstance(part, dict) for key, value in part.items()}


def _sparse(record: Record, name: str) -> Any:
    import scipy.sparse

    state = {key.lstrip('_'): value for key, value in record.state.items()}
    layout = re.sub(r'_(matrix|array)$', '', record.kind.rpartition('.')[2])
    shape = state.get('shape')
    try:
        if shape is None or layout not in ('csc', 'csr', 'coo'):
            raise ValueError(f'layout {layout!r} is not known')
        if layout == 'coo':
            rows, columns = state['coords'] if 'coords' in state else (state['row'], state['col'])
            parts: tuple = (np.array(state['data']), (np.array(rows), np.array(columns)))
        else:
            parts = (np.array(state['data']), np.array(state['indices']), np.array(state['indptr']))
        make = getattr(scipy.sparse, f'{layout}_matrix')
        matrix = make(parts, shape=tuple(int(side) for side in shape))
        if layout != 'coo':
            matrix.check_format(full_check=True)  # indices outside of the shape would be read outside of memory
        return matrix.tocsr()
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f'{name} is no sparse matrix that can be read ({error})') from error


class _Call:
    """A function that a pickle may call, and do nothing else with."""

    __slots__ = ('_function',)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError('a change of the reader itself')


class _Array(np.ndarray):
    """An array while it is read: its state is checked before numpy sees it."""

    def __new__(cls, *_: object) -> _Array:
        raise pickle.UnpicklingError('an array made by a call')

    def __setstate__(self, state: tuple) -> None:  # type: ignore[override]
        _, shape, kind, fortran, content = state if len(state) == 5 else (1, *state)
        dtype = _resolved(kind)
        if dtype.hasobject != isinstance(content, list):
            raise pickle.UnpicklingError('an array whose content is not of its type')
        # numpy compares the sizes of shape and content
        super().__setstate__((1, shape, dtype, bool(fortran), content))  # type: ignore[arg-type]


class _Type:
    """Element type of an array: a plain one, its byte order in the state."""

    def __init__(self, code: object, *_: object) -> None:
        if not (isinstance(code, str) and PLAIN_TYPE.fullmatch(code)):
            raise pickle.UnpicklingError(f'an array of type {code!r}')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        _, order, subtype, names, fields, size = state[:6]
        if subtype is not None or names is not None or fields is not None:
            raise pickle.UnpicklingError('an array of records')
        if self.dtype.kind in 'SU' and isinstance(size, int) and size >= 0:
            self.dtype = np.dtype((self.dtype.type, size // (4 if self.dtype.kind == 'U' else 1)))
        if order in ('<', '>'):
            self.dtype = self.dtype.newbyteorder(order)


def _resolved(kind: object) -> np.dtype:
    if not isinstance(kind, _Type):
        raise pickle.UnpicklingError(f'an array of type {kind!r}')
    return kind.dtype


def _reconstruct(cls: object, *_: object) -> np.ndarray:
    if cls is not _Array:
        raise pickle.UnpicklingError(f'an array of class {cls!r}')
    return np.zeros(0).view(_Array)


def _scalar(kind: object, content: object = b'') -> Any:
    dtype = _resolved(kind)
    if dtype.hasobject:
        raise pickle.UnpicklingError('a number of type object')
    return np.frombuffer(_as_bytes(content), dtype, 1)[0]


def _from_buffer(content: object, kind: object, shape: object, order: str = 'C') -> np.ndarray:
    dtype = _resolved(kind)
    if dtype.hasobject:
        raise pickle.UnpicklingError('an array of objects in a buffer')
    return np.frombuffer(_as_bytes(content), dtype).reshape(shape, order=order)  # type: ignore[call-overload]


def _encode(text: object, encoding: object = 'latin1') -> bytes:
    if not isinstance(text, str) or encoding not in ('latin1', 'latin-1', 'utf-8', 'ascii'):
        raise pickle.UnpicklingError(f'bytes in the encoding {encoding!r}')
    return text.encode(str(encoding))


def _as_bytes(content: object = b'') -> bytes:
    if isinstance(content, str):
        return content.encode('latin1')
    if not isinstance(content, (bytes, bytearray)):
        raise pickle.UnpicklingError(f'bytes made of {type(content).__name__}')
    return bytes(content)


def _number(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    def make(*values: object) -> Any:
        if any(isinstance(value, (str, bytes)) and len(value) > 100 for value in values):
            raise pickle.UnpicklingError('a number of many digits')
        return kind(*values)

    return make


def _remade(cls: object, *_: object) -> Record:
    if not (isinstance(cls, type) and issubclass(cls, Record)):
        raise pickle.UnpicklingError(f'an object of {cls!r}')
    return cls()


_ARRAY_MODULES = ('numpy.core.multiarray', 'numpy._core.multiarray')
_KNOWN: dict[tuple[str, str], Any] = {
    **{(module, '_reconstruct'): _Call(_reconstruct) for module in _ARRAY_MODULES},
    **{(module, 'scalar'): _Call(_scalar) for module in _ARRAY_MODULES},
    **{(module, '_frombuffer'): _Call(_from_buffer) for module in ('numpy.core.numeric', 'numpy._core.numeric')},
    ('numpy', 'ndarray'): _Array,
    ('numpy', 'dtype'): _Type,
    ('_codecs', 'encode'): _Call(_encode),
    ('collections', 'OrderedDict'): OrderedDict,
    ('copyreg', '_reconstructor'): _Call(_remade),
    ('builtins', 'object'): None,
    ('builtins', 'bytes'): _Call(_as_bytes),
    ('builtins', 'bytearray'): _Call(_as_bytes),
    ('builtins', 'set'): set,
    ('builtins', 'frozenset'): frozenset,
    ('builtins', 'list'): list,
    ('builtins', 'dict'): dict,
    ('builtins', 'tuple'): tuple,
    ('builtins', 'complex'): complex,
    ('builtins', 'int'): _Call(_number(int)),
    ('builtins', 'float'): _Call(_number(float)),
}
_RECORDS = re.compile(r'(chumpy(\.\w+)*\.\w+)|(scipy\.sparse(\.\w+)*\.(csc|csr|coo)_(matrix|array))')


class _Reader(pickle._Unpickler):  # type: ignore[name-defined]
    """Python's own reader: the one in C reserves memory for whatever number of things a file claims to remember."""

    def find_class(self, module: str, name: str) -> Any:
        module = {'copy_reg': 'copyreg', '__builtin__': 'builtins'}.get(module, module)  # Python 2
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        kind = f'{module}.{name}'
        if _RECORDS.fullmatch(kind):
            return type('Record', (Record,), {'kind': kind})
        raise pickle.UnpicklingError(f'{kind}, which is not plain data')

    def persistent_load(self, number: object) -> Any:
        raise pickle.UnpicklingError(f'a reference to something outside of the file ({number!r})')


def _load(stream: IO[bytes], path: Path) -> Any:
    try:
        return _Reader(stream, encoding='latin1').load()
    except pickle.UnpicklingError as error:
        raise ValueError(f'{path}: refused to read: it holds {error}; {HINT}') from error
    except (
        AttributeError, EOFError, ImportError, IndexError, KeyError, MemoryError, OverflowError, RecursionError,
        TypeError, UnicodeError, ValueError,
    ) as error:  # fmt: skip
        raise ValueError(f'{path}: is no complete pickle of plain data ({type(error).__name__}: {error})') from error
