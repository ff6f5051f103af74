import json
from dataclasses import replace

import pytest
import torch

from chromm_ros.benchmarks import network, timing

ROW = {
    'window': '4x25',
    'stage': 'scene decoder',
    'seconds': 2.0,
    'wall_seconds': 2.1,
    'tflop': 1378.0,
    'tflops_per_second': 689.0,
    'share_of_peak': 0.87,
    'peak_memory_gb': 9.0,
    'paper_seconds': 8.89,
    'times_faster_than_paper': 4.445,
}


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def test_without_a_gpu_it_measures_the_tiny_preset_and_says_so(no_gpu, tmp_path, capsys):
    output = tmp_path / 'network.json'
    network.bench_network(views=2, steps=(1, 2), repeats=1, output=output)
    printed = capsys.readouterr().out
    assert 'No GPU: this is the tiny preset on a CPU' in printed
    report = json.loads(output.read_text())
    assert {row['window'] for row in report['stages']} == {'2x1', '2x2 cached'}
    assert {row['stage'] for row in report['stages']} == set(network.PAPER)
    assert all(row['seconds'] > 0 and row['tflop'] > 0 for row in report['stages'])
    assert all(row['paper_seconds'] is None for row in report['stages']), 'the paper has no tiny network'
    work = {(row['window'], row['stage']): row['tflop'] for row in report['stages']}
    assert work['2x2 cached', 'scene encoder'] == work['2x1', 'scene encoder'], 'old images are cached'
    assert work['2x2 cached', 'scene decoder'] > 2 * work['2x1', 'scene decoder']


def test_half_precision_that_a_cpu_cannot_run_is_refused(no_gpu):
    with pytest.raises(ValueError, match='fp16 needs a GPU'):
        network.bench_network(precision='fp16')


def test_ratios_to_the_paper_and_goals_are_printed():
    row = network.Measurement(**ROW)
    assert '8.89 s' in network.table([row])
    assert '4.4 x' in network.table([row])
    other = replace(row, stage='scene heads', peak_memory_gb=12.0)
    goals = '4x25: 4000.0 ms in all (goal on an H200: 5000 ms), 12.0 GB at most (goal: 24 GB)'
    assert list(network.totals([row, other], with_goals=True)) == [goals]
    assert list(network.totals([row], with_goals=False)) == ['4x25: 2000.0 ms in all, 9.0 GB at most']


def test_flops_of_attention_on_the_meta_device():
    q = torch.empty(1, 2, 100, 32, device='meta')
    counted = timing.flops(lambda: torch.nn.functional.scaled_dot_product_attention(q, q, q))
    assert counted == 4 * 2 * 100**2 * 32


def test_timing_is_the_median(monkeypatch):
    ticks = iter([0.0, 1.0, 10.0, 15.0, 20.0, 22.0])
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: next(ticks))
    assert timing.timed(lambda: None, torch.device('cpu'), 3).seconds == 2.0
