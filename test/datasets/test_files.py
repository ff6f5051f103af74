from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from chromm_ros.datasets.files import (
    find_image,
    image_size,
    natural,
    numbers,
    read_csv,
    read_grey,
    read_image,
    read_json,
    require_folder,
    rigid,
)

PATTERN = {'P[0-9]*/*/*_data.pkl': 'sequences'}


def test_a_folder_beside_the_right_one_is_told(tmp_path: Path) -> None:
    right = tmp_path / 'EMDB'
    (right / 'P0' / 'x').mkdir(parents=True)
    (right / 'P0' / 'x' / 'P0_x_data.pkl').touch()
    assert require_folder(right, PATTERN, 'EMDB') == right
    for wrong in (tmp_path, right / 'P0'):
        with pytest.raises(FileNotFoundError, match='EMDB looks like it'):
            require_folder(wrong, PATTERN, 'EMDB')


def test_archives_that_were_not_extracted_are_told(tmp_path: Path) -> None:
    for name in ('P0.zip', 'P1.zip'):
        (tmp_path / name).touch()
    with pytest.raises(FileNotFoundError, match=r'2 archives such as P0\.zip: extract them'):
        require_folder(tmp_path, PATTERN, 'EMDB')
    with pytest.raises(FileNotFoundError, match='is not a folder'):
        require_folder(tmp_path / 'P0.zip', PATTERN, 'EMDB')


def test_a_rotation_in_exif_data_is_not_applied(tmp_path: Path) -> None:
    """Annotations of MPII and COCO refer to the pixels as they are stored."""
    path = tmp_path / 'a.jpg'
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)
    assert read_image(path).shape == (20, 30, 3)
    assert image_size(path) == (30, 20)


def test_pictures_are_rgb_and_of_the_size_of_the_lens(tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.full((4, 6, 3), (10, 20, 200), np.uint8))
    assert read_image(path, (6, 4))[0, 0].tolist() == [200, 20, 10]
    assert find_image(tmp_path / 'a') == path
    with pytest.raises(ValueError, match='is 6 x 4, the camera of the data set is 12 x 8'):
        read_image(path, (12, 8))
    with pytest.raises(ValueError, match='expected a grey picture'):
        read_grey(path)
    for content in (b'', b'no picture', path.read_bytes()[:60]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r'a\.png: is no picture'):
            read_image(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match='is the download complete'):
        read_image(path)


def test_tables_and_json_of_other_programs_are_read(tmp_path: Path) -> None:
    table = tmp_path / 'a.csv'
    table.write_bytes('\ufeffname,x\r\na,1\r\n'.encode())
    assert read_csv(table, ('name', 'x')) == [{'name': 'a', 'x': '1'}]
    with pytest.raises(ValueError, match='has no column y'):
        read_csv(table, ('y',))
    table.write_bytes(b'\xff\xfe\x00')
    with pytest.raises(ValueError, match=r'a\.csv'):
        read_csv(table, ('name',))
    file = tmp_path / 'a.json'
    file.write_bytes(('\ufeff' + json.dumps({'a': 1})).encode())
    assert read_json(file) == {'a': 1}
    for content in (b'', b'{"a": ', b'\xff\xfe', b'[' * 100_000):
        file.write_bytes(content)
        with pytest.raises(ValueError, match='no complete JSON'):
            read_json(file)


def test_arrays_and_poses_are_looked_at() -> None:
    assert numbers([[1, 2]], (None, 2), 'here').shape == (1, 2)
    for value in ([[1, 2, 3]], 'text', None, [[1, np.inf]], {'a': 1}, [[1], [2, 3]]):
        with pytest.raises(ValueError, match='here'):
            numbers(value, (None, 2), 'here')
    assert rigid(np.eye(3, 4), 'here').shape == (4, 4)
    for pose in (2 * np.eye(4), np.diag([1.0, 1, -1, 1]), np.ones((4, 4))):
        with pytest.raises(ValueError, match='here'):
            rigid(pose, 'here')


def test_names_are_sorted_by_their_numbers() -> None:
    assert sorted(['cam10', 'cam2', 'cam1'], key=natural) == ['cam1', 'cam2', 'cam10']
