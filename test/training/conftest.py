"""A pool of four rooms, and body files, that all tests of the training share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fake_bodies import fake_bodies

from chromm_ros.body.library import BodyLibrary
from chromm_ros.body.model import BodyModel
from chromm_ros.synthetic.pool import Pool, PoolSettings, render_pool
from chromm_ros.training.clips import Clips


@pytest.fixture(scope='session')
def pool(tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return render_pool(tmp_path_factory.mktemp('pool'), scenes=4, settings=PoolSettings(seed=5))


@pytest.fixture(scope='session')
def clips(pool: Pool) -> Clips:
    return Clips(pool)


@pytest.fixture(scope='session')
def body() -> BodyModel:
    return BodyModel.load_proxy()


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / 'run'


@pytest.fixture(scope='session')
def body_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_bodies(tmp_path_factory.mktemp('bodies'))


@pytest.fixture(scope='session')
def bodies(body_folder: Path) -> BodyLibrary:
    return BodyLibrary(body_folder)


@pytest.fixture(autouse=True, scope='session')
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield
