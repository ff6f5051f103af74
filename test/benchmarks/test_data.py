from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_bodies import fake_bodies
from fake_images import fake_single_images

from chromm_ros.benchmarks.data import bench_data
from chromm_ros.body.library import BodyLibrary


def test_images_per_second_of_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    bodies = fake_bodies(tmp_path / 'bodies')
    (tmp_path / 'mpii').mkdir()
    fake_single_images(tmp_path / 'mpii', BodyLibrary(bodies), 'mpii')
    report = tmp_path / 'report.json'
    assert bench_data((f'mpii:{tmp_path / "mpii"}',), bodies, 'tiny', images=16, json=report) == 0
    rates = json.loads(report.read_text())['mpii']
    assert rates['images_per_cpu_second'] > 0
    assert 'for 4 GPUs' in capsys.readouterr().out
