"""Body files and copies of data sets that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_bodies import fake_bodies

from chromm_ros.body.library import BodyLibrary


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
