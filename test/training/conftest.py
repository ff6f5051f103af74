"""A pool of four rooms that all tests of the training share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

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
