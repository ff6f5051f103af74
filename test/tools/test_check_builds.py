"""A clean clone, installed with pip, is complete and its messages cross between two processes."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.timeout(1200)
def test_pip_install_of_a_clean_clone_works_between_processes():
    command = [sys.executable, 'tools/check_builds.py', 'pip']
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'pip: built, complete, messages cross' in result.stdout
