import pytest

from chromm_ros.apps.calibrate import Options, calibrate
from chromm_ros.settings import UsageError


@pytest.mark.parametrize(
    ('option', 'value', 'words'),
    [('height', 17.0, 'metres'), ('duration', -1.0, 'seconds'), ('rate', 0.0, 'more than 0')],
)
def test_options_that_make_no_sense_are_told(tmp_path, option, value, words):
    with pytest.raises(UsageError, match=words):
        calibrate((), Options(out=tmp_path / 'out', **{option: value}))
    assert not (tmp_path / 'out').exists()


def test_a_recording_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        calibrate((tmp_path / 'nowhere.mp4',), Options(out=tmp_path / 'out', quiet=True))


def test_live_topics_without_images_end_with_what_is_missing(tmp_path, capsys):
    with pytest.raises(ValueError, match='nobody was seen'):
        calibrate((), Options(out=tmp_path / 'out', duration=0.5))
    assert 'Walk through all views' in capsys.readouterr().out
