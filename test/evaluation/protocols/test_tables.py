"""The ablations as commands: every row is scored, in its own configuration, beside the paper's."""

import json
import sys

import pytest
from fake_egohumans import fake_egohumans
from fake_emdb import fake_emdb
from fake_images import fake_3dpw
from fake_prox import fake_prox
from fake_rich import fake_rich

from chromm_ros.cli import main
from chromm_ros.evaluation.protocols.ablations import TABLES
from chromm_ros.evaluation.protocols.pass_settings import PAPER, PassSettings, with_words
from chromm_ros.people import AssociationSettings


@pytest.fixture
def run_table(body_folder, tmp_path, monkeypatch):
    def command(number, folder, *options):
        file = tmp_path / 'table.json'
        words = ['chromm', 'evaluate', 'table', number, '--data', folder, '--bodies', body_folder, '--json', file]
        monkeypatch.setattr(sys, 'argv', [*map(str, words), *options])
        return main(), json.loads(file.read_text()) if file.is_file() else {}

    return command


@pytest.mark.parametrize(
    ('number', 'copy', 'metric'),
    [
        (4, fake_emdb, 'w_mpjpe'),
        (5, fake_rich, 'w_mpjpe'),
        (6, fake_egohumans, 'pa_mpjpe'),
        (7, fake_emdb, 'w_mpjpe'),
        (8, fake_3dpw, 'pelvis'),
        (9, fake_prox, 'absrel'),
        (10, fake_emdb, 'w_mpjpe'),
    ],
)
def test_every_row_stands_above_the_papers(run_table, bodies, tmp_path, capsys, number, copy, metric):
    folder = copy(tmp_path / 'data', bodies) if copy is not fake_prox else copy(tmp_path / 'data')
    status, result = run_table(number, folder, '--oracle', 'identity')
    assert status == 0
    assert list(result['rows']) == [row.name for row in TABLES[number].rows] == list(TABLES[number].paper)
    for row in result['rows'].values():
        assert row['metrics'][metric]['mean'] == pytest.approx(0, abs=1e-6)
    printed = capsys.readouterr().out
    for name in result['rows']:
        assert f'paper: {name}' in printed


def test_weights_are_asked_for_by_the_rows_that_need_them(run_table, bodies, tmp_path, capsys):
    folder = fake_emdb(tmp_path / 'data', bodies)
    status, _ = run_table(7, folder, '--weights', 'one.safetensors')
    assert status == 2
    assert 'direct translation, direct depth, depth residual' in capsys.readouterr().err


def test_rows_are_changes_of_one_method():
    base = PassSettings()
    assert base.people == PAPER
    for table in TABLES.values():
        changed = [with_words(base, row.changes) for row in table.rows]
        own_weights = all(row.own_weights for row in table.rows)
        assert len(set(changed)) == len(changed) or own_weights
    pose = with_words(base, TABLES[6].rows[0].changes)
    assert pose.people.association == AssociationSettings(
        position_weight=0.0, pose_weight=1.0, along_rays=False, ray_distance=0.0
    )
