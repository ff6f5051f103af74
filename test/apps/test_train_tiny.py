"""The recipe of the tiny preset with tiny numbers: killed, asked to stop, ended by its clock, and finished."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from chromm_ros.apps.train_tiny import SHARES, UNFINISHED, Recipe, tiny
from chromm_ros.network.chromm import Chromm
from chromm_ros.settings import UsageError

NUMBERS = {'minutes': 0.1, 'images': 4, 'scenes': 4, 'workers': 1, 'judged': 1}


def started(folder: Path) -> subprocess.Popen:
    """The recipe as a command that ends no piece by itself."""
    options = [word for name, value in (NUMBERS | {'piece': 0}).items() for word in (f'--{name}', str(value))]
    return subprocess.Popen([sys.executable, '-m', 'chromm_ros.cli', 'train', 'tiny', '--folder', folder, *options])


def wait_for(file: Path, process: subprocess.Popen) -> None:
    while not file.exists():
        assert process.poll() is None, 'it ended before'
        time.sleep(0.02)


def done(folder: Path) -> list[str]:
    return json.loads((folder / 'recipe.json').read_text())['done']


def seconds(folder: Path) -> float:
    return torch.load(folder / 'state.pt', weights_only=True)['seconds']


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_recipe_survives_being_killed_and_stopped_and_ends_with_weights_and_their_score(tmp_path: Path) -> None:
    process = started(tmp_path)
    wait_for(tmp_path / 'scene', process)
    process.kill()
    process.wait()
    assert done(tmp_path) == ['render']

    process = started(tmp_path)
    wait_for(tmp_path / 'human', process)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == UNFINISHED
    assert done(tmp_path) == ['render', 'scene']
    stopped = seconds(tmp_path / 'human')
    assert 0 < stopped < 60 * NUMBERS['minutes'] * SHARES['human']

    pieces = 1
    while tiny(tmp_path, piece=0.01, **NUMBERS) == UNFINISHED:
        pieces += 1
    assert pieces >= 3, 'it was to end by its clock in between'
    assert done(tmp_path) == [*SHARES, 'score']
    for phase in ('scene', 'human', 'heads', 'pelvis'):
        assert seconds(tmp_path / phase) >= 60 * NUMBERS['minutes'] * SHARES[phase]
    assert seconds(tmp_path / 'human') > stopped
    assert Chromm.from_preset('tiny', tmp_path / 'tiny.safetensors').trained
    assert set(json.loads((tmp_path / 'score.json').read_text())) == {'known cameras', 'estimated cameras'}

    with pytest.raises(UsageError, match=r'begun with minutes 0\.1, not 0\.2: give'):
        tiny(tmp_path, **NUMBERS | {'minutes': 0.2})


def test_large_batches_learn_faster_up_to_a_limit() -> None:
    def rate(images: int) -> float:
        recipe = Recipe(25, 'cuda', images, 9, 9, 1, 1, None)
        return recipe.trainer('scene', 1e-3, 1.0).rate

    assert rate(24) == pytest.approx(1e-3)
    assert rate(54) == pytest.approx(1.5e-3)
    assert rate(1024) == pytest.approx(2e-3)


@pytest.mark.parametrize(
    ('wrong', 'text'),
    [
        ({'minutes': 0.0}, 'expected a time'),
        ({'weights': Path('nowhere.safetensors')}, 'expected a time and an existing file'),
        ({'scenes': 10**9}, r'rooms take 2000000\.0 GB, .* give fewer --scenes'),
    ],
)
def test_what_cannot_be_is_said_at_once(tmp_path: Path, wrong: dict, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        tiny(tmp_path, **NUMBERS | wrong)
    assert not (tmp_path / 'pool').exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_gpu_that_is_not_there_is_missed_before_rooms_are_rendered(tmp_path: Path) -> None:
    with pytest.raises((ValueError, RuntimeError), match=r'cuda|CUDA'):
        tiny(tmp_path, device='cuda', **NUMBERS)
    assert not list(tmp_path.iterdir())
