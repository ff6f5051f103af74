from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from fake_prox import COLOR_EDGE, RECORDING, fake_prox, names

from chromm_ros.datasets.prox import Prox


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_prox(tmp_path_factory.mktemp('prox'))


def test_one_picture_of_a_hundred(folder: Path) -> None:
    (sequence,) = Prox(folder).sequences()
    assert [sequence.instant(index).frame for index in range(len(sequence))] == [0, 100, 200]
    assert len(Prox(folder, every=30).sequences()[0]) == 9
    with pytest.raises(ValueError, match='1 or more'):
        Prox(folder, every=0)


def test_pictures_are_unmirrored_and_depth_is_metric(folder: Path) -> None:
    view = Prox(folder).sequences()[0].instant(1).views[0]
    image, depth, mask = view.image(), view.depth(), view.people_mask()
    assert image[50, COLOR_EDGE - 10, 0] > 180
    assert image[50, COLOR_EDGE + 10, 0] < 110
    rows, columns = np.nonzero(depth)
    near, far = columns < COLOR_EDGE - 2, columns > COLOR_EDGE + 2
    np.testing.assert_allclose(depth[rows, columns][near], 2.0, atol=1e-6)
    np.testing.assert_allclose(depth[rows, columns][far], 3.0, atol=1e-6)
    assert near.any()
    assert far.any()
    assert depth.shape == mask.shape == image.shape[:2]
    assert mask[60, 130]
    assert mask.sum() == 40 * 30
    assert not depth[:20].any(), 'pixels without a measurement stay unknown'


def test_depth_moves_with_the_cameras(tmp_path: Path) -> None:
    """A colour camera 5 cm beside the infrared one and turned sees the same points elsewhere."""
    fake_prox(tmp_path)
    file = tmp_path / 'calibration' / 'Color.json'
    content = json.loads(file.read_text())
    turn = np.array([0.0, 0.2, 0.0])
    view = np.concatenate([cv2.Rodrigues(turn)[0], [[0.05], [0.0], [0.1]]], 1)
    content |= {'view_mtx': view.tolist(), 'R': cv2.Rodrigues(turn)[0].tolist(), 'T': view[:, 3].tolist()}
    file.write_text(json.dumps(content))
    plain = Prox(tmp_path, color_z=False).sequences()[0].instant(0).views[0].depth()
    moved = Prox(tmp_path).sequences()[0].instant(0).views[0].depth()
    assert set(np.unique(plain.round(5))) == {0, 2, 3}
    both = (plain > 0) & (moved > 0)
    assert np.abs(moved - plain)[both].max() > 0.1
    y, x = (int(places[len(places) // 2]) for places in np.nonzero(moved == moved[both].max()))
    intrinsics = np.array(content['camera_mtx'])
    point = np.linalg.inv(intrinsics) @ [x, y, 1] * moved[y, x]
    back = view[:, :3].T @ (point - view[:, 3])
    assert back[2] == pytest.approx(plain[y, x], abs=0.05)


def test_half_a_download_is_named(tmp_path: Path) -> None:
    fake_prox(tmp_path)
    (tmp_path / 'calibration' / 'IR.json').unlink()
    (tmp_path / 'recordings' / RECORDING / 'Depth' / f'{names()[7]}.png').unlink()
    findings = Prox(tmp_path).check()
    assert any('IR.json' in line for line in findings.missing)
    assert any('249 of 250 pictures' in line for line in findings.missing)
    assert any('1 recordings, 60 were published' in line for line in findings.notes)
    with pytest.raises(FileNotFoundError, match=r'IR\.json'):
        Prox(tmp_path).sequences()[0].instant(0).views[0].depth()


@pytest.mark.parametrize(
    ('key', 'value', 'words'),
    [
        ('camera_mtx', [[1, 2], [3, 4]], 'camera_mtx: its shape'),
        ('view_mtx', (2 * np.eye(3, 4)).tolist(), 'view_mtx: expected rotations'),
        ('k', 'none', 'k: '),
        ('T', None, 'T: '),
    ],
)
def test_broken_calibrations_are_named(tmp_path: Path, key: str, value: object, words: str) -> None:
    fake_prox(tmp_path)
    file = tmp_path / 'calibration' / 'IR.json'
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(ValueError, match=words) as caught:
        Prox(tmp_path).sequences()[0].instant(0).views[0].depth()
    assert str(file) in str(caught.value)


def test_depth_of_eight_bits_is_refused(tmp_path: Path) -> None:
    fake_prox(tmp_path)
    file = tmp_path / 'recordings' / RECORDING / 'Depth' / f'{names()[0]}.png'
    file.unlink()
    cv2.imwrite(str(file), np.full((42, 51), 7, np.uint8))
    with pytest.raises(ValueError, match='expected a picture of 16 bits'):
        Prox(tmp_path).sequences()[0].instant(0).views[0].depth()
