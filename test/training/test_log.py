from pathlib import Path

import cv2

from chromm_ros.training.log import TrainingLog, read_log


def test_rows_are_means_over_their_steps(run_folder: Path) -> None:
    log = TrainingLog(run_folder, 0)
    assert log.add(1, 1.0, {'loss': 1.0}, 2) is None
    row = log.add(2, 2.0, {'loss': 3.0, 'rare': 5.0}, 2)
    assert row == {'step': 2.0, 'seconds': 2.0, 'loss': 2.0, 'rare': 5.0}
    assert read_log(log.file) == [row]


def test_a_resumed_log_forgets_what_was_not_saved(run_folder: Path) -> None:
    log = TrainingLog(run_folder, 0)
    for step in range(1, 5):
        log.add(step, step, {'loss': 1.0}, 1)
    again = TrainingLog(run_folder, 2)
    again.add(3, 9.0, {'loss': 2.0}, 1)
    assert [row['step'] for row in read_log(log.file)] == [1, 2, 3]


def test_a_term_that_comes_later_gets_a_column(run_folder: Path) -> None:
    log = TrainingLog(run_folder, 0)
    log.add(1, 1, {'loss': 1.0}, 1)
    log.add(2, 2, {'loss': 1.0, 'chamfer': 0.5}, 1)
    assert [row.get('chamfer') for row in read_log(log.file)] == [None, 0.5]


def test_curves_are_a_picture(run_folder: Path) -> None:
    log = TrainingLog(run_folder, 0)
    for step in range(1, 4):
        log.add(step, step, {'loss': 1.0 / step, 'zero': 0.0}, 1)
    picture = cv2.imread(str(run_folder / 'curves.png'))
    assert picture is not None
    assert picture.min() < 100  # something is drawn
