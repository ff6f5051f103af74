"""Broken copies: one line that names the file, the other clips go on, exit status 1."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from fake_egoexo4d import fake_egoexo4d
from fake_egohumans import fake_egohumans
from fake_emdb import fake_emdb, studio_emdb
from fake_images import fake_3dpw
from fake_prox import fake_prox
from fake_rich import fake_rich

COPIES = {
    'emdb': fake_emdb,
    'rich': fake_rich,
    'egohumans': fake_egohumans,
    'egoexo4d': fake_egoexo4d,
    '3dpw': fake_3dpw,
    'prox': lambda folder, bodies: fake_prox(folder),
}
CODE = pickle.dumps(os.system)
"""Runs nothing by itself, but stands for what could."""


@pytest.mark.parametrize('kind', COPIES)
def test_another_folder_is_refused_by_name(evaluate, tmp_path, capsys, kind):
    empty = tmp_path / 'something else'
    empty.mkdir()
    status, _ = evaluate(kind, empty, '--oracle', 'identity')
    assert status == 1
    assert str(empty) in capsys.readouterr().err


def write_code(file: Path) -> None:
    file.write_bytes(CODE)


def write_array_of_code(file: Path) -> None:
    np.save(file, np.array([os.system], dtype=object))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


BREAKS = [
    ('rich', 'bodies/test/Gym_011_pushup1/00010/011.pkl', write_code),
    ('rich', 'scan_calibration/Gym/calibration/002.xml', truncate),
    ('egohumans', '01_tagging/001_tagging/colmap/workplace/colmap_from_aria_transforms.pkl', write_code),
    ('egohumans', '01_tagging/001_tagging/processed_data/smpl/00011.npy', write_array_of_code),
    ('egohumans', '01_tagging/001_tagging/colmap/workplace/images.txt', Path.unlink),
    ('egoexo4d', 'takes/cmu_bike01_2/trajectory/gopro_calibs.csv', Path.unlink),
    ('3dpw', 'sequenceFiles/test/downtown_walking_00.pkl', write_code),
    ('prox', 'recordings/BasementSittingBooth_00142_01/Depth/s001_frame_00000__00.00.00.000.png', truncate),
    ('prox', 'calibration/IR.json', truncate),
]


@pytest.mark.parametrize(('kind', 'name', 'spoil'), BREAKS)
def test_a_broken_file_loses_its_clip_by_name(evaluate, bodies, tmp_path, kind, name, spoil):
    folder = COPIES[kind](tmp_path / 'copy', bodies)
    file = folder / name
    content = file.read_bytes()
    file.unlink()  # other names may share its content
    file.write_bytes(content)
    spoil(file)
    options = ['--truth', '3dpw'] if kind == '3dpw' else []
    status, result = evaluate(kind, folder, '--oracle', 'identity', *options)
    assert status == 1
    reasons = list(result['data']['missing'].values())
    assert reasons
    assert any(file.name in reason and '\n' not in reason for reason in reasons), reasons


def test_a_missing_image_loses_the_clip_that_needs_it(evaluate, bodies, tmp_path):
    folder = studio_emdb(tmp_path / 'emdb', bodies, frames=3)
    first = folder / 'P2' / '19_indoor_walk_off_mvs'
    whole = folder / 'P2' / '20_outdoor_walk'
    shutil.copytree(first, whole)
    (whole / 'P2_19_indoor_walk_off_mvs_data.pkl').rename(whole / 'P2_20_outdoor_walk_data.pkl')
    (first / 'images' / '00001.jpg').unlink()
    status, result = evaluate('emdb', folder, '--preset', 'tiny')
    assert status == 1
    assert '00001.jpg does not exist' in result['data']['missing']['P2/19_indoor_walk_off_mvs']
    assert list(result['per_sequence']) == ['P2/20_outdoor_walk']
