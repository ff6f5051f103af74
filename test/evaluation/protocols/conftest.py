"""Small copies of the data sets, and ``chromm evaluate`` on them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_bodies import fake_bodies

from chromm_ros.body.library import BodyLibrary
from chromm_ros.cli import main


@pytest.fixture(autouse=True, scope='session')
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield


@pytest.fixture(scope='session')
def body_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_bodies(tmp_path_factory.mktemp('bodies'))


@pytest.fixture(scope='session')
def bodies(body_folder: Path) -> BodyLibrary:
    return BodyLibrary(body_folder)


@pytest.fixture
def evaluate(body_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run ``chromm evaluate KIND --data FOLDER --bodies ... OPTIONS`` and give the exit status and the JSON."""

    def command(kind: str, folder: Path, *options: object, file: str = 'result.json') -> tuple[int, dict]:
        path = tmp_path / file
        words = ['chromm', 'evaluate', kind, '--data', folder, '--bodies', body_folder, '--json', path, *options]
        monkeypatch.setattr(sys, 'argv', list(map(str, words)))
        status = main()
        return status, json.loads(path.read_text()) if path.is_file() else {}

    return command


@pytest.fixture
def both_ways(evaluate: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """The JSON by the oracle, after a check that its estimates, read back from their files, score the same."""

    def command(kind: str, folder: Path, oracle: str, *options: object) -> dict:
        status, result = evaluate(kind, folder, '--oracle', oracle, *options)
        again, from_files = evaluate(
            kind, folder, '--predictions', tmp_path / 'result.json.parts', *options, file='from_files.json'
        )
        assert status == again == 0
        for name, averages in result['metrics'].items():
            assert from_files['metrics'][name]['mean'] == pytest.approx(averages['mean'], abs=1e-9)
        assert from_files['coverage'] == result['coverage']
        return result

    return command
