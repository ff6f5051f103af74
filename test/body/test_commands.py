"""``chromm body`` shows, checks and writes bodies."""

import numpy as np
import pytest

from chromm_ros.body.commands import body


def test_the_joints_of_the_free_body_are_shown(capsys):
    body()
    shown = capsys.readouterr().out
    assert 'pelvis' in shown
    assert 'right_thumb3' in shown
    assert '13718 vertices' in shown


@pytest.mark.slow
def test_what_is_written_can_be_shown(tmp_path, capsys):
    path = tmp_path / 'new' / 'SMPLX_NEUTRAL.npz'
    body(write=path)
    body(path)
    assert 'without pose correctives' in capsys.readouterr().out


def test_a_path_that_smplx_would_not_load_is_refused(tmp_path):
    with pytest.raises(ValueError, match='npz'):
        body(write=tmp_path / 'body.pkl')


def test_a_users_file_is_not_copied(tmp_path):
    with pytest.raises(ValueError, match='licence'):
        body(tmp_path / 'SMPLX_NEUTRAL.npz', write=tmp_path / 'copy.npz')


def test_a_foreign_file_is_refused(tmp_path):
    path = tmp_path / 'foreign.npz'
    np.savez(path, v_template=np.zeros((4, 3)))
    with pytest.raises(ValueError, match='not an SMPL-X body'):
        body(path)
