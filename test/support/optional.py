"""What some tests need beyond package.xml; without it they are skipped, and say what to install."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

PYTHON_PACKAGES = ('playwright', 'sphinx', 'myst_parser')
"""Importable names that requirements-dev.txt brings and rosdep does not."""


def need_package(name: str) -> None:
    """Skip the test that runs unless a Python package is installed."""
    assert name in PYTHON_PACKAGES, f'{name} is not among the optional packages'
    if importlib.util.find_spec(name) is None:
        pytest.skip(f'{name} is not installed: pip install -r requirements-dev.txt')


def need_program(*names: str, advice: str) -> Path:
    """The first of some programs that is on the path or beside the interpreter; without one the test is skipped."""
    here = Path(sys.executable).parent
    for name in names:
        found = shutil.which(name) or shutil.which(name, path=str(here))
        if found:
            return Path(found)
    pytest.skip(f'{" or ".join(names)} is not installed: {advice}')
