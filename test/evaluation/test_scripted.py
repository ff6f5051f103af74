"""The checkpoint through the whole capture: people keep their ids in scripted worlds."""

import cv2
import numpy as np
import pytest

from chromm_ros.body.model import BodyModel
from chromm_ros.evaluation.commands import scripts
from chromm_ros.evaluation.scripted import ScriptRun, run_scripts
from chromm_ros.evaluation.timelines import write_timelines
from chromm_ros.network.chromm import Chromm
from chromm_ros.synthetic.scripts import SCRIPTS


@pytest.fixture(scope='module')
def runs() -> dict[str, ScriptRun]:
    body = BodyModel.load()
    network = Chromm.from_preset('tiny', body=body)
    return {run.script: run for run in run_scripts(network, body, tuple(SCRIPTS), [3_000_000])}


@pytest.mark.slow
@pytest.mark.parametrize('script', SCRIPTS)
def test_everybody_keeps_one_id(runs, script):
    run = runs[script]
    assert [len(run.ids_of(person)) for person in range(run.ids.shape[1])] == [1] * run.ids.shape[1]
    assert run.scores['recall'] > 0.95
    assert run.scores['precision'] > 0.9
    assert run.scores['head_error_m']['median'] < 0.05


@pytest.mark.slow
def test_the_picture_shows_who_is_who(runs, tmp_path):
    file = tmp_path / 'new' / 'scripts.png'
    write_timelines(file, list(runs.values()))
    picture = cv2.imread(str(file))
    assert picture.shape[0] == 260 * len(SCRIPTS)
    colors = {tuple(color) for color in picture[:260].reshape(-1, 3)}
    assert (80, 80, 255) in colors  # the first id is red, in OpenCV's order


@pytest.mark.slow
def test_ids_are_told_in_order_and_gaps_do_not_count(runs):
    run = runs['walks']
    ids = np.array([[0], [4], [4], [0], [2], [4]])
    assert ScriptRun('walks', 0, run.frames, run.snapshots, ids, run.views, {}).ids_of(0) == [4, 2]


def test_the_command_refuses_a_script_that_is_not_there():
    with pytest.raises(ValueError, match='unknown script'):
        scripts(script=('dance',), runs=1)
