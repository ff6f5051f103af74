"""``chromm body`` writes, checks and shows bodies."""

from pathlib import Path

import pytest

from chromm_ros.body import commands


def test_what_is_written_passes_the_check(tmp_path, capsys):
    path = commands.write(tmp_path / 'SMPLX_NEUTRAL.npz')
    commands.check(path)
    assert 'fine' in capsys.readouterr().out


def test_a_path_that_smplx_would_not_load_is_refused(tmp_path):
    with pytest.raises(ValueError, match='npz'):
        commands.write(tmp_path / 'body.pkl')


def test_show_names_the_joints_of_the_free_body(capsys):
    commands.show()
    shown = capsys.readouterr().out
    assert 'pelvis' in shown
    assert 'right_thumb3' in shown


def test_check_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        commands.check(Path(tmp_path / 'nothing.npz'))
