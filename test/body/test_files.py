"""Body files: what is read is what was written, and a bad file says what is wrong with it."""

import numpy as np
import pytest

from chromm_ros.body.files import BodyFile, cached_smplx, read_free, read_proxy, read_smplx, write_smplx
from chromm_ros.skeleton import PARENTS

COUNT = 40
"""Vertices of a small body, for all that does not depend on how many there are."""


def small_body():
    free = read_free()
    weights = free.weights[:COUNT]
    return BodyFile('small', free.template[:COUNT], free.shape_directions[:COUNT], None, free.regressor[:, :COUNT],
                    weights, free.faces[:1] * 0)  # fmt: skip


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    return write_smplx(small_body(), tmp_path_factory.mktemp('body') / 'SMPLX_NEUTRAL.npz')


def changed(path, target, **arrays):
    """A copy of a body file with some arrays replaced; None leaves one out."""
    with np.load(path) as data:
        kept = {**data, **arrays}
    np.savez(target, **{key: value for key, value in kept.items() if value is not None})
    return target


def test_the_free_body_is_a_body():
    body = read_free()
    np.testing.assert_allclose(body.weights.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(body.regressor.sum(1), 1, atol=1e-4)
    height = np.ptp(body.template[:, 1])
    assert 1.5 < height < 2.0
    assert body.faces.max() < len(body.template)


def test_left_and_right_of_the_free_body_mirror_each_other():
    body = read_free()
    joints = body.regressor @ body.template
    for left, right in ((1, 2), (4, 5), (7, 8), (16, 17), (18, 19), (20, 21), (23, 24), (25, 40)):
        np.testing.assert_allclose(joints[left], joints[right] * [-1, 1, 1], atol=0.012)
        assert joints[left, 0] > 0


def test_parents_come_before_their_children():
    assert all(parent < joint for joint, parent in enumerate(PARENTS))


def test_the_proxy_lies_on_the_skin():
    vertices, faces = read_proxy()
    assert vertices.max() < len(read_free().template)
    assert set(np.unique(faces)) <= set(range(len(vertices)))


def test_what_is_written_is_read_back(written):
    body, again = small_body(), read_smplx(written)
    for name in ('template', 'shape_directions', 'regressor', 'weights', 'faces'):
        np.testing.assert_array_equal(getattr(again, name), getattr(body, name))
    assert again.pose_directions is None


def test_the_cache_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr('chromm_ros.body.files.read_free', small_body)
    path = cached_smplx(tmp_path)
    before = path.stat().st_mtime_ns
    assert cached_smplx(tmp_path) == path
    assert path.stat().st_mtime_ns == before


def test_a_file_with_more_directions_is_cut_to_ten(written, tmp_path):
    directions = np.load(written)['shapedirs']
    path = changed(written, tmp_path / 'long.npz', shapedirs=np.repeat(directions, 4, 2))
    assert read_smplx(path).shape_directions.shape[2] == 10


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='free body'):
        read_smplx(tmp_path / 'missing.npz')


def test_not_an_archive(tmp_path):
    path = tmp_path / 'text.npz'
    path.write_text('<html>you must log in first</html>')
    with pytest.raises(ValueError, match='cannot be read'):
        read_smplx(path)


@pytest.mark.parametrize(
    ('arrays', 'message'),
    [
        ({'weights': None}, 'it has no weights'),
        ({'weights': np.zeros((5, 24))}, r'weights has shape \(5, 24\)'),
        ({'shapedirs': np.zeros((COUNT, 3, 4))}, '4 shape directions'),
        ({'kintree_table': np.zeros((2, 55))}, 'joints are not those of SMPL-X'),
        ({'J_regressor': np.zeros((24, COUNT))}, 'J_regressor has shape'),
    ],
)
def test_a_foreign_file_says_what_is_wrong(written, tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        read_smplx(changed(written, tmp_path / 'foreign.npz', **arrays))


def test_no_pickle_is_executed(written, tmp_path):
    path = changed(written, tmp_path / 'pickled.npz', v_template=np.array([{'a': 1}], dtype=object))
    with pytest.raises(ValueError, match='pickle'):
        read_smplx(path)


@pytest.mark.parametrize('part', [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_one_line(written, tmp_path, part):
    content = written.read_bytes()
    path = tmp_path / 'cut.npz'
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r'cut\.npz: cannot be read') as caught:
        read_smplx(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('place', [0.1, 0.3, 0.5])
def test_a_file_that_is_damaged_inside_is_refused(written, tmp_path, place):
    content = bytearray(written.read_bytes())
    begin = int(place * len(content))
    content[begin : begin + 200] = b'\xa5' * 200
    path = tmp_path / 'damaged.npz'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='damaged'):
        read_smplx(path)
